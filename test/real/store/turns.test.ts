import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Store } from "../../../src/store/store.ts";
import { type TestClock, testClock } from "../../support/clock.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";

let database: TestDatabase;
let store: Store;
let clock: TestClock;
let asked = 0;

beforeAll(async () => {
  database = await testDatabase();
  clock = testClock();
  store = await database.open(clock);
});
afterAll(() => database.drop());

async function ask(repository: string): Promise<void> {
  const key = `build ${repository} ${++asked}`;
  const request = { flow: "build", subject: key, intent: { repository }, key, whenBusy: "queue" } as const;
  await store.transaction((transaction) => store.journal.start(request, transaction));
}

/** What a worker with so many places does: takes the first that is due, and ends the one that it has had for longest. Gives repositories as they were begun. */
async function takeAll(places: number): Promise<readonly string[]> {
  const { journal } = store;
  const presence = await journal.openPresence();
  const begun: string[] = [];
  const open: (() => Promise<unknown>)[] = [];
  for (;;) {
    const [next] = open.length < places ? await journal.listDue(["build"], 1) : [];
    if (next === undefined) {
      const end = open.shift();
      if (end === undefined) break;
      await end();
      continue;
    }
    const claim = await journal.claim(next, presence.holder, 30_000, ["build"]);
    if (claim === undefined) throw new Error(`run ${next} is due and cannot be claimed`);
    begun.push((claim.run.intent as { repository: string }).repository);
    open.push(() => store.transaction((transaction) => journal.end(claim.lease, "done", undefined, transaction)));
    // Begun at different times, as in life.
    clock.advance(10);
  }
  await presence.close();
  return begun;
}

test("whatever was queued before, between two builds of one repository that waits each other has at most one", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 14 }), async (queue) => {
      for (const repository of queue) await ask(repository);
      const begun = await takeAll(1);
      expect(begun.toSorted()).toEqual(queue.toSorted());
      for (const repository of new Set(queue)) {
        // From the beginning, or from one of its builds, to its next one.
        for (const between of begun.join("").split(repository).slice(0, -1)) {
          expect([repository, between, new Set(between).size]).toEqual([repository, between, between.length]);
        }
      }
      await database.query("delete from run");
    }),
    { numRuns: 15 },
  );
}, 60_000);

test("with several places the repositories with the fewest at work come first", async () => {
  for (const repository of ["big", "big", "big", "big", "small", "other"]) await ask(repository);
  expect(await takeAll(3)).toEqual(["big", "small", "other", "big", "big", "big"]);
});
