import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { escapeCode, escapeText, fenced } from "../../src/promotion/escape.ts";
import { formatMachineBlock, type MachineBlock, parseMachineBlock } from "../../src/promotion/machine-block.ts";

describe("text from images", () => {
  test.each([
    "<script>",
    "@alice",
    "#12",
    "/merge",
    "[x](http://x)",
    "**b**",
    "`c`",
    "a|b",
    "\u001b[31mred",
    "\u202eevil",
    "line\nline",
    "- item",
    "https://x",
    "www.example.test",
    ":white_check_mark:",
    "_a_",
    "1. one",
    "+ item",
    "$x$",
  ])("%j is harmless", (text) => {
    const meaning = /[<>[\]*`|$]|[@#](?!\u200b)|^[-+/]|:\/\/|www\.|:\w+:|\b_|_\b|^\d+\.|[^\P{C}\u200b]/u;
    expect(escapeText(text).replace(/&#\d+;/g, "\u2022")).not.toMatch(meaning);
    expect(escapeCode(text).slice(1, -1)).not.toMatch(/[`|\n]|[\p{Cc}]/u);
  });

  // What a forge looks for in text that is shown, markup or not; see "Autolinked references and URLs" of its documentation.
  const reference = /@[\w-]|#\d|\bGH-\d|https?:\/\/|ftp:\/\/|\bwww\.|mailto:\S+@\w|(?<![\w])(?=\d*[a-f])(?=[a-f]*\d)[0-9a-f]{7,40}(?!\w)/i;
  test.each([
    "@alice",
    "@fedora/releng",
    "mail bob@example.test",
    "mailto:bob@example.test",
    "#12",
    "fixes #12",
    "GH-12",
    "gh-12",
    "containers/cockpit#12",
    "alice#12",
    "https://github.com/containers/cockpit/issues/12",
    "HTTP://github.com/containers/cockpit/pull/12#discussion_r1",
    "ftp://example.test/x",
    "www.example.test",
    "commit 0123abc",
    "0123456789abcdef0123456789abcdef01234567",
    "(deadbee1)",
    "alice@0123456789abcdef0123456789abcdef01234567",
    "containers/cockpit@0123abcd",
    "&#64;alice &#35;12",
  ])("%j pings nobody and refers to nothing", (text) => {
    expect(text.startsWith("&") || reference.test(text)).toBe(true);
    const shown = (escaped: string) => escaped.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
    expect(shown(escapeText(text))).not.toMatch(reference);
    // Forges look for nothing in code.
    expect(escapeCode(text)).toMatch(/^`[^`]+`$/);
    expect(formatMachineBlock({ requestedBy: text } as never)).not.toMatch(/@|#\d/);
  });

  test.each(["20261101-0001", `sha256:${"a1".repeat(32)}`, "323-1.fc40", "deadbeef", "facade", "libabc123-2.0"])(
    "%s is no commit",
    (text) => {
      expect(escapeText(text)).toBe(text);
    },
  );

  test("what has no meaning is left readable", () => {
    const text = 'images/f40/some_image.yaml:7: "323-1.fc40" would move from sha256:ab (CK2)';
    expect(escapeText(text)).toBe(text);
  });

  test("a fence cannot be closed from inside", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("`", "a", "\n"), maxLength: 40 }), (text) => {
        const lines = fenced(text, "diff", 1000).split("\n");
        const fence = /^`+/.exec(lines[0] ?? "")?.[0] ?? "";
        return !lines.slice(1, -1).some((line) => line.startsWith(fence)) && lines.at(-1) === fence;
      }),
    );
  });

  test("the machine block reads back, and nothing in it ends the comment", () => {
    const block: MachineBlock = {
      schema: 1,
      repository: "f40/a--b",
      tag: "1--2",
      digest: `sha256:${"a".repeat(64)}`,
      build: "b--1",
      baseBlob: "-->",
    };
    const text = formatMachineBlock(block);
    expect(text.match(/--/g)).toHaveLength(2);
    expect(parseMachineBlock(`body <!-- flibs:promotion {"schema": 1} --> ${text}`)).toEqual(block);
    expect(parseMachineBlock("<!-- flibs:promotion {not json} -->")).toBeUndefined();
  });
});
