import type { TestCase, TestResult } from "./test-runner.ts";

/** A suite is as bad as its worst case, and its message is of the first that is so bad. When all were skipped, so is the suite. */
export function summarize(suite: string, cases: readonly TestCase[]): Pick<TestResult, "suite" | "outcome" | "cases" | "message"> {
  const worst = (["error", "fail"] as const).find((outcome) => cases.some((one) => one.outcome === outcome));
  if (worst === undefined) {
    const passed = cases.filter((one) => one.outcome === "pass").length;
    if (passed === 0 && cases.length > 0) return { suite, outcome: "skip", cases, message: "all tests were skipped" };
    return { suite, outcome: "pass", cases, message: `${passed} passed` };
  }
  const bad = cases.filter((one) => one.outcome === worst);
  const more = bad.length > 1 ? ` (and ${bad.length - 1} more)` : "";
  return { suite, outcome: worst, cases, message: `${bad[0]?.name}: ${bad[0]?.message}${more}` };
}
