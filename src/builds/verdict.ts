import type { TestOutcome, TestResult } from "../gating/test-runner.ts";
import type { BuildRecord, SuiteResult } from "./build-record.ts";

/** What the gate said, for the flows; `verdictOfGate` makes it. */
export interface Verdict {
  readonly passed: boolean;
  /** Required tests that did not pass and that nobody waived, with how they ended. */
  readonly blocking: readonly { readonly suite: string; readonly outcome: TestOutcome; readonly message: string }[];
}

/** The results of a suite over all platforms. Of older releases the name had the platform in it: `smoke (linux/arm64)`. */
export function resultsOf<Result extends TestResult>(suite: string, results: readonly Result[]): readonly Result[] {
  return results.filter((one) => one.suite === suite || one.suite.startsWith(`${suite} (`));
}

/** What a result is called: the suite alone, or with its platform when there are several. */
export function resultName({ plan }: Pick<BuildRecord, "plan">, { suite, platform }: Pick<SuiteResult, "suite" | "platform">): string {
  return platform === undefined || (plan?.platforms.length ?? 1) === 1 ? suite : `${suite} (${platform})`;
}

/** Does each suite of a complete build have its results, one for each platform? Pure. */
export function testsHaveEnded({ state, plan, tests }: Pick<BuildRecord, "state" | "plan" | "tests">): boolean {
  if (state !== "complete" || plan === undefined) return false;
  return plan.suites.every(({ name }) => resultsOf(name, tests).length >= Math.max(1, plan.platforms.length));
}
