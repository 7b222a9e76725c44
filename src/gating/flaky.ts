import type { TestOutcome } from "./test-runner.ts";

/**
 * The rule of flaky tests: a suite that was run several times on one platform against one digest, and passed and failed. The image and the test are
 * the same each time, so one of the two was chance. An error or a skip says nothing about the image, and does not count. Pure.
 */
export function isFlaky(outcomes: Iterable<TestOutcome>): boolean {
  const seen = new Set(outcomes);
  return seen.has("pass") && seen.has("fail");
}
