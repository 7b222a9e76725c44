import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { html, safeLink } from "../../src/web/html.ts";
import { renderMarkdown } from "../../src/web/markdown.ts";

const cases: readonly (readonly [name: string, text: string, markup: string])[] = [
  ["a heading", "## Tests ##", "<h3>Tests</h3>"],
  ["a paragraph with marks", "a **b** _c_ `d<e`", "<p>a <strong>b</strong> <em>c</em> <code>d&lt;e</code></p>"],
  ["names with underscores", "snake_case_name and 2*3*4", "<p>snake_case_name and 2*3*4</p>"],
  ["a link", "[x](https://e.test/?a=1&b=2)", '<p><a href="https://e.test/?a=1&amp;b=2" rel="noreferrer nofollow">x</a></p>'],
  ["a link that runs code", "[x](javascript:alert)", "<p>[x](javascript:alert)</p>"],
  ["a link to another site in disguise", "[x](//evil.test)", "<p>[x](//evil.test)</p>"],
  ["an image", "![x](https://e.test/a.png)", '<p>!<a href="https://e.test/a.png" rel="noreferrer nofollow">x</a></p>'],
  ["a list", "- a\n- b\n  more", "<ul><li>a</li><li>b\nmore</li></ul>"],
  ["a numbered list", "1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"],
  [
    "a table",
    "| a | b |\n|---|---|\n| 1 | x \\| y |",
    '<div class="wide"><table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>x | y</td></tr></tbody></table></div>',
  ],
  ["fenced code", "```diff\n<b>\n```", "<pre><code>&lt;b&gt;</code></pre>"],
  ["code that never ends", "```\na", "<pre><code>a</code></pre>"],
  [
    "details",
    "<details><summary>More <b></summary>\n\ntext\n</details>",
    "<details><summary>More &lt;b&gt;</summary><p>text</p></details>",
  ],
  ["a hidden mark of the bot", "<!-- flibs:key -->\ntext", "<p>text</p>"],
  ["HTML", "<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"],
  ["entities as text", "&#60;b&#62; &amp;&lt;&#x3e; &quot;", "<p>&lt;b&gt; &amp;&lt;&gt; &quot;</p>"],
  ["an entity that stands for a mark is no mark", "&#42;&#42;a&#42;&#42; &#96;b&#96; &#91;c&#93;(x)", "<p>**a** `b` [c](x)</p>"],
  ["entities that would be a script", "&#60;script&#62;alert(1)&#60;/script&#62;", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"],
  ["an entity of an entity", "&#38;lt;b&#38;gt;", "<p>&amp;lt;b&amp;gt;</p>"],
  ["an entity in code is none", "`&#60;`", "<p><code>&amp;#60;</code></p>"],
  [
    "an entity for a control character or nothing",
    "&#27; &#0; &#xD800; &#1114112; &bogus;",
    "<p>&amp;#27; &amp;#0; &amp;#xD800; &amp;#1114112; &amp;bogus;</p>",
  ],
  [
    "an entity that would end an attribute",
    "[x](https://e.test/&#34;onload=1)",
    '<p><a href="https://e.test/&amp;#34;onload=1" rel="noreferrer nofollow">x</a></p>',
  ],
  ["zero-width spaces are for forges", "@\u200bbob `-\u200b-help`", "<p>@bob <code>--help</code></p>"],
  ["code in bold", "**gate `x` is &#60;gone&#62;**", "<p><strong>gate <code>x</code> is &lt;gone&gt;</strong></p>"],
  [
    "a summary with entities",
    "<details><summary>linux/amd64&#58; 3 &#60;b&#62;</summary>\n\n| a |\n|---|\n| 1 |\n\n</details>",
    '<details><summary>linux/amd64: 3 &lt;b&gt;</summary><div class="wide"><table><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table></div></details>',
  ],
  ["an escaped mark", "\\*a\\*", "<p>*a*</p>"],
  ["code with backticks in it", "``a ` b`` c", "<p><code>a ` b</code> c</p>"],
  ["code that ends with as many backticks as it began with", "`a ``b`` c` d", "<p><code>a ``b`` c</code> d</p>"],
  ["backticks without an end", "``a `b` `c", "<p>``a <code>b</code> `c</p>"],
  ["fewer backticks than there are begin nothing", "x ```a` b", "<p>x ```a` b</p>"],
  ["code after an escaped backtick", "\\``a` b", "<p>`<code>a</code> b</p>"],
  ["marks in code", "`**a` b** c", "<p><code>**a</code> b** c</p>"],
  ["an item with a line separator", "-  a\u2028b", "<ul><li>a\u2028b</li></ul>"],
];

test.each(cases)("%s", (_, text, markup) => {
  expect(renderMarkdown(text).markup).toBe(markup);
});

test("whatever is written, only our own elements and attributes come out", () => {
  const piece = fc.constantFrom(
    "<",
    ">",
    '"',
    "'",
    "`",
    "*",
    "_",
    "[",
    "]",
    "(",
    ")",
    "|",
    "\n",
    "- ",
    "# ",
    "> ",
    "```",
    "<details>",
    "</details>",
    "<summary>",
    "onload=",
    "javascript:",
    "https://e.test/",
    "a",
    " ",
    "&",
    "\\",
    "<!--",
    "-->",
    "|---|",
    "&#60;",
    "&lt;",
    "&#34;",
    "&#x3e;",
  );
  const own =
    /<\/?(?:p|h[345]|ul|ol|li|pre|code|blockquote|hr|strong|em|details|summary|table|thead|tbody|tr|th|td)>|<div class="wide">|<\/div>|<a href="https:\/\/[^"<>]*" rel="noreferrer nofollow">|<\/a>/g;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const rest = renderMarkdown(pieces.join("")).markup.replace(own, "");
      expect(rest).not.toMatch(/[<>"']/);
    }),
    { numRuns: 500 },
  );
});

/** `a`, and runs of one, two, three … of them: each looks for its like to the end of the text. */
function runsOf(mark: string, longest: number): string {
  return Array.from({ length: longest }, (_, i) => `a${mark.repeat(i + 1)}`).join("");
}

test.each([
  ["brackets", "[".repeat(100_000)],
  ["a fence", "`".repeat(50_000)],
  ["a run of backticks", `a${"`".repeat(200_000)}`],
  ["runs of backticks of all lengths", runsOf("`", 700)],
  ["bold that does not end", "**a ".repeat(30_000)],
  ["details in details", "<details>\n".repeat(20_000)],
  ["cells without a table", "| a ".repeat(50_000)],
  ["quotes in quotes", "> ".repeat(50_000)],
  ["blanks of an item before a line separator", `- ${" ".repeat(200_000)}x\u2028`],
])("long and hostile text costs no more than its length: %s", (_, text) => {
  const started = performance.now();
  renderMarkdown(text);
  expect(performance.now() - started).toBeLessThan(10_000);
});

test("holes in a template are escaped in text and in attributes, lists are joined", () => {
  expect(html`<a title="${`"'<&>`}">${["a", html`<b>`, undefined, false, 1]}</a>`.markup).toBe(
    '<a title="&quot;&#39;&lt;&amp;&gt;">a<b>1</a>',
  );
});

test.each([
  ["https://e.test/x", true],
  ["/builds/1", true],
  ["//e.test", false],
  ["/\\e.test", false],
  ["javascript:alert(1)", false],
  ["data:text/html,x", false],
  [" https://e.test", false],
])("link %s is followed: %s", (target, ok) => {
  expect(safeLink(target) !== undefined).toBe(ok);
});

test("a long line of blanks costs no more than its length", () => {
  const blanks = " ".repeat(60_000);
  const started = performance.now();
  for (const text of [`| a |\n${blanks}x`, `# a${blanks}x`, `|${blanks}|\n|-${blanks}x`]) String(renderMarkdown(text));
  expect(performance.now() - started).toBeLessThan(10_000);
});
