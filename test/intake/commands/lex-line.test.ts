import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { lexLine, quoteWord } from "../../../src/intake/commands/lex-line.ts";

const words = (line: string) => {
  const lexed = lexLine(line);
  return lexed.ok ? lexed.words.map((word) => word.text) : lexed;
};

describe("words are parted as in a shell", () => {
  test.each<readonly [line: string, expected: readonly string[]]>([
    ["", []],
    ["  \t ", []],
    ["a  b\tc\u00a0d", ["a", "b", "c", "d"]],
    ["'a b' \"c d\"", ["a b", "c d"]],
    ["a' 'b", ["a b"]],
    ["''", [""]],
    ["'a\\' b", ["a\\", "b"]],
    ['"a \\" b"', ['a " b']],
    ['"a \\\\"', ["a \\"]],
    ['"a \\n"', ["a \\n"]],
    ["a\\ b \\'c", ["a b", "'c"]],
    ['"it\'s"', ["it's"]],
    ["$HOME `id` $(id) ; & | > * ~ #", ["$HOME", "`id`", "$(id)", ";", "&", "|", ">", "*", "~", "#"]],
  ])("%j gives %j", (line, expected) => {
    expect(words(line)).toEqual(expected);
  });
});

test.each([
  ["a 'b", { ok: false, fault: "unclosed-quote", start: 2, end: 4 }],
  ['"a\\"', { ok: false, fault: "unclosed-quote", start: 0, end: 4 }],
  ["'a' b'c", { ok: false, fault: "unclosed-quote", start: 5, end: 7 }],
  ["a \\", { ok: false, fault: "lone-backslash", start: 2, end: 3 }],
])("%j has a fault", (line, expected) => {
  expect(lexLine(line)).toEqual(expected);
});

test("a word knows where it stands and what of it was not quoted", () => {
  expect(lexLine(" --arch='x y'")).toEqual({ ok: true, words: [{ text: "--arch=x y", start: 1, end: 13, bare: 7 }] });
});

describe("of any words", () => {
  test("quoted and lexed they come back", () => {
    fc.assert(fc.property(fc.array(fc.string({ unit: "binary" })), (list) => expect(words(list.map(quoteWord).join(" "))).toEqual(list)));
  });
  test("a lexed line never throws, and its words lie in it, one after the other", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("'", '"', "\\", " ", "a", "=", "-") }), (line) => {
        const lexed = lexLine(line);
        if (!lexed.ok) return lexed.start < lexed.end && lexed.end <= line.length;
        const ends = lexed.words.flatMap(({ start, end }) => [start, end]);
        return ends.every((place, index) => place >= (ends[index - 1] ?? 0)) && (ends.at(-1) ?? 0) <= line.length;
      }),
    );
  });
});
