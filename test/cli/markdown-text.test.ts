import { expect, test } from "@jest/globals";
import { formatMarkdown } from "../../src/cli/markdown-text.ts";
import { escapeCode, escapeText } from "../../src/promotion/escape.ts";

test("what promotion made harmless is readable again", () => {
  const text = "[x](https://e.test) *bold* @bob <b> -- `rm -rf`";
  expect(formatMarkdown(escapeText(text))).toBe(text);
  expect(formatMarkdown(escapeCode("--help"))).toBe("`--help`");
});

test("details open under their summary, hidden blocks are not shown", () => {
  const body = "a\n\n<!-- flibs\nx: 1 -->\n\n<details><summary>linux&#47;amd64</summary>\n\n| a |\n\n</details>\n\nb";
  expect(formatMarkdown(body)).toBe("a\n\nlinux/amd64:\n\n| a |\n\nb");
});

test("in code nothing is decoded, and a fence ends only at its own end", () => {
  const body = "`&#60;` &#60;\n````diff\n+&#60;\n```\n</details>\n````\n&#62;";
  expect(formatMarkdown(body)).toBe("`&#60;` <\n````diff\n+&#60;\n```\n</details>\n````\n>");
});

test.each([
  ["an escape sequence", "a\u001b[2Jb", "ab"],
  ["one written as an entity", "a&#27;[2Jb", "a&#27;[2Jb"],
  ["one of eight bits as an entity", "a&#155;2Jb", "a&#155;2Jb"],
  ["a direction override as an entity", "a&#8238;b", "ab"],
  ["one that only comes together when a hidden block is gone", "a\u001b<!-- -->[2Jb", "ab"],
])("%s does not reach the terminal", (_, text, shown) => {
  expect(formatMarkdown(text)).toBe(shown);
});

test("a mark that hides nothing is shown, and thousands of them cost no more than their length", () => {
  expect(formatMarkdown("a <!-- b\n\n<!-- flibs -->c")).toBe("a c");
  expect(formatMarkdown("a <!-- b -->c <!-- d")).toBe("a c <!-- d");
  const marks = "<!-- ".repeat(100_000).trim();
  const started = performance.now();
  expect(formatMarkdown(marks)).toBe(marks);
  expect(performance.now() - started).toBeLessThan(10_000);
});
