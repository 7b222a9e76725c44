import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseDockerignore } from "../../src/engines/docker/dockerignore.ts";

describe(".dockerignore", () => {
  test.each([
    ["a name", "secret", "secret", true],
    ["everything below a directory", "docs", "docs/a/b.md", true],
    ["only at the root", "secret", "deep/secret", false],
    ["a leading slash means nothing", "/secret", "secret", true],
    ["a trailing slash means nothing", "docs/", "docs/a", true],
    ["a star stays in its directory", "*.md", "docs/a.md", false],
    ["a star matches nothing too", "a*b", "ab", true],
    ["two stars cross directories", "**/*.md", "docs/a/b.md", true],
    ["two stars match the root too", "**/*.md", "b.md", true],
    ["two stars at the end", "docs/**", "docs/a/b", true],
    ["two stars in the middle", "a/**/z", "a/z", true],
    ["two stars end at a slash", "a/**/z", "a/bz", false],
    ["one character", "a?c", "abc", true],
    ["one character is no slash", "a?c", "a/c", false],
    ["a class", "[a-c]x", "bx", true],
    ["a negated class", "[^a-c]x", "bx", false],
    ["an escaped star", "\\*", "a", false],
    ["a comment", "#secret", "#secret", false],
    ["an exception after", "docs\n!docs/keep", "docs/keep", false],
    ["an exception before", "!docs/keep\ndocs", "docs/keep", true],
    ["CRLF", "secret\r\nother\r\n", "secret", true],
    ["dots are cleaned", "./a/../secret", "secret", true],
    ["a dot is a letter", "a.c", "abc", false],
    ["the whole tree", "*", "a/b", true],
  ])("%s", (_, text, path, expected) => {
    expect(parseDockerignore(text).ignores(path)).toBe(expected);
  });

  test("a broken pattern is refused with its line", () => {
    expect(() => parseDockerignore("a\n[b\n")).toThrow(expect.objectContaining({ code: "engine.dockerignore-invalid", line: 2 }));
  });

  test("a file of more than 64 KiB or a thousand patterns is refused", () => {
    const refused = (why: string, line: number) =>
      expect.objectContaining({
        code: "engine.dockerignore-invalid",
        kind: "input",
        message: `.dockerignore ${why}`,
        file: ".dockerignore",
        line,
      });
    expect(() => parseDockerignore("a\n".repeat(1000))).not.toThrow();
    expect(() => parseDockerignore("a\n".repeat(1001))).toThrow(refused("has more than 1000 patterns", 1001));
    expect(() => parseDockerignore("#".repeat(65_536))).not.toThrow();
    expect(() => parseDockerignore("#".repeat(65_537))).toThrow(refused("is longer than 64 KiB", 1));
  });

  test("slow patterns against many paths are refused before they cost minutes", () => {
    const ignore = parseDockerignore(`${"*a".repeat(30)}b\n`.repeat(10), 1_000_000);
    const path = "a".repeat(200);
    expect(ignore.ignores(path)).toBe(false);
    expect(() => {
      for (let time = 0; time < 1000; time++) ignore.ignores(path);
    }).toThrow(expect.objectContaining({ code: "engine.dockerignore-invalid", kind: "input" }));
  });

  test("a pattern made to be slow is not", () => {
    const ignore = parseDockerignore(`${"*a".repeat(500)}b`);
    const before = performance.now();
    expect(ignore.ignores("a".repeat(4000))).toBe(false);
    expect(performance.now() - before).toBeLessThan(20_000);
  });

  test("a path written without wildcards ignores itself and what is below, and not its siblings", () => {
    const name = fc.stringMatching(/^[a-z]{1,5}$/);
    const property = fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), name, (parts, other) => {
      const ignore = parseDockerignore(parts.join("/"));
      const path = parts.join("/");
      return ignore.ignores(path) && ignore.ignores(`${path}/${other}`) && !ignore.ignores(`${path}x`);
    });
    fc.assert(property);
  });
});
