import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { escapeText } from "../../src/koji/escape-text.ts";

test.each([
  ["\u001b[2J", "\\u001b[2J"],
  ["a\0b", "a\\u0000b"],
  ["tab\tline\nreturn\r", "tab\tline\nreturn\r"],
  ["\ud800x", "\\ud800x"],
  ["😀 é \u007f \u0085", "😀 é \u007f \u0085"],
  ["\uffff\ufffe", "\\uffff\\ufffe"],
])("%j becomes %j", (text, escaped) => {
  expect(escapeText(text)).toBe(escaped);
  expect(escapeText({ [text]: [text, 1, null, true, { deep: text }] })).toEqual({ [escaped]: [escaped, 1, null, true, { deep: escaped }] });
});

/** XML 1.0, production 2. */
const xmlCharacters = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;

test("whatever comes in, XML can say what comes out, and escaping it again changes nothing", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const escaped = escapeText(text);
      expect(escaped).toMatch(xmlCharacters);
      expect(escapeText(escaped)).toBe(escaped);
      if (xmlCharacters.test(text)) expect(escaped).toBe(text);
    }),
    { numRuns: 500 },
  );
});
