import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { appError } from "../../src/domain/errors.ts";
import { pauseAfter, planRetry, usualBackOff } from "../../src/workflow/back-off.ts";

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

const now = new Date("2024-01-01T00:05:00.000Z");
const limited = (retryAt: unknown) => appError("forge.rate-limited", "GitHub takes no more requests", { details: { retryAt } });

test("an error that says when it passes is waited for and uses up no try, not even the last one", () => {
  const hour = limited("2024-01-01T01:00:00.000Z");
  expect(planRetry(hour, 0, usualBackOff, now)).toEqual({ pauseMs: 55 * 60_000, attempt: 0 });
  expect(planRetry(hour, 7, usualBackOff, now)).toEqual({ pauseMs: 55 * 60_000, attempt: 7 });
  expect(planRetry(limited("2034-01-01T00:00:00.000Z"), 3, usualBackOff, now)).toEqual({ pauseMs: 2 * 3_600_000, attempt: 3 });
});

test.each([
  ["nothing", appError("store.unavailable", "the database is away")],
  ["a time that is over", limited("2024-01-01T00:00:00.000Z")],
  ["a time before the first pause ends", limited("2024-01-01T00:05:01.000Z")],
  ["what is no time", limited("soon")],
])("one that says %s is tried again as usual", (_name, error) => {
  expect(planRetry(error, 2, usualBackOff, now)).toEqual({ pauseMs: 20_000, attempt: 3 });
  expect(planRetry(error, 7, usualBackOff, now)).toBeUndefined();
});

test("what is not transient is not tried again, whatever it says", () => {
  const error = appError("forge.denied", "not allowed", { details: { retryAt: "2024-01-01T01:00:00.000Z" } });
  expect(planRetry(error, 0, usualBackOff, now)).toBeUndefined();
  expect(planRetry(new TypeError("oops"), 0, usualBackOff, now)).toBeUndefined();
});
