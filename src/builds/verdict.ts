import type { TestOutcome, TestResult } from "../gating/test-runner.ts";
import type { BuildPlan } from "./build-record.ts";

export interface Verdict {
  readonly passed: boolean;
  /** Required suites that did not pass, with how they ended. */
  readonly blocking: readonly { readonly suite: string; readonly outcome: TestOutcome; readonly message: string }[];
}

/** A required suite must pass on every platform; `error` blocks as `fail` does, but says that the image was not judged. */
export function verdictOf(plan: BuildPlan, results: readonly TestResult[]): Verdict {
  const blocking = plan.suites
    .filter((suite) => suite.required)
    .flatMap((suite) => {
      const own = resultsOf(suite.name, results);
      if (own.length < plan.platforms.length) return [{ suite: suite.name, outcome: "error" as const, message: "it was not carried out" }];
      return own.filter((one) => one.outcome !== "pass").map(({ outcome, message }) => ({ suite: suite.name, outcome, message }));
    });
  return { passed: blocking.length === 0, blocking };
}

/** The results of a suite over all platforms. */
export function resultsOf<Result extends TestResult>(suite: string, results: readonly Result[]): readonly Result[] {
  return results.filter((one) => one.suite === suite || one.suite.startsWith(`${suite} (`));
}

/** What a result is called: the suite alone, or with its platform when there are several. */
export function resultName(plan: BuildPlan, suite: string, platform: string): string {
  return plan.platforms.length === 1 ? suite : `${suite} (${platform})`;
}
