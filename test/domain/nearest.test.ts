import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { nearest, typingErrors } from "../../src/domain/nearest.ts";

test.each([
  ["build", "build", 0],
  ["buid", "build", 1],
  ["builds", "build", 1],
  ["biuld", "build", 1],
  ["bild", "build", 1],
  ["xbuildx", "build", 2],
  ["", "abc", 3],
  ["abc", "", 3],
  ["constructor", "build", 10],
])("from %j to %j it is %i", (written, meant, errors) => {
  expect(typingErrors(written, meant)).toBe(errors);
});

test("errors are the same both ways, and none means equal", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 8 });
  fc.assert(fc.property(word, word, (a, b) => typingErrors(a, b) === typingErrors(b, a) && (typingErrors(a, b) === 0) === (a === b)));
});

test("the nearest is taken, the first of equals, none beyond the limit", () => {
  expect(nearest("tset", ["build", "test", "rest"], 2)).toBe("test");
  expect(nearest("xest", ["test", "rest"], 1)).toBe("test");
  expect(nearest("promte", ["build"], 2)).toBeUndefined();
  expect(nearest("b".repeat(100_000), ["build"], 2)).toBeUndefined();
});

test.each([
  ["smoek", ["smoke", "slow"], "smoke"],
  ["Smoke", ["smoke"], "smoke"],
  ["f40/cokpit", ["f40/cockpit", "f40/other"], "f40/cockpit"],
  ["1-2", ["1-3", "1-4"], "1-3"],
  ["ab", ["xy"], undefined],
  ["smoke", [], undefined],
])("of %j and %j it is %j when a third of the letters may be wrong", (word, known, meant) => {
  expect(nearest(word, known)).toBe(meant);
});
