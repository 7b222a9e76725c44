import { readFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { maxLeftYamlBytes, parseLeftYaml } from "../../src/gating/left-yaml.ts";
import { maxAliases, type Place, readResults } from "../../src/gating/sti/read-results.ts";

const read = (exitCode: number, text?: string | Uint8Array, places: Readonly<Record<string, Place>> = {}) =>
  readResults({
    exitCode,
    results: text === undefined ? undefined : parseLeftYaml(Buffer.from(text), maxAliases),
    placeOf: (path) => places[path] ?? "absent",
  });

describe("TR10: exit code 0 does not mean passed", () => {
  test.each([
    ["all passed", 0, "results:\n- {test: a, result: pass}\n- {test: b, result: pass}\n", "pass", "2 passed"],
    ["one failed", 0, "results:\n- {test: a, result: pass}\n- {test: b, result: fail}\n", "fail", "b: failed"],
    ["two failed", 0, "results:\n- {test: a, result: fail}\n- {test: b, result: fail}\n", "fail", "a: failed (and 1 more)"],
    [
      "an error counts more than a failure",
      0,
      "results:\n- {test: a, result: fail}\n- {test: b, result: error}\n",
      "error",
      "b: could not be carried out",
    ],
    ["a failure counts more than the exit code", 2, "results:\n- {test: a, result: fail}\n", "fail", "a: failed"],
    ["all passed and yet an exit code", 2, "results:\n- {test: a, result: pass}\n", "error", expect.stringContaining("exit code 2")],
    ["no test at all", 0, "results: []\n", "error", "results.yml names no test"],
  ])("%s", (_, exitCode, text, outcome, message) => {
    expect(read(exitCode, text)).toMatchObject({ outcome, message });
  });
});

test.each([
  [0, "pass"],
  [1, "error"],
  [2, "fail"],
  [4, "error"],
  [5, "error"],
  [99, "error"],
  [137, "error"],
  [250, "error"],
])("without results.yml, exit code %d is %s", (exitCode, outcome) => {
  expect(read(exitCode)).toMatchObject({ outcome, cases: [] });
});

test.each([
  ["no YAML", "results: [\n"],
  ["a list", "- {test: a, result: pass}\n"],
  ["nothing", ""],
  ["results that are no list", "results: pass\n"],
  ["a result without its test", "results:\n- {result: pass}\n"],
  ["a result without its result", "results:\n- {test: a}\n"],
  ["a result that nobody knows", "results:\n- {test: a, result: PASSED}\n"],
  ["a test twice", "results:\n- {test: a, result: pass}\n- {test: a, result: pass}\n"],
  ["a log that is no text", "results:\n- {test: a, result: pass, logs: [{a: b}]}\n"],
  ["a log outside", "results:\n- {test: a, result: pass, logs: [../test.log]}\n"],
  ["a log outside, by a way around", "results:\n- {test: a, result: pass, logs: [a/b/../../../x]}\n"],
  ["a log by its absolute path", "results:\n- {test: a, result: pass, logs: [/workspace/artifacts/test.log]}\n"],
  ["a log with a new line in it", 'results:\n- {test: a, result: pass, logs: ["a\\nb"]}\n'],
  ["a link for a log", "results:\n- {test: a, result: pass, logs: [link]}\n"],
  ["something else than text", Buffer.from([0xff, 0xfe, 0x00])],
  ["too much", `results:\n${"- {test: a, result: pass}\n".repeat(maxLeftYamlBytes / 20)}`],
  [
    "an alias bomb",
    `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [${"*a,".repeat(9)}]\nc: &c [${"*b,".repeat(9)}]\nd: &d [${"*c,".repeat(9)}]\nresults: [*d]\n`,
  ],
])("malformed, and so an error: %s", (_, text) => {
  const { outcome, message, cases } = read(0, text, { link: "link" });
  expect({ outcome, cases }).toEqual({ outcome: "error", cases: [] });
  expect(message).toMatch(/^results\.yml: /);
});

test("the first log is shown when it is there; the lists that PyYAML writes once are read", () => {
  const text =
    "results:\n- logs: &id001 [./test.log, more.log]\n  result: pass\n  test: 1\n- logs: *id001\n  result: pass\n  test: b\n- {test: c, result: pass, logs: [absent.log]}\n";
  expect(read(0, text, { "test.log": "file" }).cases.map(({ name, log }) => [name, log])).toEqual([
    ["1", "test.log"],
    ["b", "test.log"],
    ["c", undefined],
  ]);
});

test("names of tests are one harmless line", () => {
  const [first] = read(0, `results:\n- {test: "a\\n\\e[31mb${"x".repeat(500)}", result: pass}\n`).cases;
  expect(first?.name).toMatch(/^a \[31mbx+$/);
  expect(first?.name).toHaveLength(200);
});

test("the sample of a suite that failed", async () => {
  const sample = await readFile(`${import.meta.dirname}/../fixtures/sti/results.yml`, "utf8");
  expect(read(0, sample, { "test.log": "file" })).toMatchObject({
    outcome: "fail",
    cases: [
      { name: "smoke", outcome: "pass", log: "test.log" },
      { name: "second", outcome: "fail", log: "test.log" },
    ],
  });
});

const result = fc.record({ test: fc.string({ minLength: 1 }), result: fc.constantFrom("pass", "fail", "error") });

test("whatever well-formed results say, the worst of them decides", () => {
  fc.assert(
    fc.property(fc.uniqueArray(result, { selector: (one) => one.test, minLength: 1, maxLength: 20 }), fc.nat(255), (results, exitCode) => {
      // JSON is YAML.
      const { outcome, cases } = read(exitCode, JSON.stringify({ results }));
      const said = results.map((one) => one.result);
      const worst = said.includes("error") ? "error" : said.includes("fail") ? "fail" : exitCode === 0 ? "pass" : "error";
      expect(outcome).toBe(worst);
      expect(cases.map((one) => one.outcome)).toEqual(said);
    }),
  );
});

test("whatever bytes stand in results.yml, there is a reading, and never a pass without a test that passed", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.string().map((text) => Buffer.from(text)),
        fc.json().map((text) => Buffer.from(text)),
      ),
      fc.nat(255),
      (bytes, exitCode) => {
        const { outcome, cases, message } = read(exitCode, bytes);
        if (outcome === "pass") expect(cases.length).toBeGreaterThan(0);
        expect(message.length).toBeLessThan(1000);
      },
    ),
  );
});
