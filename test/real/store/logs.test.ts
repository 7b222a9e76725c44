import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Store } from "../../../src/store/store.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";

let database: TestDatabase;
let store: Store;
let runs = 0;

beforeAll(async () => {
  database = await testDatabase();
  store = await database.open();
});

afterAll(async () => database.drop());

const newRun = () => `run ${++runs}`;

async function readAll(run: string, maxBytes: number): Promise<string> {
  let text = "";
  for (let offset = 0; ; ) {
    const part = await store.logs.read(run, "build", offset, maxBytes);
    text += part.text;
    if (part.closed) return text;
    if (part.next === offset) throw new Error(`no progress at ${offset}`);
    offset = part.next;
  }
}

describe("live logs", () => {
  test("a reader follows by offset until the log is closed", async () => {
    const run = newRun();
    expect(await store.logs.read(run, "build", 0, 100)).toEqual({ text: "", next: 0, closed: false });
    await store.logs.append(run, "build", "Step 1\n");
    expect(await store.logs.read(run, "build", 0, 100)).toEqual({ text: "Step 1\n", next: 7, closed: false });
    await store.logs.append(run, "build", "Step 2\n");
    await store.logs.close(run, "build");
    expect(await store.logs.read(run, "build", 7, 100)).toEqual({ text: "Step 2\n", next: 14, closed: true });
    expect(await store.logs.read(run, "build", 7, 4)).toEqual({ text: "Step", next: 11, closed: false });
    expect(await store.logs.list(run)).toEqual([{ name: "build", bytes: 14, closed: true }]);
  });

  test("whatever the cuts, the pieces make the text", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: "binary", minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 4, max: 20 }),
        async (chunks, maxBytes) => {
          const run = newRun();
          for (const chunk of chunks) await store.logs.append(run, "build", chunk);
          await store.logs.close(run, "build");
          expect(await readAll(run, maxBytes)).toBe(chunks.join(""));
        },
      ),
      { numRuns: 30 },
    );
  });

  test("NUL and half characters do not stop a log", async () => {
    const run = newRun();
    await store.logs.append(run, "build", "a\0b\uD800c");
    await store.logs.close(run, "build");
    expect(await readAll(run, 100)).toBe("a\0b\uFFFDc");
  });

  test("writers at the same time lose nothing", async () => {
    const run = newRun();
    await Promise.all(Array.from({ length: 40 }, (_, index) => store.logs.append(run, "build", `line ${index}\n`)));
    await store.logs.close(run, "build");
    const lines = (await readAll(run, 64)).trim().split("\n");
    expect(new Set(lines).size).toBe(40);
  });

  test("a step that runs again starts its log over", async () => {
    const run = newRun();
    await store.logs.append(run, "build", "first try, a long one\n");
    await store.logs.close(run, "build");
    await store.logs.restart(run, "build");
    await store.logs.append(run, "build", "second\n");
    expect(await store.logs.read(run, "build", 0, 100)).toMatchObject({ text: "second\n", closed: false });
    expect(await store.logs.read(run, "build", 22, 100)).toEqual({ text: "", next: 7, closed: false });
  });

  test("what comes after the end is dropped", async () => {
    const run = newRun();
    await store.logs.append(run, "build", "all\n");
    await store.logs.close(run, "build");
    await store.logs.append(run, "build", "late\n");
    expect(await store.logs.read(run, "build", 0, 100)).toEqual({ text: "all\n", next: 4, closed: true });
  });
});
