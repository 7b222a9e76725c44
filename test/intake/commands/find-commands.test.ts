import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { findSlashLines } from "../../../src/intake/commands/find-commands.ts";

const found = (comment: string) => findSlashLines(comment).map(({ line, text }) => `${line}: ${text}`);

describe("a line of a paragraph is a command", () => {
  test.each<readonly [name: string, comment: string, expected: readonly string[]]>([
    ["alone", "/build", ["1: /build"]],
    ["with arguments, blanks at its end dropped", "/build --scratch  \t", ["1: /build --scratch"]],
    ["below text", "Looks good.\n/build\nThanks!", ["2: /build"]],
    ["several in one paragraph, in order", "/build\n/test smoke\n/cancel", ["1: /build", "2: /test smoke", "3: /cancel"]],
    ["in several paragraphs", "/build\n\n\n/test", ["1: /build", "4: /test"]],
    ["with CRLF", "Looks good.\r\n\r\n/build\r\n/test\r\n", ["3: /build", "4: /test"]],
    ["with the line ends of old", "Hello\r/build\r/test", ["2: /build", "3: /test"]],
    ["indented by three blanks", "   /build", ["1: /build"]],
    ["a continued line indented deeply", "text\n        /build", ["2: /build"]],
    ["after a hard line break", "text  \n/build\\\n/test", ["2: /build\\", "3: /test"]],
    [
      "below a rule, a heading, a list, a quote, each with a blank line",
      "***\n/a\n# h\n/b\n\n- x\n\n/c\n\n> x\n\n/d",
      ["2: /a", "4: /b", "8: /c", "12: /d"],
    ],
    ["below closed code", "```\n/no\n```\n/build", ["4: /build"]],
    ["below a closed comment", "<!-- /no -->\n\n/build", ["3: /build"]],
    ["below a closed <details>", "<details>\n\n/no\n\n</details>\n\n/build", ["7: /build"]],
    ["below a line with an unknown tag in it", "A List<String> is wrong.\n\n/build", ["3: /build"]],
    ["of other bots too", "/lgtm", ["1: /lgtm"]],
    ["with Markdown in its arguments, which is not interpreted", "/test __smoke__ `x` <b>", ["1: /test __smoke__ `x` <b>"]],
    ["below a definition", "[a]: https://example.com\n/build", ["2: /build"]],
  ])("%s", (_, comment, expected) => {
    expect(found(comment)).toEqual(expected);
  });
});

describe("what is shown rather than said is left alone", () => {
  test.each<readonly [name: string, comment: string]>([
    ["a slash in the middle of a line", "please /build"],
    ["a path of the system", "//build"],
    ["a division", "/ build"],
    ["a number", "/1"],
    ["an escaped slash", "\\/build"],
    ["a slash written as an entity", "&#47;build"],
    ["fenced code", "```\n/build\n```"],
    ["code fenced with tildes", "~~~ text\n/build\n~~~"],
    ["fenced code that is never closed", "text\n```\n/build\n\n/test"],
    ["a fence with a shorter fence in it", "````\n```\n/build\n````"],
    ["indented code", "text\n\n    /build"],
    ["code indented by a tab", "\t/build"],
    ["inline code", "`/build`"],
    ["inline code over lines", "`see\n/build\nbelow`"],
    ["inline code that begins in a command's line, below it", "text `x\n/build\n`"],
    ["a quote", "> /build"],
    ["a lazy line of a quote", "> text\n/build"],
    ["a quote in a quote", ">> text\n> /build"],
    ["a quoted e-mail reply", "On Monday somebody wrote:\n\n> /build\n> /test\n"],
    ["an HTML comment", "<!-- /build -->"],
    ["an HTML comment over lines", "<!--\n/build\n\n/test\n-->"],
    ["an HTML comment inside a paragraph", "text <!-- hidden\n/build\n-->"],
    ["HTML", "<div>\n/build\n</div>"],
    ["a paragraph inside <details>", "<details><summary>Log</summary>\n\n/build\n\n</details>"],
    ["a paragraph inside nested HTML", "<details>\n\n<details>\n\n</details>\n\n/build\n\n</details>"],
    ["a paragraph inside HTML that is never closed", "<blockquote>\n\n/build"],
    ["a paragraph inside <pre>", "<pre>\n\n/build\n\n</pre>"],
    ["struck-out HTML", "<del>I meant\n/build</del>"],
    ["a closing tag inside a comment", "<details>\n\n<!-- </details> -->\n\n/build"],
    ["a heading", "# /build"],
    ["an underlined heading", "/build\n======"],
    ["a heading underlined with dashes", "/build\n---"],
    ["a list item", "- /build"],
    ["a numbered list item", "1. /build\n2. /test"],
    ["a task", "- [ ] /build"],
    ["a lazy line of a list item", "- text\n/build"],
    ["a paragraph of a nested list item", "- a\n  - b\n\n    /build"],
    ["a quote in a list", "- > /build"],
    ["a table", "| /build | x |\n| --- | --- |\n| /test | y |"],
    ["a table without outer bars", "/build | x\n--- | ---\n/test | y"],
    ["a link's text", "[see\n/build](https://example.com)"],
    ["a link's text by reference", "[see\n/build][a]\n\n[a]: https://example.com"],
    ["a link's target", "[see](\n/build)"],
    ["a link's title", '[see](x "title\n/build")'],
    ["a link's definition", "[a]:\n/build"],
    ["an image's text", "![see\n/build](x.png)"],
    ["an attribute", '<a href="\n/build">x</a>'],
    ["emphasised text", "*see\n/build*"],
    ["strong text", "**see\n/build**"],
    ["struck-out text", "~~see\n/build~~"],
    ["a footnote", "[^1]: see\n/build"],
    ["a footnote's second paragraph", "[^1]: see\n\n    /build"],
    ["nothing", ""],
  ])("%s", (_, comment) => {
    expect(found(comment)).toEqual([]);
  });
});

test("a footnote ends with its paragraph", () => {
  expect(found("[^1]: see\n/no\n\n/build")).toEqual(["4: /build"]);
});

describe("of any text", () => {
  const text = fc.string({
    unit: fc.constantFrom(
      "/build",
      "/",
      "`",
      "\n",
      "\r\n",
      " ",
      "\t",
      "-",
      "*",
      ">",
      "<!--",
      "-->",
      "<b>",
      "a",
      "[",
      "](",
      "~",
      "|",
      "\\",
      "#",
    ),
    maxLength: 60,
  });

  test("a line that is found stands there in the comment", () => {
    fc.assert(
      fc.property(text, (comment) => {
        const lines = comment.split(/\r\n|\r|\n/);
        for (const { line, text } of findSlashLines(comment)) expect(lines[line - 1]?.trim()).toBe(text);
      }),
    );
  });
  test("a quote of it has no command", () => {
    fc.assert(fc.property(text, (comment) => expect(found(comment.replace(/^/gm, "> ").replaceAll("\r", ""))).toEqual([])));
  });
  test("a fence around it has no command", () => {
    fc.assert(
      fc.property(text, (comment) => expect(found(`\`\`\`\`\`\`\`\`\n${comment.replaceAll("`", "")}\n\`\`\`\`\`\`\`\``)).toEqual([])),
    );
  });
  test("indented as code it has no command", () => {
    fc.assert(fc.property(text, (comment) => expect(found(comment.replaceAll("\r", "").replace(/^/gm, "    "))).toEqual([])));
  });
  test("a command above it, with a blank line between, is found", () => {
    fc.assert(fc.property(text, (comment) => expect(found(`/build\n\n${comment}`)[0]).toBe("1: /build")));
  });
});

/** The longest comment that GitHub takes, of every shape known to make a Markdown reader slow. A reader that is not linear does not return. */
describe("a comment of 65,536 characters of", () => {
  const fill = (unit: string, length = 65_536) => unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
  const staircase = (line: (depth: number) => string) => Array.from({ length: 250 }, (_, depth) => line(depth)).join("\n");
  const units = [
    "[",
    "![",
    "[a](",
    "[a](<b",
    "]",
    "*",
    "**a ",
    "*a_ ",
    "a**b",
    "~~a",
    "`",
    "`a ",
    "<",
    "<!--",
    "<?",
    "<![CDATA[",
    "<a b='",
    '<a b="\n',
    "&",
    "\\",
    "/b\n",
  ];
  const blocks = [
    ">",
    "> ",
    "- ",
    "1. ",
    "- > ",
    "```\n",
    "<div>\n",
    "<!--\n",
    "[a]: b\n",
    "[a]: b '\n",
    "[^a]: ",
    "a\n=\n",
    "# ",
    "a|b\n-|-\n",
    "|",
    "\t",
    " \n",
    "\r",
    "- a\n",
  ];
  test.each([
    ...[...units, ...blocks].map((unit) => [JSON.stringify(unit), fill(unit)] as const),
    ["deep list, then blank lines", `${fill("- ", 32_768)}a${fill("\n", 32_768)}`] as const,
    ["deep quote, then lazy lines", `${fill(">", 32_768)}a${fill("\na", 32_768)}`] as const,
    ["ever longer code marks", Array.from({ length: 360 }, (_, length) => "`".repeat(length)).join(" ")] as const,
    ["ever deeper lists", staircase((depth) => `${"  ".repeat(depth)}- a`)] as const,
    ["ever deeper quotes", staircase((depth) => `${">".repeat(depth)} a`)] as const,
    ["brackets that open and close", `${fill("[", 32_768)}${fill("](", 32_768)}`] as const,
    ["stars that open and close", `${fill("*a ", 32_768)}${fill(" a*", 32_768)}`] as const,
    ["a table of empty cells", `${fill("|", 32_768)}\n${fill("|-", 32_768)}`] as const,
    ["blanks before a slash", `${fill(" ", 65_000)}/ /build`] as const,
  ])("%s is read", (_, comment) => {
    expect(found(`/build x\n\n${comment}`)[0]).toBe("1: /build x");
    expect(found(`text ${comment}\n\n\n/build`).length).toBeLessThanOrEqual(32_768);
  });
});
