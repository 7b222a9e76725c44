import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { RunOutcome } from "../../src/engines/engine.ts";
import { searchBudget } from "../../src/gating/search.ts";
import { hearing } from "../../src/gating/structure/hearing.ts";
import { searchAll } from "../../src/gating/structure/judgement.ts";
import { structureRunner } from "../../src/gating/structure/structure-runner.ts";
import { fakeEngine } from "../fakes/engine.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";
import { turnTest } from "../support/turn-test.ts";

const never = new AbortController().signal;
const limits = { timeoutMs: 3000, memoryBytes: 2 ** 26, processes: 64 };

async function run(
  definition: object,
  { signal = never, timeoutMs = limits.timeoutMs, outcome = undefined as RunOutcome | undefined, large = Buffer.alloc(0) } = {},
) {
  await using tree = await scratchDirectory();
  await mkdir(join(tree.path, "etc"));
  await writeFile(join(tree.path, "etc/hello.txt"), "hello\n");
  await writeFile(join(tree.path, "etc/binary"), Buffer.from([0, 0xff, 0xfe, 0x1b, 0x5b]));
  await writeFile(join(tree.path, "etc/large"), large);
  await writeFile(join(tree.path, "sh"), "");
  const engine = fakeEngine();
  const dockerfile = 'FROM scratch\nCOPY sh /bin/sh\nCOPY etc /etc\nENV PATH=/bin GREETING="hello"\nLABEL a="\u001b[31mred"';
  const context = { platform: "linux/amd64", context: tree.path, dockerfile, parents: [], buildArguments: {} } as const;
  const built = await engine.build("b", { ...context, limits: { ...limits, timeoutMs: 60_000 } }, () => true, never);
  if (built.outcome !== "built") throw new Error(JSON.stringify(built));
  let log = "";
  const sink = (text: string) => {
    log += text;
    return log.length < 50_000;
  };
  const suite = { name: "structure", kind: "structure", definition: { schemaVersion: "2.0.0", ...definition }, required: true };
  const request = {
    suite,
    image: built.imageId,
    platform: "linux/amd64",
    tree: tree.path,
    artifacts: "",
    limits: { ...limits, timeoutMs },
  } as const;
  const port = outcome === undefined ? engine : { ...engine, run: async () => outcome };
  return { ...(await structureRunner({ engine: port }).run("t", request, sink, signal)), log };
}
const sh = (name: string, script: string, more = {}) => ({ name, command: "/bin/sh", args: ["-c", script], ...more });

test("results have the Go program's names and order", async () => {
  const result = await run({
    metadataTest: { envVars: [{ key: "GREETING", value: "hello" }] },
    licenseTests: [{ files: ["/etc/hello.txt"] }],
    fileExistenceTests: [{ name: "three", path: "/etc" }],
    fileContentTests: [{ name: "two", path: "/etc/hello.txt", expectedContents: ["^hello\\n$"] }],
    commandTests: [sh("one", "echo said", { expectedOutput: ["said"], excludedError: ["."] })],
  });
  expect(result.cases.map(({ name, outcome, message }) => [name, outcome, message])).toEqual([
    ["Command Test: one", "pass", ""],
    ["File Content Test: two", "pass", ""],
    ["File Existence Test: three", "pass", ""],
    ["License Test", "pass", ""],
    ["Metadata Test", "pass", ""],
  ]);
  expect(result).toMatchObject({ suite: "structure", outcome: "pass", message: "5 passed" });
});

describe("ST1: a test without name, command or path fails", () => {
  test.each([
    [{ commandTests: [{ command: "/bin/sh" }] }, "Command Test: ", "the test has no name"],
    [{ commandTests: [{ name: "a" }] }, "Command Test: a", "the test has no command"],
    [{ commandTests: [{}] }, "Command Test: ", "the test has no name; the test has no command"],
    [{ fileExistenceTests: [{ path: "/etc" }] }, "File Existence Test: ", "the test has no name"],
    [{ fileExistenceTests: [{ name: "a", path: "", shouldExist: false }] }, "File Existence Test: a", "the test has no path"],
    [{ fileContentTests: [{ name: "a" }] }, "File Content Test: a", "the test has no path"],
    [{ commandTests: [sh("a", "true", { setup: [["/bin/sh"], []] })] }, "Command Test: a", "setup has an empty command"],
    [{ commandTests: [sh("a", "true", { envVars: [{ key: "A" }] })] }, "Command Test: a", "envVars has a variable without key or value"],
    [{ metadataTest: { labels: [{ value: "x" }] } }, "Metadata Test", "labels has a label without key"],
  ])("%j", async (definition, name, message) => {
    expect((await run(definition)).cases).toMatchObject([{ name, outcome: "fail", message }]);
  });
});

describe("how a command ends", () => {
  test.each<readonly [string, RunOutcome, string, string]>([
    ["not started", { outcome: "not-started", message: "no such file" }, "fail", "could not be started: no such file"],
    ["too slow", { outcome: "timed-out" }, "error", "did not end within the time of the suite"],
    ["too loud", { outcome: "log-limit" }, "error", "printed more than the log limit allows"],
    ["too greedy", { outcome: "disk-limit" }, "error", "wrote more on the disk than is allowed"],
    ["cancelled", { outcome: "cancelled" }, "error", "cancelled"],
    ["too large", { outcome: "exited", exitCode: 137, outOfMemory: true }, "error", "was stopped for using too much memory"],
    ["another exit code", { outcome: "exited", exitCode: 3, outOfMemory: false }, "fail", "returned 3, expected 0"],
  ])("%s", async (_, outcome, expected, message) => {
    const result = await run({ commandTests: [sh("a", "true")] }, { outcome });
    expect(result).toMatchObject({ outcome: expected, cases: [{ outcome: expected, message }] });
  });
});

test("ST6: paths lead nowhere but into the image", async () => {
  const paths = [
    "../../etc/hello.txt",
    "etc/hello.txt",
    "/../etc/../../etc/hello.txt",
    "/proc/self/environ",
    "/etc/passwd",
    "../../../../etc/shadow",
  ];
  const { cases } = await run({ fileContentTests: paths.map((path) => ({ name: path, path })) });
  expect(cases.map(({ outcome }) => outcome)).toEqual(["pass", "pass", "pass", "fail", "fail", "fail"]);
});

test("ST7: control characters of names, files and labels reach neither results nor log", async () => {
  const result = await run({
    fileContentTests: [
      { name: "a\u0000b\u001b[31m\r\nPASS\u202e", path: "/etc/binary", expectedContents: ["\\x00\u001b"] },
      { name: "b", path: "/etc/\u0007", expectedContents: [] },
    ],
    metadataTest: { labels: [{ key: "a", value: "x" }] },
  });
  for (const text of [result.log.replaceAll("\n", ""), result.message, ...result.cases.flatMap(({ name, message }) => [name, message])]) {
    expect(text).not.toMatch(/[\p{Cc}\u202e]/u);
  }
  expect(result.cases[0]).toMatchObject({ name: "File Content Test: a b [31m  PASS ", outcome: "fail" });
});

test("ST8: a binary file is searched byte by byte", async () => {
  const definition = {
    fileContentTests: [{ name: "a", path: "/etc/binary", expectedContents: ["^\\x00..\\x1b\\[$"], excludedContents: ["hello"] }],
  };
  expect(await run(definition)).toMatchObject({ outcome: "pass" });
});

test("ST5: an expression that takes for ever ends the test as an error", async () => {
  const bytes = Buffer.alloc(8 * 2 ** 20, "a");
  const problems = await searchAll([{ where: "it", bytes, expected: ["(((a{50}){20})b)", "x"], excluded: [] }], searchBudget());
  expect(problems).toEqual([
    { outcome: "error", message: "searching it for /(((a{50}){20})b)/ takes too long; write a simpler expression", final: true },
  ]);
});

turnTest("all searches of a suite have one time, and another try would not change that", async () => {
  const startedAt = performance.now();
  const budget = { leftMs: 300 };
  const search = () =>
    searchAll([{ where: "it", bytes: Buffer.alloc(2 ** 22, "a"), expected: ["(((a{50}){20})b)"], excluded: [] }], budget);
  for (let one = 0; one < 20; one++) await search();
  expect(performance.now() - startedAt).toBeLessThan(1500);
  expect(await search()).toEqual([{ outcome: "error", message: "searching it takes too long, with all tests of the suite", final: true }]);
  const slow = { name: "slow", path: "/etc/large", expectedContents: ["(((a{50}){20})b)"] };
  const result = await run({ fileContentTests: [slow], commandTests: [sh("quick", "true")] }, { large: Buffer.alloc(2 ** 22, "a") });
  expect(result).toMatchObject({ outcome: "error", final: true, cases: [{ outcome: "pass" }, { outcome: "error" }] });
});

test("what was not kept of the output can't be said to be without something", async () => {
  const { output, heard } = hearing();
  output("stdout", Buffer.alloc(4 * 2 ** 20, "a"));
  expect(heard().isCut).toBe(false);
  output("stdout", Buffer.from("b"));
  output("stderr", Buffer.from("c"));
  expect(heard()).toMatchObject({ isCut: true, stderr: Buffer.from("c") });
  expect(heard().stdout).toHaveLength(4 * 2 ** 20);
});

test("the suite's time is shared, and a cancelled suite is an error", async () => {
  const slow = await run({ commandTests: [sh("a", "sleep 1000"), sh("b", "exit 0")] }, { timeoutMs: 100 });
  expect(slow.cases.map(({ message }) => message)).toEqual([
    "did not end within the time of the suite",
    "not run: the time of the suite was used up",
  ]);
  const cancelled = await run(
    { fileExistenceTests: [{ name: "a", path: "/etc" }], commandTests: [sh("b", "exit 0")] },
    { signal: AbortSignal.abort() },
  );
  expect(cancelled.cases).toMatchObject([{ message: "cancelled" }, { message: "cancelled" }]);
  expect(cancelled.outcome).toBe("error");
});

test("a suite that lint would not have let through is an error, one without tests fails", async () => {
  expect(await run({ commandTest: [] })).toMatchObject({
    outcome: "error",
    cases: [],
    message: expect.stringContaining("the suite is not valid"),
  });
  expect(await run({ containerRunOptions: { privileged: true }, licenseTests: [{}] })).toMatchObject({ outcome: "error" });
  expect(await run({ metadataTest: {} })).toMatchObject({ outcome: "fail", message: "the file has no test" });
  const broken = { fileContentTests: [{ name: "a", path: "/etc/hello.txt", excludedContents: ["("] }] };
  expect(await run(broken)).toMatchObject({ outcome: "fail", message: expect.stringContaining("is no RE2 expression") });
});

test("setup sees the test's variables, and only then the command's words do", async () => {
  const envVars = [{ key: "OWN", value: "$GREETING!" }];
  const words = { expectedOutput: ["^hello! hello!\\n$"], envVars };
  expect(
    await run({
      commandTests: [{ name: "a", command: "/bin/sh", args: ["-c", "echo $OWN $OWN"], setup: [["/bin/sh", "-c", "true"]], ...words }],
    }),
  ).toMatchObject({
    outcome: "pass",
  });
  const without = { name: "a", command: "/bin/sh", args: ["-c", "echo [$OWN]"], expectedOutput: ["^\\[\\]\\n$"], envVars };
  expect(await run({ commandTests: [without] })).toMatchObject({ outcome: "pass" });
});

test("no name breaks a line of the log", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary", maxLength: 50 }), async (name) => {
      const { log, cases } = await run({ fileExistenceTests: [{ name, path: "/etc" }] });
      expect(log.split("\n")).toHaveLength(3);
      expect(cases[0]?.name).not.toMatch(/\p{Cc}/u);
    }),
    { numRuns: 20 },
  );
});

test("a test whose variables become too long fails, and the others are carried out", async () => {
  const long = "x".repeat(16_000);
  const result = await run({
    globalEnvVars: [{ key: "LONG", value: long }],
    fileExistenceTests: [{ name: "path", path: `/${"$LONG".repeat(5)}` }],
    commandTests: [{ ...sh("word", "true"), args: ["-c", "true", "$LONG".repeat(5)] }, sh("short", "true")],
  });
  expect(result.cases.map(({ name, outcome, message }) => [name, outcome, message])).toEqual([
    ["Command Test: word", "fail", "a value becomes too long with its variables: more than 64 KiB"],
    ["Command Test: short", "pass", ""],
    ["File Existence Test: path", "fail", "a value becomes too long with its variables: more than 64 KiB"],
  ]);
});
