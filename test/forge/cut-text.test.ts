import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { cutBytes, cutComment, cutMarkdown } from "../../src/forge/cut-text.ts";
import { markedText } from "../../src/forge/github/comment-marker.ts";

const isWhole = (text: string) => text === text.toWellFormed();

describe("text that is too long for the forge", () => {
  test.each([
    ["abc", 3, "abc"],
    ["abcd", 3, "abc"],
    ["äöü", 3, "ä"],
    ["a🐟b", 4, "a"],
    ["a🐟b", 5, "a🐟"],
    ["🐟", 3, ""],
  ])("%p in %i bytes is %p", (text, bytes, wanted) => {
    expect(cutBytes(text, bytes)).toBe(wanted);
  });

  test("is never longer than its limit, begins as it began, and has no half characters", () => {
    const units = fc.string({ unit: fc.constantFrom("a", "ä", "🐟", "\n", "```\n", "~~~\n"), minLength: 0, maxLength: 400 });
    fc.assert(
      fc.property(units, fc.integer({ min: 120, max: 600 }), (text, limit) => {
        const byBytes = cutMarkdown(text, limit, "https://flibs.example.test/");
        expect(Buffer.byteLength(byBytes)).toBeLessThanOrEqual(limit);
        const byLength = cutComment(text, limit);
        expect(byLength.length).toBeLessThanOrEqual(limit);
        for (const cut of [byBytes, byLength]) {
          expect(isWhole(cut)).toBe(true);
          if (cut !== text) expect(text.startsWith(cut.slice(0, cut.indexOf("\n\n… cut here") - 8))).toBe(true);
        }
      }),
    );
  });

  test("is told to be cut outside of a code block that the cut left open", () => {
    const cut = cutComment(`before\n\`\`\`text\n${"x".repeat(300)}\n\`\`\`\n`, 200);
    expect(cut).toMatch(/x\n```\n\n… cut here: it is too long for the forge$/);
    expect(cutComment(`\`\`\`\nx\n\`\`\`\n${"y".repeat(300)}`, 200)).toMatch(/y\n\n… cut here/);
  });

  test("keeps its marker", () => {
    const text = markedText("release", "🐟".repeat(40_000));
    expect(text.length).toBeLessThanOrEqual(65_536);
    expect(text).toMatch(/^<!-- flibs:[0-9a-f]{32} -->\n🐟/u);
    expect(isWhole(text)).toBe(true);
  });
});
