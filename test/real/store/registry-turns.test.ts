import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Store } from "../../../src/store/store.ts";
import { testClock } from "../../support/clock.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";

let database: TestDatabase;
let stores: readonly [Store, Store];

beforeAll(async () => {
  database = await testDatabase();
  stores = [await database.open(testClock()), await database.open(testClock())];
});
afterAll(() => database.drop());

/** How many were at work at once, by name. */
function counter() {
  const now = new Map<string, number>();
  const most = new Map<string, number>();
  const work = (name: string, fails: boolean) => async () => {
    now.set(name, (now.get(name) ?? 0) + 1);
    most.set(name, Math.max(most.get(name) ?? 0, now.get(name) ?? 0));
    await delay(5);
    now.set(name, (now.get(name) ?? 0) - 1);
    if (fails) throw new Error("broken");
  };
  return { most, work };
}

test("two replicas never work on one name at once, whoever fails, and on two names they do", async () => {
  const { most, work } = counter();
  const all: Promise<void>[] = [];
  for (let round = 0; round < 10; round += 1) {
    for (const store of stores) {
      for (const name of ["a", "b"]) all.push(store.turns.take(name, work(name, round % 3 === 1)));
    }
  }
  const ended = await Promise.allSettled(all);
  expect(ended.filter((one) => one.status === "rejected")).toHaveLength(12);
  expect([...most].toSorted()).toEqual([
    ["a", 1],
    ["b", 1],
  ]);
  // Each waits for the other to have begun: one after the other they would never end.
  const [c, d] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const meet = (name: string, mine: typeof c, other: typeof c) =>
    stores[0].turns.take(name, async () => {
      mine.resolve();
      await other.promise;
    });
  await Promise.all([meet("c", c, d), meet("d", d, c)]);
});

test("many who wait for one name leave the other turns' connections alone", async () => {
  let free = () => {};
  const held = new Promise<void>((resolve) => {
    free = resolve;
  });
  const first = stores[0].turns.take("long", () => held);
  const waiting = Array.from({ length: 20 }, () => stores[0].turns.take("long", async () => {}));
  expect(await stores[0].turns.take("other", async () => "done")).toBe("done");
  free();
  await Promise.all([first, ...waiting]);
});
