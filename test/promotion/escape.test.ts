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
