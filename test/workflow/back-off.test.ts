import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { pauseAfter, usualBackOff } from "../../src/workflow/back-off.ts";

test("eight tries, over about ten minutes", () => {
  const pauses = [1, 2, 3, 4, 5, 6, 7].map((attempt) => pauseAfter(usualBackOff, attempt));
  expect(pauses).toEqual([5000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000]);
  expect(pauseAfter(usualBackOff, 8)).toBeUndefined();
});

test("a pause is never shorter than the one before, nor longer than the longest, and the budget ends", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 10_000 }),
      fc.integer({ min: 10_000, max: 600_000 }),
      (tries, firstMs, longestMs) => {
        const pauses = Array.from({ length: tries }, (_, index) => pauseAfter({ tries, firstMs, longestMs }, index + 1));
        expect(pauses.at(-1)).toBeUndefined();
        const waits = pauses.slice(0, -1).map((pause) => pause ?? Number.NaN);
        for (const [index, wait] of waits.entries()) {
          expect(wait).toBeLessThanOrEqual(longestMs);
          expect(wait).toBeGreaterThanOrEqual(waits[index - 1] ?? firstMs);
        }
      },
    ),
  );
});
