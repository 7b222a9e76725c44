import { existsSync } from "node:fs";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { tellTurn } from "./closing-line-reporter.js";
import { filesOfTurn, isOnTurn, readTurn, turns, waitingFiles, waitingPatterns } from "./turns.js";

const all = Array.from({ length: turns }, (_, index) => index + 1);

test("each turn has files, each file is there, and comes up once", () => {
  const files = Object.values(filesOfTurn).flat();
  expect(Object.keys(filesOfTurn)).toEqual(all.map(String));
  expect(files.filter((file) => !existsSync(file))).toEqual([]);
  expect(new Set(files).size).toBe(files.length);
});

test("who names a test file or asks for nothing takes all; commits after each other take turns", () => {
  for (const wanted of [undefined, "", "all"]) expect(readTurn(wanted)).toBeUndefined();
  expect([6, 7, 8, 9, 10].map((commits) => readTurn("next", () => commits))).toEqual([3, 4, 1, 2, 3]);
  expect(readTurn("2")).toBe(2);
  for (const wanted of ["0", String(turns + 1), "first", "toString"]) expect(() => readTurn(wanted)).toThrow(`FLIBS_TEST_TURN=${wanted}`);
});

test("what waits for another turn is left out, and everything else runs", () => {
  const [first = ""] = filesOfTurn[1] ?? [];
  const isLeftOut = (turn: number | undefined, file: string) => waitingPatterns(turn).some((pattern) => new RegExp(pattern).test(file));
  expect(all.map((turn) => isLeftOut(turn, `/somewhere/${first}`))).toEqual(all.map((turn) => turn !== 1));
  expect(isLeftOut(undefined, `/somewhere/${first}`)).toBe(false);
  expect(isLeftOut(1, "/somewhere/test/crash/crash.test.ts")).toBe(false);
});

test("any point of a crash suite comes up in just one turn, and in a run that takes all", () => {
  fc.assert(fc.property(fc.string(), (name) => all.filter((turn) => isOnTurn(turn, name)).length === 1 && isOnTurn(undefined, name)));
});

test("a run says which turn it took, what waits for another one, and how to take all", () => {
  const [first, ...waiting] = tellTurn(2);
  expect(first).toBe(
    `turn 2 of ${turns}: a quarter of the points to die at, of the tests that are slow on purpose and of each property; all: npm run test:all`,
  );
  expect(waiting).toEqual(waitingFiles(2).map((file) => `not on this turn: ${file}`));
  expect(waiting.length).toBeGreaterThan(0);
  expect(tellTurn(undefined)).toEqual([]);
});
