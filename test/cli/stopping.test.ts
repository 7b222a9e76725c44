import { expect, test } from "@jest/globals";
import { run } from "../../demo/flibs-process.ts";
import { type Log, silentLog } from "../../src/log.ts";
import { stopParts } from "../../src/stopping.ts";

function listening() {
  const told: unknown[] = [];
  const tell = (fields: unknown, words: unknown) => void told.push({ ...(fields as object), words });
  return { told, log: { ...silentLog, info: tell, warn: tell } as unknown as Log };
}

const never = () => new Promise(() => {});

test("parts are stopped one after the other, and nobody hears of those that stop at once", async () => {
  const { told, log } = listening();
  const stopped: string[] = [];
  const part = (name: string) => ({
    name,
    stop: async () => {
      stopped.push(`${name} begins`);
      await new Promise((done) => setImmediate(done));
      stopped.push(`${name} ends`);
    },
  });
  await stopParts([part("a"), part("b")], log);
  expect(stopped).toEqual(["a begins", "a ends", "b begins", "b ends"]);
  expect(told).toEqual([]);
});

test("what does not end is named and left, and the rest is stopped all the same", async () => {
  const { told, log } = listening();
  const stopped: string[] = [];
  await stopParts(
    [
      { name: "the forge", stop: never, patienceMs: 20 },
      { name: "the database", stop: () => stopped.push("the database") },
    ],
    log,
  );
  expect(stopped).toEqual(["the database"]);
  expect(told).toEqual([
    { part: "the forge", words: "stopping takes long" },
    { part: "the forge", patienceMs: 20, words: "what does not stop is left behind" },
  ]);
});

test("the first error is thrown when all are stopped, also one that is thrown at once", async () => {
  const stopped: string[] = [];
  const failing = (words: string) => () => {
    throw new Error(words);
  };
  const parts = [
    { name: "a", stop: failing("first") },
    { name: "b", stop: async () => failing("second")() },
    { name: "c", stop: () => stopped.push("c") },
  ];
  await expect(stopParts(parts, silentLog)).rejects.toThrow("first");
  expect(stopped).toEqual(["c"]);
});

test("a stopped service that something still keeps ends, with its own exit code, and says what it was", async () => {
  const stopping = JSON.stringify(new URL("../../src/stopping.ts", import.meta.url).href);
  const program = `
    import { endWithoutRest } from ${stopping};
    setInterval(() => {}, 60_000);
    process.exitCode = 3;
    endWithoutRest({ warn: (fields, words) => console.log(JSON.stringify({ ...fields, words })) });`;
  const words = ["--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", program];
  const { code, out } = await run(process.execPath, words);
  expect(code).toBe(3);
  expect(JSON.parse(out)).toEqual({ open: expect.arrayContaining(["Timeout"]), words: "what is still open ends with the process" });
}, 30_000);

test("one that nothing keeps ends at once, whatever is to be said later", async () => {
  const stopping = JSON.stringify(new URL("../../src/stopping.ts", import.meta.url).href);
  const program = `
    import { endWithoutRest } from ${stopping};
    endWithoutRest({ warn: () => console.log("warned") });`;
  const words = ["--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", program];
  expect(await run(process.execPath, words)).toEqual({ code: 0, out: "", err: "" });
}, 30_000);
