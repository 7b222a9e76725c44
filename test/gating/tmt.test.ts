import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { stringify } from "yaml";
import { readTestPlans } from "../../src/distgit/test-plans.ts";
import { readTestSuites } from "../../src/distgit/test-suites.ts";
import { memoryTree } from "../../src/distgit/tree.ts";
import { parseLeftYaml } from "../../src/gating/left-yaml.ts";
import { readTmtResults } from "../../src/gating/tmt/tmt-results.ts";
import { judgeRun } from "../../src/gating/tmt/tmt-runner.ts";

const left = (text: string | Uint8Array) => parseLeftYaml(Buffer.from(text), 0);
const exited = (exitCode: number) => ({ outcome: "exited", exitCode, outOfMemory: false }) as const;
const results = (...kinds: string[]) => [left(stringify(kinds.map((result, index) => ({ name: `/tests/${index}`, result }))))];

describe("plans as suites", () => {
  const tree = memoryTree({
    ".fmf/version": "1\n",
    "plans/smoke.fmf": "x",
    "plans/Net_work.fmf": "x",
    "plans/main.fmf": "x",
    "plans/deep/a.fmf": "x",
  });

  test("are those of plans/*.fmf, where the site runs them", async () => {
    expect(await readTestPlans(tree)).toMatchObject({
      suites: [
        { name: "tmt-net-work", kind: "tmt", file: "plans/Net_work.fmf", definition: { plan: "/plans/Net_work" }, required: true },
        { name: "tmt-plans", definition: { plan: "/plans" } },
        { name: "tmt-smoke", definition: { plan: "/plans/smoke" } },
      ],
      findings: [],
    });
    expect((await readTestSuites(tree, { tmt: true })).suites).toHaveLength(3);
    expect(await readTestSuites(tree)).toEqual({ suites: [], findings: [] });
  });

  test.each([
    ["no fmf tree", { "plans/smoke.fmf": "x" }, []],
    ["another version", { ".fmf/version": "2", "plans/smoke.fmf": "x" }, ["only version 1 of fmf is known"]],
    ["a link", { ".fmf/version": "1", "plans/smoke.fmf": { link: "/etc/passwd" } }, []],
    ["a name that is none", { ".fmf/version": "1", "plans/é\n.fmf": "x" }, [expect.stringContaining("no name of a suite")]],
  ])("%s has none", async (_, files, said) => {
    const { suites, findings } = await readTestPlans(memoryTree(files));
    expect([suites, findings.map(({ message }) => message)]).toEqual([[], said]);
  });
});

describe("exit codes of tmt run, by its documentation", () => {
  test.each([
    [0, ["pass", "info"], "pass", "2 passed"],
    [1, ["pass", "fail"], "fail", "/tests/1: fail"],
    [1, ["warn"], "fail", "/tests/0: warn"],
    [2, ["error", "fail"], "error", "/tests/0: error"],
    [2, [], "error", "tmt: an error kept tests from being carried out"],
    [3, [], "error", "tmt: there is no result"],
    [4, ["skip"], "skip", "all tests were skipped"],
    [4, [], "skip", "tmt: all tests were skipped"],
    [0, ["skip", "skip"], "skip", "all tests were skipped"],
    [0, ["pass", "skip"], "pass", "1 passed"],
    [0, ["fail"], "fail", "/tests/0: fail"],
    [0, ["pending"], "error", "/tests/0: pending"],
    [1, ["pass"], "fail", "tmt: a test failed or warned"],
    [64, ["pass"], "error", "tmt returned 64"],
  ])("%d with %j", (exitCode, kinds, outcome, message) => {
    expect(judgeRun("tmt-smoke", exited(exitCode), results(...kinds), 1000)).toMatchObject({ outcome, message });
  });

  test("a run that passed and left nothing, or something else, is an error", () => {
    expect(judgeRun("s", exited(0), [], 1000)).toMatchObject({ outcome: "error", message: "tmt returned 0 and left no results.yaml" });
    expect(judgeRun("s", exited(0), [left("a: b")], 1000)).toMatchObject({ outcome: "error", cases: [] });
    expect(judgeRun("s", { outcome: "timed-out" }, [], 1000)).toMatchObject({ outcome: "error", message: "did not end within 1 s" });
    expect(judgeRun("s", { outcome: "not-started", message: "no\u001b loader" }, [], 1)).toMatchObject({
      message: "tmt could not be started: no  loader",
    });
  });
});

describe("results.yaml", () => {
  test("gives cases; what is not needed is passed over", () => {
    const text =
      "- {name: /tests/a, result: fail, duration: '01:02:03', note: [one, two], log: [a], guest: {name: g}, new: 1}\n- {name: b, result: pass}\n";
    expect(readTmtResults(left(text))).toEqual({
      cases: [
        { name: "/tests/a", outcome: "fail", message: "fail: one: two", durationMs: 3_723_000 },
        { name: "b", outcome: "pass", message: "", durationMs: 0 },
      ],
    });
    expect(readTmtResults(left(""))).toEqual({ cases: [] });
  });

  test.each([
    ["too long", " ".repeat(2 ** 16 + 1)],
    ["no YAML", "- ["],
    ["no list", "a: b"],
    ["another result", "- {name: a, result: great}"],
    ["no name", "- {result: pass}"],
    ["an alias bomb", "- &a [x]\n- [*a, *a]"],
    ["too many", "- {name: a, result: pass}\n".repeat(5001)],
  ])("%s is told", (_, text) => {
    expect(readTmtResults(left(text))).toEqual({ problem: expect.stringMatching(/^results\.yaml: /) });
  });

  test("whatever stands there, there is an answer, on one line each", () => {
    const line = fc.record({
      name: fc.string({ unit: "binary" }),
      result: fc.constantFrom("pass", "fail", "skip", "x"),
      note: fc.string({ unit: "binary" }),
    });
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(line).map((lines) => Buffer.from(stringify(lines))),
    );
    fc.assert(
      fc.property(content, (found) => {
        const read = readTmtResults(left(found));
        const texts = "problem" in read ? [read.problem] : read.cases.flatMap(({ name, message }) => [name, message]);
        for (const text of texts) expect(text).not.toMatch(/\p{Cc}/u);
      }),
    );
  });
});
