import { rpmArchitecture } from "../domain/platform.ts";
import type { GateResult } from "../gating/decide.ts";
import { testcaseOf } from "../gating/testcase.ts";
import type { BuildRecord } from "./build-record.ts";
import { resultsOf } from "./verdict.ts";

const outcomes = { pass: "PASSED", fail: "FAILED", error: "ERROR", skip: "INFO" } as const;

/** A build's results in ResultsDB's words; one that an older release saved has no id, and counts within the build. Pure. */
export function gateResults(build: BuildRecord): readonly GateResult[] {
  const { plan, tests } = build;
  if (plan === undefined) return [];
  return plan.suites.flatMap(({ name }) =>
    plan.platforms.flatMap((platform): readonly GateResult[] => {
      const result = resultsOf(name, tests).find((one) => (one.platform ?? plan.platforms[0]) === platform);
      if (result === undefined) return [];
      return [
        {
          ...{ id: result.id ?? tests.indexOf(result) + 1, testcase: testcaseOf(name), outcome: outcomes[result.outcome] },
          ...{ scenario: null, architecture: rpmArchitecture(platform), variant: null },
          ...{ note: result.message, submittedAt: result.finishedAt ?? build.finishedAt ?? build.createdAt },
        },
      ];
    }),
  );
}

/** Each suite is run on every one of them. */
export function architecturesOf({ plan }: Pick<BuildRecord, "plan">): readonly string[] {
  return (plan?.platforms ?? []).map(rpmArchitecture);
}
