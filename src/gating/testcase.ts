/**
 * The name of a suite in results, waivers and policies, ResultsDB's `testcase`: `flibs.smoke`. It has no platform: that is in the result's
 * `system_architecture`.
 */
export function testcaseOf(suite: string): string {
  return `flibs.${suite}`;
}

/** The suite of a testcase; undefined for one that is not flibs's own, or that no database can have. */
export function suiteOf(testcase: string): string | undefined {
  return testcase.startsWith("flibs.") && testcase.length > "flibs.".length && !testcase.includes("\0")
    ? testcase.slice("flibs.".length)
    : undefined;
}
