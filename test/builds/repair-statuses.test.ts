import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { repairStatuses } from "../../src/builds/repair-statuses.ts";
import { testFlow } from "../../src/builds/test-flow.ts";
import { appError } from "../../src/domain/errors.ts";
import type { CommitStatus } from "../../src/forge/forge.ts";
import type { Ending, Run } from "../../src/workflow/run.ts";
import { fakeRuns } from "../fakes/runs.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";
import { buildWorld, request } from "./build-world.ts";
import { pullWorld, repository } from "./pull-world.ts";

const now = new Date("2026-11-23T22:00:00Z");
const build = "flibs / build (linux/amd64)";
const lint = "flibs / lint";

let scratch: ScratchDirectory;
let world: ReturnType<typeof buildWorld>;
let runs: ReturnType<typeof fakeRuns>;
beforeEach(async () => {
  scratch = await scratchDirectory();
  world = buildWorld(scratch.path);
  runs = fakeRuns();
});
afterEach(() => scratch.remove());

function addRun(id: string, more: Partial<Run> & { readonly ending: Ending }): void {
  const at = { createdAt: "2026-11-23T21:00:00Z", finishedAt: "2026-11-23T21:30:00Z" };
  runs.all.push({ id, flow: "build", subject: "s", intent: request, status: more.ending.status, attempt: 0, ...at, ...more });
}
const journal = async (id: string) => [...world.journal.runOf(id).journal.values()];
const repair = (at = now) => repairStatuses(world.ports, { ...runs.runs, journal }, at);
const open = (status: CommitStatus | undefined): CommitStatus => ({ ...(status as CommitStatus), state: "running", title: "Building" });

test("what stands as it should costs nothing", async () => {
  await world.run("run-1");
  addRun("run-1", { ending: { status: "done" } });
  expect(await repair()).toBe(0);
});

test("a status that stayed open after its run is brought to its end", async () => {
  await world.run("run-1");
  addRun("run-1", { ending: { status: "done" } });
  world.statuses.set(build, open(world.statuses.get(build)));
  world.statuses.delete(lint);
  expect(await repair()).toBe(2);
  expect(world.statuses.get(build)).toMatchObject({ state: "success", key: "run-1" });
  expect(world.statuses.get(lint)).toMatchObject({ state: "success", key: "run-1" });
  expect(await repair()).toBe(0);
});

test("a forge that was away for the whole of a run's last words hears them later, with why it was cancelled", async () => {
  const run = world.journal.runOf("run-1");
  run.before = (step) => {
    if (step === "build linux/amd64") run.controller.abort();
    if (step === "final status") throw appError("forge.git-slow", "no answer");
  };
  const ending = { status: "cancelled", reason: "cancelled by alice" } as const;
  await expect(world.run("run-1", request, () => ending)).rejects.toThrow("no answer");
  // Its last words failed, so the worker calls the run failed; how it was to end is in `ending`.
  addRun("run-1", { ending, status: "failed", error: { code: "forge.git-slow", kind: "transient", message: "no answer" } });
  expect(await repair(new Date("2026-11-24T20:00:00Z"))).toBeGreaterThan(0);
  expect(world.statuses.get(build)).toMatchObject({ state: "cancelled", title: "Cancelled by alice" });
  expect([...world.statuses.values()].filter((one) => one.state === "running" || one.state === "pending")).toEqual([]);
});

test("runs of long ago are let be, and those that have said their last words after an hour", async () => {
  await world.run("run-1");
  addRun("run-1", { ending: { status: "done" } });
  world.statuses.clear();
  expect(await repair(new Date("2026-11-23T22:31:00Z"))).toBe(0);
  world.journal.runOf("run-1").journal.delete("final status");
  expect(await repair(new Date("2026-11-24T21:31:00Z"))).toBe(0);
  expect(await repair(new Date("2026-11-24T21:29:00Z"))).toBe(4);
});

test("what a newer run says of the same commit is left alone, what an older one says is not", async () => {
  await world.run("run-1");
  addRun("run-1", { ending: { status: "done" } });
  const said = world.statuses.get(build) as CommitStatus;
  addRun("run-2", { createdAt: "2026-11-23T21:05:00Z", status: "running", ending: { status: "done" } });
  addRun("run-0", { createdAt: "2026-11-23T20:55:00Z", status: "running", ending: { status: "done" } });
  for (const [key, mended] of [
    ["run-2", 0],
    ["somebody", 0],
    ["run-0", 1],
  ] as const) {
    world.statuses.set(build, { ...open(said), key });
    expect([key, await repair()]).toEqual([key, mended]);
  }
});

test("tests that were run again are repaired from the build's record", async () => {
  await world.run("run-1");
  const flow = testFlow({ ...world.ports, runs: { ...runs.runs, journal } });
  const intent = { build: "run-1", requestedBy: "bob" };
  await world.journal.attempt(flow, "run-2", intent);
  addRun("run-1", { ending: { status: "done" } });
  addRun("run-2", { flow: "test", intent, createdAt: "2026-11-23T21:10:00Z", ending: { status: "done" } });
  const name = "flibs / test: smoke";
  world.statuses.set(name, open(world.statuses.get(name)));
  expect(await repair()).toBe(1);
  expect(world.statuses.get(name)).toMatchObject({ state: "success", key: "run-2" });
});

test("a look at a pull request is repaired from its journal", async () => {
  const pull = await pullWorld(scratch.path);
  pull.trust = { trusted: false, base: pull.base };
  const head = await pull.head();
  await pull.run("run-1");
  const at = { createdAt: "2026-11-23T21:00:00Z", finishedAt: "2026-11-23T21:30:00Z", attempt: 0 };
  const run: Run = { id: "run-1", flow: "pull", subject: "s", intent: pull.look(head), status: "done", ending: { status: "done" }, ...at };
  const mend = (one: Run) =>
    repairStatuses(
      { ...world.ports, forge: () => pull.forge },
      {
        list: async ({ flow }) => (flow === "pull" ? [one] : []),
        find: async () => undefined,
        journal: async (id) => [...pull.journal.runOf(id).journal.values()],
      },
      now,
    );
  expect(await mend(run)).toBe(0);
  for (const status of await pull.forge.listStatuses(repository, head)) await pull.forge.setStatus(repository, head, open(status));
  expect(await mend(run)).toBe(2);
  expect(await pull.stateOf(head)).toEqual({ [lint]: "success", "flibs / approval": "waiting-approval" });

  // Called off: it takes back what is open, and puts nothing over what is not.
  const called: Run = { ...run, status: "superseded", ending: { status: "superseded", reason: "superseded by 20261123-v0r7k2q" } };
  pull.journal.runOf("run-1").journal.delete("lint");
  expect(await mend(called)).toBe(0);
  await pull.forge.setStatus(repository, head, open(await pull.statusOf(head, lint)));
  expect(await mend(called)).toBe(1);
  expect(await pull.stateOf(head)).toMatchObject({ [lint]: "cancelled" });
});

test("one broken repository does not keep the others from being mended, and is told", async () => {
  await world.run("run-1");
  world.statuses.clear();
  addRun("run-1", { ending: { status: "done" } });
  addRun("run-2", {
    flow: "pull",
    intent: { forge: "broken", repository, number: 1, head: "a".repeat(40) },
    ending: { status: "failed", error: { code: "forge.git-slow", kind: "transient", message: "x" } },
    createdAt: "2026-11-23T21:20:00Z",
  });
  const forge = (name: string) => {
    if (name === "broken") throw appError("forge.git-slow", "no answer");
    return world.ports.forge(name);
  };
  await expect(repairStatuses({ ...world.ports, forge }, { ...runs.runs, journal }, now)).rejects.toThrow("no answer");
  expect(world.statuses.size).toBe(4);
});
