import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatAge, formatBytes, formatDuration, formatTable, plain, type Terminal } from "../../src/cli/terminal.ts";

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

test.each([
  [350, "350ms"],
  [5000, "5s"],
  [125_000, "2m 05s"],
  [3_725_000, "1h 02m"],
])("%p ms is %s", (ms, text) => expect(formatDuration(ms)).toBe(text));

test("ages and sizes are for people", () => {
  const now = Date.parse("2026-11-23T12:00:00Z");
  expect(formatAge("2026-11-23T11:59:30Z", now)).toBe("just now");
  expect(formatAge("2026-11-23T11:00:00Z", now)).toBe("1h ago");
  expect(formatAge("2026-11-20T11:00:00Z", now)).toBe("3d ago");
  expect([formatBytes(5), formatBytes(2048), formatBytes(5 * 1024 ** 2), formatBytes(3 * 1024 ** 3)]).toEqual([
    "5 B",
    "2.0 KiB",
    "5.0 MiB",
    "3.00 GiB",
  ]);
});
