import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import pg from "pg";
import { openLog } from "../../../src/builds/log-writer.ts";
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

async function query(text: string, values: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

/** How a log's chunks stand in the table. */
async function chunksOf(run: string) {
  return (await query("select start::int, packing, length(content) as bytes from log_chunk where run = $1 order by start", [run])) as {
    start: number;
    packing: string;
    bytes: number;
  }[];
}

/** Its log "build" has been started. */
async function newRun(): Promise<string> {
  const run = `run ${++runs}`;
  await store.logs.restart(run, "build");
  return run;
}

/** As whoever started the log first. */
const append = (run: string, text: string) => store.logs.append(run, "build", 1, text);

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
    const run = await newRun();
    expect(await store.logs.read(run, "build", 0, 100)).toEqual({ text: "", next: 0, closed: false });
    await append(run, "Step 1\n");
    expect(await store.logs.read(run, "build", 0, 100)).toEqual({ text: "Step 1\n", next: 7, closed: false });
    await append(run, "Step 2\n");
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
          const run = await newRun();
          for (const chunk of chunks) await append(run, chunk);
          await store.logs.close(run, "build");
          expect(await readAll(run, maxBytes)).toBe(chunks.join(""));
        },
      ),
      { numRuns: 30 },
    );
  });

  test("NUL and half characters do not stop a log", async () => {
    const run = await newRun();
    await append(run, "a\0b\uD800c");
    await store.logs.close(run, "build");
    expect(await readAll(run, 100)).toBe("a\0b\uFFFDc");
  });

  test("writers at the same time lose nothing", async () => {
    const run = await newRun();
    await Promise.all(Array.from({ length: 40 }, (_, index) => append(run, `line ${index}\n`)));
    await store.logs.close(run, "build");
    const lines = (await readAll(run, 64)).trim().split("\n");
    expect(new Set(lines).size).toBe(40);
  });

  test("a step that runs again starts its log over", async () => {
    const run = await newRun();
    await append(run, "first try, a long one\n");
    await store.logs.close(run, "build");
    const fence = await store.logs.restart(run, "build");
    await store.logs.append(run, "build", fence, "second\n");
    expect(await store.logs.read(run, "build", 0, 100)).toMatchObject({ text: "second\n", closed: false });
    expect(await store.logs.read(run, "build", 22, 100)).toEqual({ text: "", next: 7, closed: false });
  });

  test("a worker that lost its run neither writes to its successor's log nor ends it", async () => {
    const run = await newRun();
    const open = () => openLog(store.logs, run, "build", 1000, (text) => text);
    const before = await open();
    before.sink("before\n");
    const successor = await open();
    before.sink("late\n");
    await before.close();
    expect(await store.logs.list(run)).toEqual([{ name: "build", bytes: 0, closed: false }]);
    successor.sink("second\n");
    await successor.close();
    expect(await store.logs.read(run, "build", 0, 100)).toEqual({ text: "second\n", next: 7, closed: true });
  });

  test("what comes after the end is dropped", async () => {
    const run = await newRun();
    await append(run, "all\n");
    await store.logs.close(run, "build");
    await append(run, "late\n");
    expect(await store.logs.read(run, "build", 0, 100)).toEqual({ text: "all\n", next: 4, closed: true });
  });
});

describe("closed logs", () => {
  const line = (i: number) => `#${i} [stage-0 ${i % 7}/9] RUN dnf -y install package-${i % 13} é😀\n`;

  test("are put together and packed; every offset gives what it gave before", async () => {
    const run = await newRun();
    const lines = Array.from({ length: 4000 }, (_, i) => line(i));
    for (let at = 0; at < lines.length; at += 80) await append(run, lines.slice(at, at + 80).join(""));
    const whole = Buffer.from(lines.join(""));
    expect((await chunksOf(run)).every((chunk) => chunk.packing === "none")).toBe(true);
    const offsets = [0, 1, 4095, 65_535, 65_536, 65_537, 100_000, whole.length - 1];
    const before = await Promise.all(offsets.map((offset) => store.logs.read(run, "build", offset, 5000)));
    await store.logs.close(run, "build");
    const chunks = await chunksOf(run);
    expect(chunks.every((chunk) => chunk.packing === "deflate")).toBe(true);
    expect(chunks.length).toBe(Math.ceil(whole.length / 68_000));
    expect(chunks.reduce((sum, chunk) => sum + chunk.bytes, 0)).toBeLessThan(whole.length / 5);
    const after = await Promise.all(offsets.map((offset) => store.logs.read(run, "build", offset, 5000)));
    expect(after.map(({ text, next }) => ({ text, next }))).toEqual(before.map(({ text, next }) => ({ text, next })));
    expect(await readAll(run, 30_000)).toBe(whole.toString("utf8"));
    expect(await store.logs.list(run)).toEqual([{ name: "build", bytes: whole.length, closed: true }]);
  });

  test("whatever was written, packed it is the same", async () => {
    const chunk = fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 50 }),
      fc.nat(3000).map((length) => `${"x".repeat(length)}é`),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(chunk, { minLength: 1, maxLength: 5 }),
        fc.nat(20_000),
        fc.integer({ min: 4, max: 9000 }),
        async (chunks, offset, most) => {
          const run = await newRun();
          const text = chunks.map((one) => one.repeat(10)).join("");
          for (const one of chunks) await append(run, one.repeat(10));
          const live = await store.logs.read(run, "build", offset, most);
          await store.logs.close(run, "build");
          const closed = await store.logs.read(run, "build", offset, most);
          expect({ text: closed.text, next: closed.next }).toEqual({ text: live.text, next: live.next });
          // A piece a time of a few bytes would be tens of thousands.
          expect(await readAll(run, Math.max(most, Math.ceil(text.length / 20)))).toBe(text.toWellFormed());
        },
      ),
      { numRuns: 15 },
    );
  });

  test("closing twice, and closing one that nobody wrote to, changes nothing", async () => {
    const run = await newRun();
    await append(run, "a\n");
    await store.logs.close(run, "build");
    const chunks = await chunksOf(run);
    await store.logs.close(run, "build");
    expect(await chunksOf(run)).toEqual(chunks);
    await store.logs.restart(run, "empty");
    await store.logs.close(run, "empty");
    expect(await store.logs.read(run, "empty", 0, 100)).toEqual({ text: "", next: 0, closed: true });
  });

  test("a reader on the way while a log is closed misses nothing", async () => {
    const run = await newRun();
    for (let i = 0; i < 300; i++) await append(run, line(i).repeat(10));
    const [read] = await Promise.all([readAll(run, 2000), store.logs.close(run, "build")]);
    expect(read).toBe(Array.from({ length: 300 }, (_, i) => line(i).repeat(10)).join(""));
  });

  test("chunks that an older release wrote are read as they are", async () => {
    const run = await newRun();
    await query("update log set bytes = 6, closed = true where run = $1", [run]);
    await query("insert into log_chunk (run, name, start, content) values ($1, 'build', 0, 'abc'), ($1, 'build', 3, 'def')", [run]);
    expect(await store.logs.read(run, "build", 2, 100)).toEqual({ text: "cdef", next: 6, closed: true });
  });
});

describe("retention", () => {
  const age = (run: string, days: number) =>
    query("update log set written_at = now() - make_interval(days => $2) where run = $1", [run, days]);
  const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);

  test("the text of old logs is removed, and that there was one is kept", async () => {
    const [old, young, live] = [await newRun(), await newRun(), await newRun()];
    for (const run of [old, young]) {
      await append(run, "text\n");
      await store.logs.append(run, "push", await store.logs.restart(run, "push"), "more\n");
      await store.logs.close(run, "build");
      await store.logs.close(run, "push");
    }
    // Its worker was lost long ago.
    await append(live, "never closed\n");
    await Promise.all([age(old, 31), age(young, 29), age(live, 31)]);
    expect(await store.logs.prune(daysAgo(30))).toBe(3);
    expect(await chunksOf(old)).toEqual([]);
    const pruned = { closed: true, prunedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) };
    expect(await store.logs.list(old)).toEqual([
      { name: "build", bytes: 5, ...pruned },
      { name: "push", bytes: 5, ...pruned },
    ]);
    expect(await store.logs.list(live)).toEqual([{ name: "build", bytes: 13, ...pruned }]);
    // A reader of it comes to the end at once.
    expect(await store.logs.read(old, "build", 0, 100)).toEqual({ text: "", next: 5, closed: true });
    expect(await store.logs.read(young, "build", 0, 100)).toEqual({ text: "text\n", next: 5, closed: true });
    expect(await store.logs.prune(daysAgo(30))).toBe(0);
  });

  test("more than one transaction holds are all removed", async () => {
    const run = await newRun();
    await query(
      "insert into log (run, name, bytes, closed, written_at) select $1, 'log ' || n, 1, true, now() - interval '1 year' from generate_series(1, 250) n",
      [run],
    );
    expect(await store.logs.prune(daysAgo(300))).toBe(250);
  });

  test("a log that is started over after it was pruned is a log again", async () => {
    const run = await newRun();
    await append(run, "first\n");
    await age(run, 400);
    await store.logs.prune(daysAgo(300));
    await append(run, "late\n");
    expect(await store.logs.read(run, "build", 0, 100)).toMatchObject({ text: "", closed: true });
    const fence = await store.logs.restart(run, "build");
    await store.logs.append(run, "build", fence, "second\n");
    expect(await store.logs.list(run)).toEqual([{ name: "build", bytes: 7, closed: false }]);
    expect(await store.logs.read(run, "build", 0, 100)).toMatchObject({ text: "second\n" });
  });
});
