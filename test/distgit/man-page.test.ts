import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { manPage, withTitle } from "../../src/distgit/man-page.ts";

const body = (markdown: string) => manPage(`% a(1) M\n% me\n% now\n${markdown}`).replace(/^(?:'\\" t\n)?\.nh\n\.TH .*\n/, "");

describe("the title", () => {
  test("three lines come before a text that has none", () => {
    expect(withTitle("# Hello\n", "f42/hello", "Alice\n<a@example.test>", "November 26, 2026")).toBe(
      "% f42/hello(1) Container Image Pages\n% Alice <a@example.test>\n% November 26, 2026\n# Hello\n",
    );
    expect(withTitle("", "a", "", "d")).toBe("% a(1) Container Image Pages\n% \n% d\n");
  });

  test("a text that begins with a title keeps its own", () => {
    const own = "% HELLO(8) My pages\n% Bob\n% Today\ntext";
    expect(withTitle(own, "x", "y", "z")).toBe(own);
    expect(manPage(own)).toBe('.nh\n.TH "HELLO" "8" "Today" "Bob" "My pages"\n.PP\ntext\n');
  });

  test.each([
    ["% name only\n\ntext", '.nh\n.TH "NAME ONLY" "1" "" "" ""\n.PP\ntext\n'],
    ["% a(1)\n%\n% d\ntext", '.nh\n.TH "A" "1" "d" "" ""\n.PP\ntext\n'],
    ['% a"b\\(1) x"y\n% "m"\n', '.nh\n.TH "A\\(dqB\\e" "1" "" "\\(dqm\\(dq" "x\\(dqy"\n'],
    ["%no title", '.nh\n.TH "" "1" "" "" ""\n.PP\n%no title\n'],
  ])("%j", (markdown, expected) => {
    expect(manPage(markdown)).toBe(expected);
  });
});

describe("the text", () => {
  test.each([
    ["headings", "# One\nText\n## Two *x*\n### Three", '.SH "One"\n.PP\nText\n.SH "Two x"\n.SS "Three"\n'],
    ["bold, italics, code", "**b** _i_ `c-d` **x `y` z**", ".PP\n\\fBb\\fR \\fIi\\fR \\fBc\\-d\\fR \\fBx \\fBy\\fB z\\fR\n"],
    ["links", "[a](https://x.test/b-c) <https://y.test>", ".PP\na \\(lahttps://x.test/b\\-c\\(ra https://y.test\n"],
    [
      "a list in a list",
      "- a\n- b\n\n  more\n\n  3. x\n- c",
      '.IP \\(bu 2\na\n.IP \\(bu 2\nb\n.IP\nmore\n.RS\n.IP "3." 4\nx\n.RE\n.IP \\(bu 2\nc\n',
    ],
    ["code", "    a  b\n    .c\n\n```sh\n'd\\n\n```", ".PP\n.RS 4\n.nf\na  b\n\\&.c\n.fi\n.RE\n.PP\n.RS 4\n.nf\n\\(aqd\\en\n.fi\n.RE\n"],
    ["a quote", "> q\n\nz", ".RS 4\n.PP\nq\n.RE\n.PP\nz\n"],
    ["a line break", "a  \nb", ".PP\na\n.br\nb\n"],
    ["a rule", "a\n\n---\n", ".PP\na\n.PP\n\\l'\\n(.lu'\n"],
    ["a table", "| a | b |\n|--|--|\n| T} | |\n", ".TS\nallbox;\nl l.\nT{\na\nT}\tT{\nb\nT}\nT{\n\\&T}\nT}\tT{\n\nT}\n.TE\n"],
    ["HTML is left out", "a <b>c</b>\n\n<!-- d -->\n\n<div>\ne\n</div>\n", ".PP\na c\n"],
    ["an image is its words", "![w-x](http://x.test/y.png)", ".PP\nw\\-x\n"],
    [
      "requests are text",
      ".so /etc/passwd\n'sy id\n\n\\*[x] \\n(.l \\\\fB",
      ".PP\n\\&.so /etc/passwd\n\\(aqsy id\n.PP\n*[x] \\en(.l \\efB\n",
    ],
    ["control characters go", "a\u001b[31m\u009b\u202eb", ".PP\na[31mb\n"],
  ])("%s", (_, markdown, expected) => {
    expect(body(markdown)).toBe(expected);
  });

  test("tables are announced to man", () => {
    expect(manPage("| a |\n|--|\n").startsWith("'\\\" t\n")).toBe(true);
  });

  const request = /^\.(?:nh|TH|SH|SS|PP|IP|RS|RE|nf|fi|br|TS|TE)(?: |$)/;
  /** Every backslash of ours begins one of these. */
  const escapes = /\\(?:e|-|&|\(aq|\(ga|\(ha|\(ti|\(dq|\(bu|\(la|\(ra|f[RBI]|l'\\n\(\.lu')/g;
  const unit = fc.constantFrom(
    ..."ab .'\\\"\n#*_`>-|[](){}<>!&~^%:\t\u001b\u0000é".split(""),
    ...["\n\n", "```", "    ", "- ", "1. ", "| a |\n|--|\n", ".so x", "\\fB", "T}", "<!--", "<br>", "&#46;so", "&#10;.so x", "\\\n"],
  );

  test("whatever stands there, groff obeys nothing but our own requests", () => {
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 60 }), (markdown) => {
        const page = manPage(withTitle(markdown, "a", "b", "c")).replace(/^'\\" t\n/, "");
        for (const line of page.split("\n")) {
          if (/^[.']/.test(line)) expect(line).toMatch(request);
          expect(line.replaceAll(escapes, "")).not.toContain("\\");
          // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
          expect(line).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
        }
      }),
      { numRuns: 1500 },
    );
  });
});
