import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import fc from "fast-check";
import { z } from "zod";
import type { Step } from "../../../src/workflow/step.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import { gate, openWorld, untilAborted, type World } from "./workflow-world.ts";

interface Asked {
  readonly name: string;
  readonly repository: string;
}

let database: TestDatabase;
let world: World;
let body: (step: Step, asked: Asked) => Promise<void>;

beforeAll(async () => {
  database = await testDatabase();
});
beforeEach(async () => {
  world = await openWorld(database, () => ({
    name: "test",
    intent: z.object({ name: z.string(), repository: z.string() }),
    run: (step, intent) => body(step, intent as Asked),
    finish: async () => {},
  }));
});
afterEach(async () => {
  await world.close();
  await database.query("delete from run");
});
afterAll(async () => database.drop());

const nothing = z.void();
let asked = 0;
const ask = (repository: string) => {
  const name = `${repository} ${++asked}`;
  return world.desk.runs.start(world.request(`build ${name}`, { intent: { name, repository } }));
};

/** What a worker with one place does, without its jobs: takes the first that is due, and ends it. Gives the repositories in the order of their runs. */
async function takeAll(): Promise<readonly string[]> {
  const { journal } = world.store;
  const presence = await journal.openPresence();
  const begun: string[] = [];
  for (let [next] = await journal.listDue(["test"], 1); next !== undefined; [next] = await journal.listDue(["test"], 1)) {
    const claim = await journal.claim(next, presence.holder, 30_000, ["test"]);
    if (claim === undefined) throw new Error(`run ${next} is due and cannot be claimed`);
    begun.push((claim.run.intent as Asked).repository);
    await world.store.transaction((transaction) => journal.end(claim.lease, "done", undefined, transaction));
    // Begun at different times, as in life.
    world.clock.advance(10);
  }
  await presence.close();
  return begun;
}

test("whatever was queued before, between two builds of one repository that waits each other has at most one", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 16 }), async (queue) => {
      for (const repository of queue) await ask(repository);
      const begun = await takeAll();
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

test("one build of a repository with a long queue does not keep the other's from the second place", async () => {
  const atWork = new Set<string>();
  const both = gate();
  const leave = gate();
  body = async (step, { repository, name }) =>
    step("work", nothing, async () => {
      atWork.add(name);
      if ([...atWork].some((one) => one.startsWith("big")) && repository === "small") both.open();
      await leave.opened;
      atWork.delete(name);
    });
  const runs: string[] = [];
  for (let index = 0; index < 6; index++) runs.push(await ask("big"));
  runs.push(await ask("small"));
  await world.worker({ most: { test: 2 } });
  await both.opened;
  expect(atWork.size).toBe(2);
  leave.open();
  for (const run of runs) expect(await world.untilEnded(run)).toMatchObject({ status: "done" });
});

test("a waiting run that is cancelled ends at once, though all places are taken", async () => {
  const begun = gate();
  body = async (step) =>
    step("work", nothing, async (_, signal) => {
      begun.open();
      await untilAborted(signal);
    });
  await world.worker({ most: { test: 1 } });
  const first = await ask("a");
  await begun.opened;
  const second = await ask("b");
  await world.desk.runs.cancel(second, "cancelled by alice");
  expect(await world.untilEnded(second)).toMatchObject({ status: "cancelled" });
  await world.desk.runs.cancel(first, "cancelled by alice");
  expect(await world.untilEnded(first)).toMatchObject({ status: "cancelled" });
});

test("a newer push may leave a build that has begun to its end, and replaces those that wait", async () => {
  const begun = gate();
  const leave = gate();
  body = async (step, { name }) =>
    step("work", nothing, async () => {
      if (name !== "first") return;
      begun.open();
      await leave.opened;
    });
  await world.worker();
  const push = (name: string) =>
    world.desk.runs.start(world.request("branch", { intent: { name, repository: "r" }, whenBusy: "supersede-waiting" }));
  const first = await push("first");
  await begun.opened;
  const second = await push("second");
  const third = await push("third");
  expect(await world.untilEnded(second)).toMatchObject({ status: "superseded" });
  leave.open();
  expect(await world.untilEnded(first)).toMatchObject({ status: "done" });
  expect(await world.untilEnded(third)).toMatchObject({ status: "done" });
});
