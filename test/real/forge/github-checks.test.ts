import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Annotation, CommitStatus } from "../../../src/forge/forge.ts";
import { githubForgeWorld } from "../../support/github-forge.ts";

let world: Awaited<ReturnType<typeof githubForgeWorld>>;
let commit: string;
beforeEach(async () => {
  world = await githubForgeWorld({ requestTimeoutMs: 5000 });
  commit = await world.person.commit("main", { Dockerfile: "FROM x\n" });
});
afterEach(async () => {
  await world.close();
  expect(world.github.violations).toEqual([]);
});

const status: CommitStatus = { name: "flibs / build", state: "running", title: "builds", summary: "so far so good", key: "build-1" };
const remarks = (count: number): readonly Annotation[] =>
  Array.from({ length: count }, (_, i) => ({ path: "Dockerfile", line: i + 1, level: "warning", message: `line ${i + 1}` }));
const set = (more: Partial<CommitStatus> = {}) => world.forge.setStatus(world.repository, commit, { ...status, ...more });
const runs = () => world.github.reads.allRuns(world.repository, commit);
const writes = () => world.github.usage.count("checks/create") + world.github.usage.count("checks/update");

describe("a status on GitHub", () => {
  test("is one check run from the beginning to the end of a build, and a new one when it is built again", async () => {
    await set({ state: "pending" });
    await set();
    await set({ state: "failure", title: "step 3 failed" });
    expect(runs()).toMatchObject([{ status: "completed", conclusion: "failure", externalId: "build-1" }]);
    await set({ key: "build-2", state: "pending" });
    await set({ key: "build-2", state: "success" });
    expect(runs()).toMatchObject([
      { conclusion: "failure", externalId: "build-1" },
      { conclusion: "success", externalId: "build-2" },
    ]);
  });

  test("that is said again costs no write", async () => {
    await set({ annotations: remarks(3) });
    const before = writes();
    await set({ annotations: remarks(3) });
    await world.openForge().setStatus(world.repository, commit, { ...status, annotations: remarks(3) });
    expect(writes()).toBe(before);
  });

  test("that ended otherwise than first said is corrected in place", async () => {
    await set({ state: "success", title: "tests passed" });
    await set({ state: "neutral", title: "one test was flaky" });
    expect(runs()).toMatchObject([{ conclusion: "neutral", title: "one test was flaky" }]);
  });

  test("leaves a run of the same name by another App alone", async () => {
    await world.github.foreignRun(world.repository, commit, { name: status.name, status: "in_progress" });
    await set({ state: "success" });
    expect(runs()).toMatchObject([{ status: "in_progress" }, { conclusion: "success" }]);
    expect(await world.forge.listStatuses(world.repository, commit)).toMatchObject([{ state: "success" }]);
  });

  test("offers its buttons while it is not over", async () => {
    const actions = [{ identifier: "cancel", label: "Cancel this build now, please", description: "x".repeat(50) }];
    await set({ actions });
    expect(runs()[0]?.actions).toEqual([{ identifier: "cancel", label: "Cancel this build no", description: "x".repeat(40) }]);
    await set({ actions, state: "success" });
    expect(runs()[0]?.actions).toEqual([]);
  });
});

describe("annotations on GitHub", () => {
  const annotations = () => runs().map((run) => run.annotations.length);

  test.each([
    [1, [1]],
    [50, [50]],
    [51, [51]],
    [120, [120]],
    [300, [250]],
  ])("%i of them are %j, however many requests that takes", async (count, wanted) => {
    await set({ state: "success", annotations: remarks(count) });
    expect(annotations()).toEqual(wanted);
    expect(runs()).toMatchObject([{ status: "completed", conclusion: "success" }]);
  });

  test.each(["502-before", "502-after", "reset-after"] as const)("are there once after %s in the middle", async (fault) => {
    await set();
    world.github.faults.next("checks/update", fault);
    await expect(set({ state: "failure", annotations: remarks(120) })).rejects.toMatchObject({ kind: "transient" });
    expect(runs()).toMatchObject([{ status: "in_progress" }]);
    await set({ state: "failure", annotations: remarks(120) });
    expect(annotations()).toEqual([120]);
    expect(runs()).toMatchObject([{ status: "completed" }]);
  });

  test("of a run that was never opened are there once after its answer was lost", async () => {
    world.github.faults.next("checks/create", "502-after");
    await expect(set({ state: "failure", annotations: remarks(60) })).rejects.toMatchObject({ kind: "transient" });
    await set({ state: "failure", annotations: remarks(60) });
    expect(annotations()).toEqual([60]);
  });
});

describe("when GitHub fails", () => {
  test.each(["502-before", "502-after", "500-before", "reset-before", "reset-after", "hang-after"] as const)(
    "%s: there is one check run after trying again",
    async (fault) => {
      world.github.faults.next("checks/create", fault);
      await expect(set()).rejects.toMatchObject({ kind: "transient", code: "forge.unreachable" });
      await set();
      expect(runs()).toHaveLength(1);
    },
  );

  test.each(["secondary-limit", "429"] as const)("%s: waits as long as GitHub says and goes on", async (fault) => {
    let at = Date.now();
    const waited: number[] = [];
    const forge = world.openForge({
      now: () => new Date(at),
      async delay(ms) {
        waited.push(ms);
        at += ms;
      },
    });
    world.github.faults.next("checks/create", fault, { retryAfterSeconds: 2 });
    await forge.setStatus(world.repository, commit, status);
    expect(waited).toEqual([2000]);
    expect(runs()).toHaveLength(1);
  });

  test("a token that was revoked is replaced", async () => {
    await set();
    for (const kind of ["suspended", "back"]) {
      const installation = world.installation;
      await world.github.suspend(installation, kind === "suspended");
      if (kind === "suspended") await expect(set({ title: kind })).rejects.toMatchObject({ code: "forge.app-denied" });
      else await set({ title: kind });
    }
    expect(runs()).toMatchObject([{ title: "back" }]);
  });
});
