import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatTable, plain, type Terminal } from "../../src/cli/terminal.ts";

const terminal: Terminal = { out: () => {}, err: () => {}, colours: false, live: false, width: 80 };

describe("text from strangers cannot steer the terminal", () => {
  test.each([
    ["colours", "\u001b[31mred\u001b[0m", "red"],
    ["window titles", "\u001b]0;owned\u0007x", "x"],
    ["a hyperlink", "\u001b]8;;http://evil.example.test\u001b\\click\u001b]8;;\u001b\\", "click"],
    ["a carriage return that overwrites the line", "build failed\rbuild passed", "build failedbuild passed"],
    ["backspaces", "a\b\bb", "ab"],
    ["8-bit control sequences", "a\u009b31mb", "a31mb"],
    ["right-to-left overrides", "a\u202eb", "ab"],
    ["line ends of Windows", "a\r\nb\tc", "a\nb\tc"],
  ])("%s", (_name, text, expected) => {
    expect(plain(text)).toBe(expected);
  });
  test("whatever comes, no escape is left", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => expect(plain(text)).not.toMatch(/[^\P{Cc}\n\t]/u)));
  });
});

test("tables line up and have no trailing blanks", () => {
  expect(
    formatTable(
      terminal,
      ["A", "LONG"],
      [
        ["1", ""],
        ["two\nlines", { text: "x", tone: "good" }],
      ],
    ),
  ).toBe("A          LONG\n1\ntwo lines  x\n");
});
