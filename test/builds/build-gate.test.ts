import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { appError } from "../../src/domain/errors.ts";
import { formatNvr } from "../../src/domain/nvr.ts";
import { isSuspended } from "../../src/workflow/step.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";
import { buildWorld } from "./build-world.ts";

let scratch: Awaited<ReturnType<typeof scratchDirectory>>;
let world: ReturnType<typeof buildWorld>;
beforeEach(async () => {
  scratch = await scratchDirectory();
  world = buildWorld(scratch.path);
});
afterEach(() => scratch.remove());

test("a waiver that is given while the build is under way lets it through; its test is not said to have passed", async () => {
  world.test = { outcome: "fail", message: "1 of 1 failed", cases: [] };
  world.journal.runOf("run-1").before = async (step) => {
    const nvr = world.records.get("run-1")?.nvr;
    if (step !== "push index" || nvr === undefined) return;
    world.gating.state.ports = { ...world.gating.state.ports, now: () => new Date("2026-11-23T21:30:00Z") };
    await world.gating.give({ subject: { type: "koji_build", identifier: formatNvr(nvr) }, testcase: "flibs.smoke" });
  };
  expect(await world.run("run-1")).toBeUndefined();
  expect(world.promoted).toEqual(["run-1"]);
  expect(world.statuses.get("flibs / test: smoke")).toMatchObject({ state: "failure" });
  expect(world.statuses.get("flibs / promotion")).toMatchObject({ state: "success" });
});

test("without one it ends as its test did", async () => {
  world.test = { outcome: "fail", message: "1 of 1 failed", cases: [] };
  expect(await world.run("run-1")).toMatchObject({
    code: "builds.tests-failed",
    message: expect.stringContaining("smoke failed: 1 of 1 failed"),
  });
  expect(world.promoted).toEqual([]);
});

test("a policy that wants somebody else's test holds an official build back, and names the test", async () => {
  const rules = [{ kind: "test" as const, testcase: "other-ci.install" }];
  const policy = { id: "p", productVersions: ["*"], decisionContexts: ["flibs_promote"], subjectTypes: ["koji_build"], rules };
  world.gating.state.ports = { ...world.gating.state.ports, policies: [policy] };
  expect(await world.run("run-1")).toMatchObject({ message: "other-ci.install could not be carried out: it was not carried out" });
  expect(world.promoted).toEqual([]);
});

test("while the Greenwave that decides is away the build waits, and goes on when it is back", async () => {
  let away = true;
  const ask = async () => {
    if (away) throw appError("gating.greenwave-unavailable", "greenwave.example.test could not be asked for a decision: it answered 503");
    return { satisfied: true, applicablePolicies: ["remote"], answers: [] };
  };
  world.gating.state.ports = { ...world.gating.state.ports, greenwave: { ask } };
  const waiting = await world.run("run-1");
  expect(isSuspended(waiting) && waiting.waitingFor).toBe(
    "the site's Greenwave: greenwave.example.test could not be asked for a decision: it answered 503",
  );
  expect(world.promoted).toEqual([]);
  away = false;
  expect(await world.run("run-1")).toBeUndefined();
  expect(world.promoted).toEqual(["run-1"]);
});

test("the gating.yaml of the commit is part of the build's plan", async () => {
  const gating =
    '--- !Policy\nproduct_versions: ["*"]\ndecision_context: flibs_promote\nrules: [!PassingTestCaseRule {test_case_name: a.b}]\n';
  world.files = { ...world.files, "gating.yaml": gating };
  expect(await world.run("run-1")).toMatchObject({ message: expect.stringContaining("a.b could not be carried out") });
  expect(world.records.get("run-1")?.plan?.gating).toMatchObject([{ rules: [{ testcase: "a.b" }] }]);
  world.files = { ...world.files, "gating.yaml": gating.replace("!Policy", "!Policies") };
  expect(await world.run("run-2")).toMatchObject({ code: "distgit.invalid-gating-yaml", file: "gating.yaml", line: 2 });
});
