import type { TestOutcome, TestResult } from "../gating/test-runner.ts";
import type { BuildPlan, BuildRecord, SuiteResult } from "./build-record.ts";

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

/** The results of a suite over all platforms. Of older releases the name had the platform in it: `smoke (linux/arm64)`. */
export function resultsOf<Result extends TestResult>(suite: string, results: readonly Result[]): readonly Result[] {
  return results.filter((one) => one.suite === suite || one.suite.startsWith(`${suite} (`));
}

/** How a suite ended over all platforms of a build: its worst result. Undefined when it was not carried out on each of them. */
export function worstResult({ plan, tests }: Pick<BuildRecord, "plan" | "tests">, suite: string): SuiteResult | undefined {
  const own = resultsOf(suite, tests);
  if (own.length < (plan?.platforms.length ?? 1)) return undefined;
  return own.find((one) => one.outcome === "error") ?? own.find((one) => one.outcome !== "pass") ?? own[0];
}

/** What a result is called: the suite alone, or with its platform when there are several. */
export function resultName({ plan }: Pick<BuildRecord, "plan">, { suite, platform }: Pick<SuiteResult, "suite" | "platform">): string {
  return platform === undefined || (plan?.platforms.length ?? 1) === 1 ? suite : `${suite} (${platform})`;
}
