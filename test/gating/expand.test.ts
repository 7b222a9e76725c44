import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { environmentOf, expandVariables, TooLong, valuesOf } from "../../src/gating/structure/expand.ts";

const values = new Map([
  ["A", "1"],
  ["A_b2", "2"],
  ["PATH", "/bin:$A"],
  ["1", "one"],
  ["-x", "odd"],
]);

// As Go's os.Expand does (src/os/env.go); < and > stand for braces.
test.each([
  ["$A", "1"],
  ["x$A-y", "x1-y"],
  ["$A_b2 $Ab", "2 "],
  ["$<A>b", "1b"],
  ["$PATH", "/bin:$A"],
  ["$NOTHING|$<NOTHING>", "|"],
  ["$", "$"],
  ["a$", "a$"],
  ["$(id) $ $é", "$(id) $ $é"],
  ["$$", ""],
  ["$$A", "A"],
  ["$1$2 $10", "one one0"],
  ["$* $# $@ $! $? $-", "     "],
  ["$<>x", "x"],
  ["$<A", "A"],
  ["$<-x>", "odd"],
  ["$<A$<B>", ""],
  ["\\$A", "\\1"],
  ["%A% {A}", "%A% {A}"],
])("%s becomes %s", (text, expanded) => {
  expect(expandVariables(text.replaceAll("<", "{").replaceAll(">", "}"), values)).toBe(expanded);
});

test("text without a dollar stays, and everything comes to an end", () => {
  fc.assert(
    fc.property(fc.string(), fc.array(fc.constantFrom("$", "{", "}", "A", "é", "1"), { maxLength: 50 }), (text, pieces) => {
      const plain = text.replaceAll("$", "");
      expect(expandVariables(plain, values)).toBe(plain);
      expect(expandVariables(pieces.join(""), new Map())).not.toMatch(/\$(?:\w|\{\w+\})/);
    }),
  );
});

test("the later line of an environment counts, and a line without a sign is empty", () => {
  expect([...environmentOf(["A=1", "B=x=y", "C", "A="])]).toEqual([
    ["A", ""],
    ["B", "x=y"],
    ["C", ""],
  ]);
});

test("variables do not grow without end", () => {
  const grown = new Map([["A", "a".repeat(60_000)]]);
  expect(expandVariables("$A", grown)).toHaveLength(60_000);
  expect(() => expandVariables("$A$A", grown)).toThrow(TooLong);
  expect(() => valuesOf([{ key: "B", value: "$A".repeat(5000) }], grown)).toThrow(TooLong);
});
