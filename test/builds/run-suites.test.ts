import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { isTold } from "../../src/builds/run-suites.ts";
import type { TestResult } from "../../src/gating/test-runner.ts";
import { Crash } from "../support/memory-journal.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";
import { buildWorld, request } from "./build-world.ts";

const smoke = "flibs / test: smoke";
const error = { outcome: "error", message: "a: could not be started: no room", cases: [] } as const;
const good = { outcome: "pass", message: "1 passed", cases: [{ name: "a", outcome: "pass", message: "", durationMs: 1 }] } as const;
type Told = Omit<TestResult, "suite" | "durationMs">;

let scratch: ScratchDirectory;
let world: ReturnType<typeof buildWorld>;
beforeEach(async () => {
  scratch = await scratchDirectory();
  world = buildWorld(scratch.path);
});
afterEach(() => scratch.remove());

/** Without control characters but line ends. */
const plainText = (text = "") => text.replaceAll(/(?!\n)\p{Cc}/gu, "");
const results = (...told: Told[]) => {
  const left = [...told];
  world.test = () => left.shift() ?? good;
};
const saved = () => world.saves.map(({ result }) => [result.outcome, result.attempt]);

test("what could not be carried out is tried once more, after a pause; both tries are kept, and the last one counts", async () => {
  results(error, good);
  expect(await world.run("run-1")).toBeUndefined();
  expect(saved()).toEqual([
    ["error", 1],
    ["pass", 2],
  ]);
  expect(world.pauses).toEqual([10_000]);
  expect(world.records.get("run-1")?.tests.map((one) => [one.outcome, one.flaky])).toEqual([["pass", undefined]]);
  expect(world.statuses.get(smoke)?.state).toBe("success");
  expect(world.log("run-1", "test smoke linux/amd64")).toContain(
    "flibs: it could not be carried out and is tried again: a: could not be started",
  );
});

test("tried again it can fail, and errors end: with the settings' number of tries", async () => {
  results(error, error, error);
  expect(await world.run("run-1")).toMatchObject({ code: "builds.tests-failed" });
  expect(saved()).toEqual([
    ["error", 1],
    ["error", 2],
  ]);
  expect(world.statuses.get(smoke)).toMatchObject({ state: "error" });
});

test("neither a failure nor an error that the runner says is final is tried again", async () => {
  results({ ...good, outcome: "fail" });
  await world.run("run-1");
  results({ ...error, final: true });
  await world.run("run-2", { ...request, scratch: true });
  expect(saved()).toEqual([
    ["fail", 1],
    ["error", 1],
  ]);
  expect(world.pauses).toEqual([]);
});

test("a run resumed under settings with fewer tries does what it had decided", async () => {
  results(error, good);
  const run = world.journal.runOf("run-1");
  run.before = (step) => {
    if (step === "test smoke linux/amd64 try 2") throw new Crash();
  };
  expect(await world.run("run-1")).toBeInstanceOf(Crash);
  run.before = () => {};
  Object.assign(world.ports.settings, { testTries: { more: 0, pauseMs: 0 } });
  expect(await world.run("run-1")).toBeUndefined();
  expect(saved()).toEqual([
    ["error", 1],
    ["pass", 2],
  ]);
});

test("what a test leaves is kept with its try, secrets masked, and what may not be is told in its log", async () => {
  world.leaves = { "test.log": "using hunter22\n", "core.bin": new Uint8Array([0, 1, 2]) };
  const cases = [
    { name: "a", outcome: "pass", message: "", durationMs: 1, log: "test.log" },
    { name: "b", outcome: "pass", message: "", durationMs: 1, log: "../../etc/passwd" },
  ] as const;
  results({ ...good, cases, artifacts: ["test.log", "core.bin", "../../etc/passwd", "nothing"] });
  await world.run("run-1");
  const kept = world.artifacts.get("run-1 run-1 smoke linux/amd64 1") ?? [];
  expect(kept.map((one) => [one.name, one.mediaType, Buffer.from(one.content).toString("latin1")])).toEqual([
    ["test.log", "text/plain; charset=utf-8", "using (masked)\n"],
    ["core.bin", "application/octet-stream", "\0\u0001\u0002"],
  ]);
  const [result] = world.records.get("run-1")?.tests ?? [];
  expect(result).toMatchObject({ artifacts: ["test.log", "core.bin"], kind: "command", platform: "linux/amd64" });
  expect(result?.cases.map((one) => one.log)).toEqual(["test.log", undefined]);
  expect(world.log("run-1", "test smoke linux/amd64")).toContain('flibs: not kept: a name that no artifact may have: "../../etc/passwd"');
  expect(world.log("run-1", "test smoke linux/amd64")).toContain("flibs: not kept: nothing: there is no such file");
  expect(world.statuses.get(smoke)?.summary).toContain("- [test.log](http://flibs.example.test/builds/run-1/tests/1/artifacts/test.log)");
});

test("what all tries of a build leave together is bounded, and what is beyond is named in the log", async () => {
  world.leaves = { "test.log": `${"x".repeat(999)}\n` };
  results({ ...error, artifacts: ["test.log"] }, { ...good, artifacts: ["test.log"] });
  await world.run("run-1");
  expect(saved()).toHaveLength(2);
  expect([1, 2].map((attempt) => world.artifacts.get(`run-1 run-1 smoke linux/amd64 ${attempt}`)?.length)).toEqual([1, 0]);
  expect(world.saves.map(({ result }) => result.artifacts)).toEqual([["test.log"], undefined]);
  const logs = ["test smoke linux/amd64", "test smoke linux/amd64 try 2"].map((name) => world.log("run-1", name)).join("");
  expect(logs).toMatch(/flibs: not kept: whatever it left, .* \(gating\.artifacts\.build\)/);
});

test("a crash between the artifacts and the result: the test starts over, and what it left then takes the place", async () => {
  world.leaves = { "test.log": "first\n" };
  world.test = { ...good, artifacts: ["test.log"] };
  const run = world.journal.runOf("run-1");
  let crashes = 1;
  run.after = (step) => {
    if (step === "test smoke linux/amd64" && crashes-- > 0) throw new Crash();
  };
  expect(await world.run("run-1")).toBeInstanceOf(Crash);
  expect([world.artifacts.size, world.saves.length]).toEqual([1, 0]);
  world.leaves = { "test.log": "second\n" };
  expect(await world.run("run-1")).toBeUndefined();
  expect(world.saves).toHaveLength(1);
  const [kept] = world.artifacts.get("run-1 run-1 smoke linux/amd64 1") ?? [];
  expect(Buffer.from(kept?.content ?? []).toString()).toBe("second\n");
});

test("secrets do not come out of a runner's words either", async () => {
  results({
    outcome: "fail",
    message: "a: hunter22",
    cases: [{ name: "hunter22", outcome: "fail", message: "got hunter22", durationMs: 1 }],
  });
  await world.run("run-1");
  expect(JSON.stringify([world.saves, [...world.statuses.values()]])).not.toContain("hunter22");
});

test("ten thousand cases, and names with Markdown and control characters, make a status that a forge takes", async () => {
  const evil = (n: number) => `case ${n} | [x](http://e) @alice <img> \u001b[31m\u202e\n`;
  const cases = Array.from({ length: 10_000 }, (_, n) => ({
    name: evil(n),
    outcome: n % 100 === 0 ? ("fail" as const) : ("pass" as const),
    message: "m".repeat(5000),
    durationMs: 1,
  }));
  results({ outcome: "fail", message: `${evil(0)}${"y".repeat(5000)}`, cases });
  await world.run("run-1");
  const [result] = world.records.get("run-1")?.tests ?? [];
  expect(result?.cases).toHaveLength(500);
  expect(result?.cases.filter((one) => one.outcome === "fail")).toHaveLength(100);
  expect(result?.leftOut).toEqual({ pass: 9500 });
  const status = world.statuses.get(smoke);
  expect(Buffer.byteLength(status?.summary ?? "")).toBeLessThan(65_536);
  expect(status?.title.length).toBeLessThanOrEqual(140);
  expect(status?.summary).not.toMatch(/[^\\]\[x\]|@alice|<img>|\p{Cf}(?<!\u200b)/u);
  expect(plainText(status?.summary)).toBe(status?.summary);
  expect(status?.summary).toMatch(/^\| outcome \| case \| suite \| what happened \|\n\|---\|---\|---\|---\|\n\| fail \| case 0 \\\| /);
  expect(status?.summary).toContain("- 9500 more: pass");
});

test("others are told of each result once, but of no try that came to the same, and of no stranger's", async () => {
  results(error, error);
  await world.run("run-1");
  expect(world.told).toEqual([1]);
  const origin = { forge: "local", repository: "containers/hello", branch: "main", commit: "c".repeat(40) };
  const result = { suite: "smoke", outcome: "pass", message: "", cases: [], durationMs: 1 } as const;
  expect(isTold({ origin: { ...origin, stranger: { base: "b" } } }, undefined, result)).toBe(false);
});

test("TR11: a result that comes to the same as the try before it is not told again; asked for again by a person it is", async () => {
  const origin = { forge: "local", repository: "containers/hello", branch: "main", commit: "c".repeat(40) };
  const of = (outcome: "pass" | "fail" | "error") => ({ suite: "smoke", outcome, message: "", cases: [], durationMs: 1 });
  expect(isTold({ origin }, of("error"), of("error"))).toBe(false);
  expect(isTold({ origin }, of("error"), of("pass"))).toBe(true);
  expect(isTold({ origin }, undefined, of("pass"))).toBe(true);
});
