import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
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
