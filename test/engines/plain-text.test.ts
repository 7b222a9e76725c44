import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { plainText } from "../../src/engines/plain-text.ts";

describe("container output as plain text", () => {
  test.each([
    ["colours", "\u001b[91mred\u001b[0m\n", "red\n"],
    ["a window title", "a\u001b]0;owned\u0007b", "ab"],
    ["a link", "\u001b]8;;http://example.test\u001b\\text\u001b]8;;\u001b\\", "text"],
    ["a charset", "\u001b(Bx", "x"],
    ["an unclosed title ends with the line", "\u001b]0;never\nnext", "\nnext"],
    ["a progress bar", "10%\r20%\r\n", "10%\n20%\n"],
    ["direction overrides", "a\u202eb\u2066c", "abc"],
    ["bells and C1", "a\u0007\u009bb", "ab"],
    ["tabs, letters and emoji stay", "\tgrüße 🎉\n", "\tgrüße 🎉\n"],
  ])("%s", (_, given, expected) => {
    expect(plainText()(given)).toBe(expected);
  });

  test("however the output is cut into pieces, nothing that controls a terminal comes through and the text is the same", () => {
    const piece = fc.constantFrom("\u001b", "[", "]", "0;", "m", "\\", "\r", "\n", "text", "\u0007", "P", "(");
    const property = fc.property(fc.array(piece), (pieces) => {
      const cut = plainText();
      const text = pieces.map(cut).join("");
      expect(text).toBe(plainText()(pieces.join("")));
      expect(text).not.toMatch(/(?![\n\t])\p{Cc}/u);
    });
    fc.assert(property);
  });
});
