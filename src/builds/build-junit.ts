import { formatNvr } from "../domain/nvr.ts";
import { formatJunit, type JunitSuite } from "../gating/junit.ts";
import type { BuildRecord, SuiteResult } from "./build-record.ts";
import { resultName } from "./verdict.ts";

/** Results of a build as JUnit XML: those that count, or one of its history. Pure. */
export function buildJunit(build: BuildRecord, results: readonly SuiteResult[]): string {
  const name = build.nvr === undefined ? build.id : formatNvr(build.nvr);
  return formatJunit(
    name,
    results.map((result) => suiteOf(build, result)),
  );
}

function suiteOf(build: BuildRecord, result: SuiteResult): JunitSuite {
  const { platform, digest, kind, attempt, flaky, leftOut = {} } = result;
  const facts = {
    build: build.id,
    run: result.run ?? build.id,
    platform,
    digest,
    kind,
    attempt: attempt === undefined ? undefined : String(attempt),
    flaky: flaky === true ? "true" : undefined,
    ...Object.fromEntries(Object.entries(leftOut).map(([outcome, count]) => [`cases left out: ${outcome}`, String(count)])),
  };
  return {
    name: resultName(build, result),
    outcome: result.outcome,
    message: result.message,
    cases: result.cases,
    durationMs: result.durationMs,
    ...(result.startedAt === undefined ? {} : { startedAt: result.startedAt }),
    properties: Object.fromEntries(Object.entries(facts).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]))),
  };
}
