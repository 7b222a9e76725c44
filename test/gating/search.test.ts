import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatGoMode, goModeText } from "../../src/gating/go-mode.ts";
import { searchBytes, whyInvalid } from "../../src/gating/search.ts";

const bytes = (text: string | readonly number[]) => (typeof text === "string" ? Buffer.from(text) : Uint8Array.from(text));

describe("expressions are Go's", () => {
  test.each<readonly [string, string | readonly number[], boolean]>([
    ["b", "abc", true],
    ["^b", "a\nb", false],
    ["(?m)^b$", "a\nb\nc", true],
    ["a$", "a\n", false],
    ["a\\n\\z", "a\n", true],
    ["\\Aa", "ba", false],
    ["a.b", "a\nb", false],
    ["a.b", "a\rb", true],
    ["(?s)a.b", "a\nb", true],
    ["(?i)HELLO", "hello", true],
    ["(?i:H)ello", "hello", true],
    ["(?U)a+b", "aab", true],
    ["\\Qa.b\\E", "axb", false],
    ["\\Q(\\E", "(", true],
    ["[[:alpha:]]+[[:digit:]]", "a1", true],
    ["[[:^alpha:]]", "a", false],
    ["\\pL", "é", true],
    ["\\p{Greek}", "λ", true],
    ["\\PL", "λ", false],
    ["(?P<year>\\d{4})-(?<month>\\d\\d)", "2026-11", true],
    ["\\d", "٣", false],
    ["\\w", "é", false],
    ["\\s", "\u00a0", false],
    ["\\x{1F600}", "😀", true],
    ["^.$", "😀", true],
    ["[^a]", "\n", true],
    ["a{,2}", "a{,2}", true],
    ["[]a]", "]", true],
    ["^.$", [0xff], true],
    ["^..$", [0xe2, 0x82], true],
    ["\\x00.\\x00", [0, 0xfe, 0], true],
    ["é", [0xc3, 0xa9], true],
    ["", "", true],
  ])("%j in %j: %j", (expression, text, isFound) => {
    expect(searchBytes(expression, bytes(text), 1000)).toEqual({ kind: isFound ? "found" : "absent" });
    expect(whyInvalid(expression)).toBeUndefined();
  });

  test.each(["(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", "(a)\\1", "(?>a)"])("%s is refused with the reason", (expression) => {
    expect(whyInvalid(expression)).toContain("RE2 has no look-around, no atomic groups and no back-references");
    expect(searchBytes(expression, bytes("ab"), 1000)).toMatchObject({ kind: "invalid" });
  });

  test.each([
    "(",
    "[a",
    "a**",
    "a*+",
    "a{1001}",
    "((a{100}){100}){100}",
    "\\Z",
    "\\C",
    "\\u0041",
    "\\cA",
    "\\h",
    "(?x)a",
    "\\p{Nope}",
    "[b-a]",
    "\\8",
  ])("%s is none", (expression) => {
    expect(whyInvalid(expression)).toEqual(expect.any(String));
  });

  test("simple texts are found as in the text itself", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", "b", "é", "😀", "\n") }), fc.string({ unit: "grapheme" }), (word, text) => {
        expect(searchBytes(`\\Q${word}\\E`, bytes(text + word), 1000).kind).toBe("found");
        expect(searchBytes(`\\Q${word}\\E`, bytes(text), 1000).kind).toBe(text.includes(word) ? "found" : "absent");
      }),
    );
  });

  test("any text is an expression or is refused, in time and on one line", () => {
    const piece = fc.constantFrom(
      "(",
      ")",
      "[",
      "]",
      "*",
      "{1000}",
      "\\",
      "Q",
      "?",
      "P<",
      ">",
      "|",
      "a",
      "^",
      "$",
      "é",
      "\0",
      "\n",
      "-",
      ":",
      "{",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const why = whyInvalid(pieces.join(""));
        expect(why ?? "").toMatch(/^[^\p{Cc}]{0,300}$/u);
      }),
    );
  });
});

describe("searching ends", () => {
  const long = Buffer.alloc(2 ** 20, "a");

  test.each(["(a*)*b", "(x+x+)+y", "^(a|aa)+$", "(.*)(.*)(.*)(.*)(.*)c", "([a-z]?){500}[0-9]"])(
    "%s, which kills others, takes no time",
    (expression) => {
      expect(["found", "absent"]).toContain(searchBytes(expression, long, 1000).kind);
    },
  );

  test("what takes too long is stopped, and the next search works", () => {
    expect(searchBytes("(((a{50}){20})b)", Buffer.alloc(8 * 2 ** 20, "a"), 50)).toEqual({ kind: "too-slow" });
    expect(searchBytes("a", long, 1000)).toEqual({ kind: "found" });
  });
});

describe("a mode as Go writes it", () => {
  test.each([
    ["file", 0o644, "-rw-r--r--"],
    ["directory", 0o755, "drwxr-xr-x"],
    ["directory", 0o1777, "dtrwxrwxrwx"],
    ["file", 0o4755, "urwxr-xr-x"],
    ["file", 0o2711, "grwx--x--x"],
    ["file", 0o6755, "ugrwxr-xr-x"],
    ["link", 0o777, "Lrwxrwxrwx"],
    ["file", 0, "----------"],
    ["directory", 0o2750, "dgrwxr-x---"],
  ] as const)("%s %d: %s", (kind, mode, text) => {
    expect(formatGoMode({ kind, mode })).toBe(text);
  });

  test("every mode fits the grammar that lint asks for", () => {
    fc.assert(
      fc.property(fc.constantFrom("file", "directory", "link"), fc.integer({ min: 0, max: 0o7777 }), (kind, mode) => {
        expect(formatGoMode({ kind, mode })).toMatch(goModeText);
      }),
    );
  });

  test.each(["-rwsr-xr-x", "drwxrwxrwt", "rwxr-xr-x", "lrwxrwxrwx", "-rwxrwxrwx ", "tdrwxrwxrwx", "0644"])("%s can't be one", (text) => {
    expect(text).not.toMatch(goModeText);
  });
});
