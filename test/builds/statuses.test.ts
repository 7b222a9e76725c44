import { expect, test } from "@jest/globals";
import type { BuildPlan, BuildRecord } from "../../src/builds/build-record.ts";
import type { StatusView } from "../../src/builds/status-view.ts";
import { statusesOf } from "../../src/builds/wording.ts";
import type { ErrorReport } from "../../src/domain/errors.ts";
import type { TestOutcome } from "../../src/gating/test-runner.ts";
import type { Ending } from "../../src/workflow/run.ts";

const plan: BuildPlan = {
  imageRepository: "f42/hello",
  platforms: ["linux/amd64"],
  parents: [],
  labels: {},
  uniqueTag: "t",
  floatingTags: [],
  suites: [
    { name: "smoke", kind: "command", definition: {}, required: true },
    { name: "slow", kind: "command", definition: {}, required: false },
  ],
};
const record: BuildRecord = {
  id: "20261123-v0r7k2q",
  forge: "local",
  repository: "containers/hello",
  branch: "f42",
  commit: "c".repeat(40),
  scratch: true,
  requestedBy: "alice",
  state: "complete",
  plan,
  images: [],
  digest: `sha256:${"1".repeat(64)}`,
  tests: [],
  createdAt: "2026-11-23T21:00:00.000Z",
};
const view: StatusView = { run: record.id, pages: "http://flibs.example.test/builds", tails: {} };
const link = "[Steps and log](http://flibs.example.test/builds/20261123-v0r7k2q)";
const says = (name: string, change: Partial<BuildRecord>, ending?: Ending, more: Partial<StatusView> = {}) =>
  statusesOf({ ...record, ...change }, { ...view, ...more, ...(ending === undefined ? {} : { ending }) }).find((one) => one.name === name);
const failed = (error: Partial<ErrorReport>): Ending => ({
  status: "failed",
  error: { code: "builds.build-failed", kind: "input", message: "it failed", ...error },
});
const result = (suite: string, outcome: TestOutcome) => ({ suite, outcome, message: "a: returned 1", cases: [], durationMs: 1 });
const build = "flibs / build (linux/amd64)";
const building = { state: "building", digest: undefined } as unknown as Partial<BuildRecord>;

test("every status has the run's id, and a button while the run goes on", () => {
  const running = statusesOf(record, view);
  expect(running.map((one) => one.key)).toEqual(running.map(() => record.id));
  expect(running.filter((one) => one.state === "running" || one.state === "pending").map((one) => one.actions)).toEqual([
    [{ identifier: "cancel", label: "Cancel", description: "Stop this build" }],
    [{ identifier: "cancel", label: "Cancel", description: "Stop this build" }],
  ]);
  expect(statusesOf(record, { ...view, ending: { status: "cancelled", reason: "x" } }).some((one) => one.actions)).toBe(false);
});

const again = "**Try again**: push a commit, or use the re-run button where the forge has one";

test.each<[string, Ending, string, string, string]>([
  [
    "a failure of the registry",
    failed({ code: "registry.unreachable", kind: "transient", message: "db.internal refused" }),
    "error",
    "Infrastructure error: flibs could not go on",
    `flibs, or something it stands on, failed: nothing in your files has to change. The operators can see why. Code: \`registry.unreachable\`\n\n${again}`,
  ],
  [
    "a refusal of the registry",
    failed({ code: "registry.denied", kind: "denied", message: "401" }),
    "error",
    "Infrastructure error: flibs could not go on",
    `flibs, or something it stands on, failed: nothing in your files has to change. The operators can see why. Code: \`registry.denied\`\n\n${again}`,
  ],
  [
    "a name of somebody else",
    failed({ code: "builds.name-taken", kind: "denied", message: "the names are taken", file: "Dockerfile" }),
    "failure",
    "Dockerfile: the names are taken",
    `**What failed**: the names are taken\n\n**Where**: \`Dockerfile\`\n\n${again}`,
  ],
  ["a time limit", failed({ code: "builds.timed-out" }), "timed-out", "it failed", `**What failed**: it failed\n\n${again}`],
  ["a person", { status: "cancelled", reason: "cancelled by alice" }, "cancelled", "Cancelled by alice", again],
  [
    "a newer run",
    { status: "superseded", reason: "superseded by 20261123-v0r7k2z" },
    "cancelled",
    "Superseded by a newer run",
    "[20261123-v0r7k2z](http://flibs.example.test/builds/20261123-v0r7k2z) has taken its place.",
  ],
])("%s that ends a build is told as what it is", (_, ending, state, title, text) => {
  expect(says(build, building, ending)).toMatchObject({ state, title, summary: `${text}\n\n${link}` });
});

test("on a pull request the commands are named that try again", () => {
  expect(says(build, { ...building, pull: 3 }, failed({}))?.summary).toContain(
    "**Try again**: push a commit if something had to be mended, then comment `/build`",
  );
  const tests = [result("smoke", "fail"), result("slow", "pass")];
  expect(says("flibs / test: smoke", { pull: 3, tests }, failed({}))?.summary).toContain(
    "**Try again**: comment `/test smoke`; if something had to be mended, push a commit, then comment `/build`",
  );
});

test.each(["fail", "error"] as const)("a test that is not required and ends as %s is advice", (outcome) => {
  const tests = [result("smoke", "pass"), result("slow", outcome)];
  expect(says("flibs / test: slow", { tests })).toMatchObject({ state: "neutral" });
  expect(says("flibs / test: smoke", { tests: [result("smoke", outcome)] })?.state).toBe(outcome === "fail" ? "failure" : "error");
});

test("a summary is never longer than a forge takes, and well formed", () => {
  const cases = Array.from({ length: 3000 }, () => ({
    name: "\u{1F600}".repeat(900),
    outcome: "fail" as const,
    message: "<",
    durationMs: 1,
  }));
  const tail = `${"\u{1F600}".repeat(900)}\n`.repeat(40);
  const said = says("flibs / test: smoke", { tests: [{ ...result("smoke", "fail"), cases }] }, undefined, {
    tails: { "test smoke linux/amd64": tail },
  });
  expect(Buffer.byteLength(said?.summary ?? "")).toBeLessThanOrEqual(65_535);
  expect(said?.summary.isWellFormed()).toBe(true);
  expect(said?.summary).toContain(" more lines");
  expect(said?.summary.endsWith(link)).toBe(true);
  const long = says(build, building, failed({ message: `${"a".repeat(138)}\u{1F600}\u{1F600}` }));
  expect(long?.title).toBe(`${"a".repeat(138)}…`);
});
