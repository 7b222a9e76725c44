import { readFileSync, statSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { missingOptionals } from "../../scripts/complete-package-lock.ts";
import { formatClosingLine, listSkipped } from "./closing-line-reporter.js";
import { rankOf } from "./long-first-sequencer.js";
import { plainError } from "./native-environment.js";

const projectScripts: Record<string, string> = JSON.parse(readFileSync("package.json", "utf8")).scripts;

test("the lock file has every platform's packages, or npm ci would refuse it (node scripts/complete-package-lock.ts)", () => {
  expect(missingOptionals(JSON.parse(readFileSync("package-lock.json", "utf8")).packages)).toEqual([]);
});

test("a package that npm install left out of the lock file is noticed", () => {
  const packages = {
    "node_modules/a": { optionalDependencies: { "a-linux-x64": "1.0.0", "a-win32-x64": "1.0.0" } },
    "node_modules/a-linux-x64": {},
  };
  expect(missingOptionals(packages)).toEqual([["node_modules/a", "a-win32-x64", "1.0.0"]]);
});

test("CI calls exactly the test command, and both commands set the machine up first", () => {
  const commands = readFileSync(".ci/run", "utf8").split("\n");
  expect(commands.filter((line) => line !== "" && !line.startsWith("#"))).toEqual([
    "set -euo pipefail",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: bash's, not ours
    'cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."',
    "npm test",
  ]);
  expect(projectScripts.test).toMatch(/^scripts\/setup --tests && FLIBS_TEST_TURN=\S+ node /);
  expect(projectScripts.demo).toMatch(/^scripts\/setup && node /);
  for (const file of [".ci/run", "scripts/setup"]) expect(statSync(file).mode & 0o111).toBe(0o111);
});

test("the closing line counts a file that did not load as failed", () => {
  const results = { numPassedTests: 12, numFailedTests: 1, numRuntimeErrorTestSuites: 1, numPendingTests: 2, numTodoTests: 1 };
  expect(formatClosingLine(results)).toBe("12 passed, 2 failed, 3 skipped");
});

test("skipped tests are listed with their reasons, but not all those that somebody left out by name", () => {
  const one = (status: string, n: number) => ({ status, fullName: `story ${n} (it has no forks)` });
  expect(listSkipped({ testResults: [{ testResults: [one("passed", 1), one("pending", 2)] }] })).toEqual([
    "skipped: story 2 (it has no forks)",
  ]);
  expect(listSkipped({ testResults: [{ testResults: Array.from({ length: 21 }, (_, n) => one("pending", n)) }] })).toEqual([]);
});

test("crash suites begin before stories, stories before real parts, and everything else last", () => {
  const paths = ["/a/test/builds/plan.test.ts", "/a/test/real/x.test.ts", "/a/test/crash/crash.test.ts", "/a/test/e2e/demo.test.ts"];
  expect([...paths].sort((one, other) => rankOf(one) - rankOf(other))).toEqual([paths[2], paths[3], paths[1], paths[0]]);
});

test("what a failed test threw goes on without what hangs on it, its causes with it", () => {
  const cause = Object.assign(new TypeError("inner"), { client: { close: () => undefined } });
  const error = Object.assign(new Error("outer", { cause }), { world: { close: () => undefined } });
  const plain = plainError(error) as Error & { cause: Error };
  expect([plain.message, plain.stack, plain.cause.name, plain.cause.message]).toEqual(["outer", error.stack, "TypeError", "inner"]);
  expect([...Object.keys(plain), ...Object.keys(plain.cause)].filter((key) => key === "world" || key === "client")).toEqual([]);
  expect(plainError("thrown text")).toBe("thrown text");
});
