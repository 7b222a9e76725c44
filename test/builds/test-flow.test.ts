import { readdir } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { endRetryMs, type TestsRequested, testFlow } from "../../src/builds/test-flow.ts";
import { requestTests } from "../../src/intake/requests.ts";
import type { Ending, Run } from "../../src/workflow/run.ts";
import { killedEverywhere } from "../support/killed-everywhere.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";
import { buildWorld, goodFiles, request } from "./build-world.ts";

const smoke = "flibs / test: smoke";
const slow = "flibs / test: slow";
const promotion = "flibs / promotion";
const bad = { outcome: "fail", message: "a: returned 1, expected 0", cases: [] } as const;
const good = { outcome: "pass", message: "1 passed", cases: [] } as const;

let scratch: ScratchDirectory;
let world: ReturnType<typeof buildWorld>;
let buildRun: Run | undefined;
beforeEach(async () => {
  scratch = await scratchDirectory();
  world = buildWorld(scratch.path);
  buildRun = undefined;
  world.files = {
    ...goodFiles,
    "tests/commands.yaml":
      "smoke:\n  commands:\n    - {name: a, run: [/bin/true]}\nslow:\n  required: false\n  commands:\n    - {name: b, run: [/bin/true]}\n",
  };
});
afterEach(() => scratch.remove());

const flowOf = () =>
  testFlow({
    ...world.ports,
    runs: { find: async () => buildRun, journal: async (run) => [...world.journal.runOf(run).journal.values()] },
  });
const again = (id: string, more: Partial<TestsRequested> = {}, ended?: () => Ending | undefined) =>
  world.journal.attempt(flowOf(), id, { build: "run-1", requestedBy: "bob", ...more }, ended);
const stateOf = (name: string) => world.statuses.get(name)?.state;
const resultsOf = () => world.records.get("run-1")?.tests.map(({ suite, outcome, run }) => ({ suite, outcome, run }));

test("an official build whose tests pass at the second try is promoted", async () => {
  world.test = bad;
  expect(await world.run("run-1")).toMatchObject({ code: "builds.tests-failed" });
  expect([stateOf(smoke), world.promoted]).toEqual(["failure", []]);

  world.test = good;
  expect(await again("run-2")).toBeUndefined();
  expect(resultsOf()).toEqual([
    { suite: "smoke", outcome: "pass", run: "run-2" },
    { suite: "slow", outcome: "pass", run: "run-2" },
  ]);
  expect(world.promoted).toEqual(["run-1"]);
  expect(world.records.get("run-1")?.promotion).toEqual({ repository: "flibs/manifests", number: 7 });
  expect(world.statuses.get(smoke)).toMatchObject({
    state: "success",
    key: "run-2",
    url: "http://flibs.example.test/builds/run-2",
  });
  expect(world.statuses.get(promotion)).toMatchObject({ state: "success", title: "Proposed in flibs/manifests #7", key: "run-2" });
  expect(world.statuses.get("flibs / build (linux/amd64)")?.key).toBe("run-1");
  expect(await readdir(scratch.path)).toEqual([]);
});

test("one suite alone is run, and says that it is", async () => {
  await world.run("run-1");
  const seen: unknown[] = [];
  world.journal.runOf("run-2").before = (step) => {
    if (step.startsWith("test ")) seen.push(step, stateOf(smoke), stateOf(slow), world.statuses.get(slow)?.actions?.length);
  };
  expect(await again("run-2", { suites: ["slow"] })).toBeUndefined();
  expect(seen).toEqual(["test slow linux/amd64", "success", "running", 1]);
  expect(resultsOf()?.map((one) => one.run)).toEqual([undefined, "run-2"]);
  expect([world.statuses.get(smoke)?.key, world.statuses.get(slow)?.key]).toEqual(["run-1", "run-2"]);
});

test("one suite of several platforms is run on all of them and replaces its own status alone, marked flaky where it was chance", async () => {
  world.platforms = ["linux/amd64", "linux/arm64"];
  world.test = (_, platform) => (platform === "linux/arm64" ? bad : good);
  await world.run("run-1");
  expect([stateOf(smoke), stateOf(slow)]).toEqual(["failure", "neutral"]);
  world.test = good;
  expect(await again("run-2", { suites: ["smoke"] })).toBeUndefined();
  expect(world.records.get("run-1")?.tests.map((one) => [one.suite, one.platform, one.outcome, one.run, one.flaky])).toEqual([
    ["smoke", "linux/amd64", "pass", "run-2", undefined],
    ["smoke", "linux/arm64", "pass", "run-2", true],
    ["slow", "linux/amd64", "pass", undefined, undefined],
    ["slow", "linux/arm64", "fail", undefined, undefined],
  ]);
  expect(world.statuses.get(smoke)).toMatchObject({ state: "success", key: "run-2", title: "0 cases passed (flaky)" });
  expect(world.statuses.get(smoke)?.summary).toContain("**Flaky**: smoke \\(linux/arm64\\) has passed and failed with this very image.");
  expect([stateOf(slow), world.statuses.get(slow)?.key]).toEqual(["neutral", "run-1"]);
  expect(world.saves).toHaveLength(6);
});

test("a run that an older release began goes on: its results had neither times nor platforms, and no manifest list was noted", async () => {
  await world.run("run-1");
  const { journal } = world.journal.runOf("run-2");
  const at = { phase: "run" as const, startedAt: "2026-11-23T21:00:00.000Z", finishedAt: "2026-11-23T21:00:01.000Z" };
  const [image] = world.records.get("run-1")?.images ?? [];
  const { plan } = world.records.get("run-1") ?? {};
  const read = { request, plan, images: [{ platform: "linux/amd64", pushed: { digest: image?.digest } }], suites: ["smoke"] };
  journal.set("read", { ...at, step: "read", result: read });
  const cases = [{ name: "a", outcome: "fail", message: "x", durationMs: 1 }];
  const result = { suite: "smoke (linux/amd64)", outcome: "fail", message: "a: x", durationMs: 1, cases };
  journal.set("test smoke linux/amd64", { ...at, step: "test smoke linux/amd64", result });
  expect(await again("run-2", { suites: ["smoke"] })).toMatchObject({ code: "builds.tests-failed", message: "smoke failed: a: x" });
  expect(world.saves.at(-1)).toMatchObject({
    result: { suite: "smoke", platform: "linux/amd64", digest: image?.digest, kind: "command", attempt: 1, run: "run-2", outcome: "fail" },
    data: { item: ["hello-container-1-1"], type: ["koji_build"], digest: [image?.digest] },
  });
});

test("a suite that fails now is told so, whatever it was before", async () => {
  await world.run("run-1");
  world.test = bad;
  expect(await again("run-2", { suites: ["smoke"] })).toMatchObject({
    code: "builds.tests-failed",
    message: "smoke failed: a: returned 1, expected 0",
  });
  expect(world.statuses.get(smoke)).toMatchObject({ state: "failure", key: "run-2" });
});

test("a suite that passes promotes nothing while another one does not", async () => {
  world.files = {
    ...goodFiles,
    "tests/commands.yaml": `${goodFiles["tests/commands.yaml"]}other:\n  commands:\n    - {name: b, run: [/bin/true]}\n`,
  };
  world.test = bad;
  await world.run("run-1");
  world.test = good;
  expect(await again("run-2", { suites: ["smoke"] })).toBeUndefined();
  expect(world.promoted).toEqual([]);
  expect(await again("run-3", { suites: ["other"] })).toBeUndefined();
  expect(world.promoted).toEqual(["run-1"]);
});

test("a build that is promoted already is not promoted again", async () => {
  await world.run("run-1");
  expect(await again("run-2")).toBeUndefined();
  expect(world.promoted).toEqual(["run-1"]);
});

test("a scratch build is tested again and never promoted; of a pull request is asked whether it may be", async () => {
  const asked: string[] = [];
  world.authorize = async (one) => void asked.push(one.requestedBy);
  await world.run("run-1", { ...request, scratch: true, pull: 3 });
  expect(await again("run-2")).toBeUndefined();
  expect(world.promoted).toEqual([]);
  expect(asked).toEqual(["alice", "bob"]);
});

test("a stranger's build is tested again with the tests of its base branch", async () => {
  const base = "b".repeat(40);
  world.filesOf = { [base]: goodFiles };
  world.files = { Dockerfile: goodFiles.Dockerfile ?? "", "tests/easy": "x" };
  await world.run("run-1", { ...request, scratch: true, pull: 3, stranger: { base } });
  expect(await again("run-2")).toBeUndefined();
  expect(world.testTrees.map((tree) => Object.keys(tree))).toEqual([
    ["Dockerfile", "tests/commands.yaml"],
    ["Dockerfile", "tests/commands.yaml"],
  ]);
});

test.each([
  ["smoek", 'there is no suite "smoek"; there is smoke, slow', "Did you mean smoke?"],
  ["integration", 'there is no suite "integration"; there is smoke, slow', "Name one or more of these, or none for all of them"],
])("suite %s is refused by name, and no status is touched", async (name, message, hint) => {
  await world.run("run-1");
  const before = JSON.stringify([...world.statuses]);
  expect(await again("run-2", { suites: ["smoke", name] })).toMatchObject({ code: "builds.suite-unknown", kind: "input", message, hint });
  expect(JSON.stringify([...world.statuses])).toBe(before);
});

test("a build without tests, one that failed and one that is not there are refused", async () => {
  world.files = { Dockerfile: goodFiles.Dockerfile ?? "" };
  await world.run("run-1");
  expect(await again("run-2")).toMatchObject({ code: "builds.not-tested", message: "build run-1 has no tests" });
  expect(await again("run-3", { build: "nope" })).toMatchObject({ code: "builds.unknown", message: "there is no build nope" });
  world.outcome = { outcome: "failed", message: "x" };
  await world.run("run-4");
  expect(await again("run-5", { build: "run-4" })).toMatchObject({ code: "builds.not-tested", message: "build run-4 is failed" });
});

const atWork = (): typeof buildRun => ({
  ...{ id: "run-1", flow: "build", subject: "s", intent: {}, status: "running", attempt: 0, createdAt: "2026-11-23T21:00:00Z" },
});

test("a build whose own tests still run is refused: two would write over each other", async () => {
  await world.run("run-1");
  const record = world.records.get("run-1");
  if (record !== undefined) world.records.set("run-1", { ...record, tests: record.tests.slice(0, 1) });
  buildRun = atWork();
  expect(await again("run-2")).toMatchObject({
    code: "builds.not-tested",
    message: "build run-1 is still being tested",
    hint: "Wait for its end, or cancel it first",
  });
});

test("a build whose tests have ended, as everybody can see, is waited for until it has done the rest", async () => {
  await world.run("run-1");
  buildRun = atWork();
  expect(await again("run-2")).toMatchObject({ name: "Suspended", waitingFor: "build run-1 to end" });
});

test.each([
  [undefined, 2000],
  ["2026-11-23T21:00:00Z", 2000],
  ["2026-11-23T20:59:40Z", 5000],
  ["2026-11-23T12:00:00Z", 60_000],
])("the longer it waits for the end of a build that was complete at %s, the less often it looks", (finishedAt, ms) => {
  const build = finishedAt === undefined ? {} : { finishedAt };
  expect(endRetryMs(build, new Date("2026-11-23T21:00:00Z"))).toBe(ms);
});

test("an image that is gone is told at the suites that were asked for", async () => {
  await world.run("run-1");
  const digest = world.records.get("run-1")?.images[0]?.digest;
  world.registry.manifests.clear();
  const message = `the image of build run-1 is no longer in the candidate registry: ${digest}`;
  expect(await again("run-2", { suites: ["slow"] })).toMatchObject({ code: "builds.image-gone", message, hint: "Build the commit again" });
  expect(world.statuses.get(slow)).toMatchObject({ state: "failure", key: "run-2" });
  expect(stateOf(smoke)).toBe("success");
  expect(resultsOf()?.map((one) => one.outcome)).toEqual(["pass", "pass"]);
});

test("tests that are called off leave what was found before", async () => {
  world.test = bad;
  await world.run("run-1");
  const run = world.journal.runOf("run-2");
  run.before = (step) => {
    if (step.startsWith("test slow")) run.controller.abort();
  };
  world.test = good;
  await again("run-2", {}, () => ({ status: "cancelled", reason: "cancelled by bob" }));
  expect(resultsOf()).toEqual([
    { suite: "smoke", outcome: "pass", run: "run-2" },
    { suite: "slow", outcome: "fail", run: undefined },
  ]);
  expect([stateOf(smoke), stateOf(slow)]).toEqual(["success", "neutral"]);
  expect(world.promoted).toEqual([]);
});

test("tests that are called off before they began touch no status", async () => {
  await world.run("run-1");
  const before = JSON.stringify([...world.statuses]);
  const run = world.journal.runOf("run-2");
  run.before = () => run.controller.abort();
  await again("run-2", {}, () => ({ status: "cancelled", reason: "cancelled by bob" }));
  expect(JSON.stringify([...world.statuses])).toBe(before);
});

test("killed before and after each step, it comes to the same end with one promotion's worth of effects", async () => {
  world.platforms = ["linux/amd64", "linux/arm64"];
  world.test = bad;
  await world.run("run-1");
  world.test = good;
  const { points, outcome } = await killedEverywhere(world.journal, flowOf(), "run-2", { build: "run-1", requestedBy: "bob" });
  expect(outcome).toBeUndefined();
  expect(points.length).toBeGreaterThan(30);
  expect(world.records.get("run-1")?.tests.map((one) => [one.suite, one.platform, one.outcome])).toEqual([
    ["smoke", "linux/amd64", "pass"],
    ["smoke", "linux/arm64", "pass"],
    ["slow", "linux/amd64", "pass"],
    ["slow", "linux/arm64", "pass"],
  ]);
  expect([...world.statuses.values()].map((one) => one.state)).toEqual([...world.statuses.values()].map(() => "success"));
  expect(await readdir(scratch.path)).toEqual([]);
});

test("one after the other for each build", () => {
  const intent = { build: "run-1", suites: ["smoke"], requestedBy: "bob" };
  expect(requestTests(intent, "k")).toEqual({ flow: "test", subject: "test run-1", intent, key: "k", whenBusy: "queue" });
});
