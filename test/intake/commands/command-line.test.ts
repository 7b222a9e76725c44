import { describe, expect, test } from "@jest/globals";
import { formatProblem } from "../../../src/intake/commands/command-errors.ts";
import type { CommandGrammar } from "../../../src/intake/commands/command-grammar.ts";
import { parseLine } from "../../../src/intake/commands/command-line.ts";

/** Every kind of value that a command can have. */
const grammar: CommandGrammar = {
  arguments: [
    {
      name: "image",
      required: true,
      help: "",
      value: { kind: "word", expected: "a name", read: (text) => (/^[a-z/]+$/.test(text) ? text : undefined) },
    },
    { name: "commit", required: false, help: "", value: { kind: "commit" } },
  ],
  options: [
    { name: "scratch", help: "", value: { kind: "flag" } },
    { name: "count", help: "", value: { kind: "integer", least: 1, most: 20 } },
    {
      name: "arch",
      help: "",
      value: {
        kind: "list",
        of: {
          kind: "word",
          expected: "amd64 or arm64",
          known: ["amd64", "arm64"],
          read: (text) => ["amd64", "arm64"].find((one) => one === text),
        },
      },
    },
  ],
};

function parse(text: string) {
  const outcome = parseLine({ text, lead: "/", verb: "build" }, "/build".length, grammar);
  if (!outcome.ok) return outcome.problem;
  const { parsed } = outcome;
  return [parsed.word("image"), parsed.word("commit"), parsed.flag("scratch"), parsed.integer("count"), parsed.list("arch")];
}

describe("what stands behind the verb", () => {
  test.each<readonly [text: string, expected: readonly unknown[]]>([
    ["/build a", ["a", undefined, false, undefined, []]],
    ["/build 'a' ABCDEF0", ["a", "abcdef0", false, undefined, []]],
    ["/build --scratch a", ["a", undefined, true, undefined, []]],
    ["/build a --scratch=true", ["a", undefined, true, undefined, []]],
    ["/build a --scratch=false", ["a", undefined, false, undefined, []]],
    ["/build a scratch=true count=7", ["a", undefined, true, 7, []]],
    ["/build --count 20 a", ["a", undefined, false, 20, []]],
    ["/build --count='20' a", ["a", undefined, false, 20, []]],
    ["/build --arch amd64,arm64 a", ["a", undefined, false, undefined, ["amd64", "arm64"]]],
    ["/build --arch arm64 --arch=amd64 arch=arm64 a", ["a", undefined, false, undefined, ["arm64", "amd64"]]],
    ["/build -- a", ["a", undefined, false, undefined, []]],
    ["/build a -- 0123456", ["a", "0123456", false, undefined, []]],
  ])("%s", (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });
});

describe("faults", () => {
  test.each<readonly [text: string, code: string, says: string, carets: string]>([
    ["/build a --scrach", "unknown-option", "`/build` has no option `--scrach`. Did you mean `--scratch`?", "         ^^^^^^^^"],
    [
      "/build a --env X=1",
      "unknown-option",
      "`/build` has no option `--env`. It takes `--scratch`, `--count` and `--arch`.",
      "         ^^^^^",
    ],
    [
      "/build a PATH=/tmp",
      "unknown-option",
      "`/build` has no option `PATH`. It takes `--scratch`, `--count` and `--arch`.",
      "         ^^^^^^^^^",
    ],
    ["/build a -s", "unknown-option", "`/build` has no option `-s`. It takes `--scratch`, `--count` and `--arch`.", "         ^^"],
    ["/build a -scratch", "unknown-option", "`/build` has no option `-scratch`. Did you mean `--scratch`?", "         ^^^^^^^^"],
    ["/build a \u2014scratch", "unknown-option", "`/build` has no option `\u2014scratch`. Did you mean `--scratch`?", "         ^^^^^^^^"],
    [
      "/build a --__proto__=1",
      "unknown-option",
      "`/build` has no option `--__proto__`. It takes `--scratch`, `--count` and `--arch`.",
      "         ^^^^^^^^^^^^^",
    ],
    [
      "/build a --constructor",
      "unknown-option",
      "`/build` has no option `--constructor`. It takes `--scratch`, `--count` and `--arch`.",
      "         ^^^^^^^^^^^^^",
    ],
    ["/build a --scratch --scratch", "repeated-option", "`--scratch` is given twice. Give it once.", "                   ^^^^^^^^^"],
    ["/build a --count 1 count=2", "repeated-option", "`--count` is given twice. Give it once.", "                   ^^^^^^^"],
    ["/build a --count", "missing-value", "`--count` needs a value: a whole number from 1 to 20.", "         ^^^^^^^"],
    ["/build a --count --scratch", "missing-value", "`--count` needs a value: a whole number from 1 to 20.", "         ^^^^^^^"],
    ["/build a --arch=", "missing-value", "`--arch` needs a value: amd64 or arm64, or several parted by commas.", "         ^^^^^^^"],
    ["/build a --count 0", "invalid-value", "`--count` must be a whole number from 1 to 20; `0` is not.", "                 ^"],
    ["/build a --count 1e1", "invalid-value", "`--count` must be a whole number from 1 to 20; `1e1` is not.", "                 ^^^"],
    ["/build a --scratch=yes", "invalid-value", "`--scratch` must be true or false; `yes` is not.", "         ^^^^^^^^^^^^^"],
    [
      "/build a --arch amd46",
      "invalid-value",
      "`--arch` must be amd64 or arm64, or several parted by commas; `amd46` is not. Did you mean `amd64`?",
      "                ^^^^^",
    ],
    [
      "/build a --arch amd64,",
      "invalid-value",
      "`--arch` must be amd64 or arm64, or several parted by commas; `''` is not.",
      "                ^^^^^^",
    ],
    ["/build a xyz", "invalid-value", "`commit` must be a commit id of 7 to 64 hexadecimal digits; `xyz` is not.", "         ^^^"],
    ["/build a 012345", "invalid-value", "`commit` must be a commit id of 7 to 64 hexadecimal digits; `012345` is not.", "         ^^^^^^"],
    ["/build '--scratch'", "invalid-value", "`image` must be a name; `--scratch` is not.", "       ^^^^^^^^^^^"],
    ["/build", "missing-argument", "`/build` needs `image`: a name.", "       ^"],
    [
      "/build a 0123456 please",
      "extra-argument",
      "`/build` takes no more than `image` and `commit`. A command stands on a line of its own, without other text.",
      "                 ^^^^^^",
    ],
    [
      "/build 'a b",
      "unclosed-quote",
      "A quote begins here and is never closed. Close it, or put a backslash before it if it is no quote.",
      "       ^^^^",
    ],
    [
      "/build a \\",
      "lone-backslash",
      "A backslash makes the letter after it literal, but none follows. Leave it out, or write two.",
      "         ^",
    ],
  ])("%s", (text, code, says, carets) => {
    const problem = parse(text);
    expect(problem).toMatchObject({ code, says });
    if (Array.isArray(problem)) throw new Error("no problem");
    expect(formatProblem(problem)).toBe(`${says}\n\n\`\`\`text\n${text}\n${carets}\n\`\`\`\n\n\`/help build\` tells how it is written.`);
  });
});

describe("the place of a fault", () => {
  const shown = (text: string) => {
    const problem = parse(text);
    if (Array.isArray(problem)) throw new Error("no problem");
    return formatProblem(problem).split("\n\n")[1]?.split("\n") ?? [];
  };
  test("cannot be ended by the line", () => {
    const [open = "", line, , close = ""] = shown("/build ```` a");
    expect([open, line, close]).toEqual(["`````text", "/build ```` a", "`````"]);
  });
  test("hides no letter and turns no text", () => {
    expect(shown("/build \u202ea\u200bb\u0007\tc")[1]).toBe("/build ?a?b? c");
  });
  test("counts letters, not their halves", () => {
    expect(shown("/build a \u{1f600} \u{1f600}").slice(1, 3)).toEqual(["/build a \u{1f600} \u{1f600}", "         ^"]);
  });
  test("of a long line is the part around it", () => {
    const lines = shown(`/build a ${"0123456 ".repeat(100)}`);
    expect(lines[1]?.length).toBeLessThan(165);
    const far = shown(`/build a --arch ${"amd64,".repeat(100)}x --count`);
    expect([far[1]?.length, far[2]?.length].every((length) => Number(length) <= 165)).toBe(true);
  });
});
