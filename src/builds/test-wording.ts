import type { CommitStatus } from "../forge/forge.ts";
import type { TestSuite } from "../gating/test-runner.ts";
import type { BuildRecord } from "./build-record.ts";
import { followsBranch } from "./follows-branch.ts";
import { retryWords } from "./retry-words.ts";
import { isCalledOff, openStatus, type StatusView } from "./status-view.ts";
import { resultStatus, testStatus } from "./suite-wording.ts";
import { resultsOf } from "./verdict.ts";
import { isWhole, promotionOf } from "./wording.ts";

/**
 * Statuses of suites that are run again; what else stands on the commit is left alone. A result counts when it is this run's. The promotion is
 * spoken of once the gate is `satisfied` with an official build. Pure.
 */
export function testStatusesOf(
  record: BuildRecord,
  suites: readonly TestSuite[],
  view: StatusView,
  satisfied: boolean,
): readonly CommitStatus[] {
  const said = suites.map((suite) => {
    const own = ownResults(record, suite, view.run);
    if (isWhole(record, own)) return resultStatus(record, suite, own, view);
    const before = resultsOf(suite.name, record.tests);
    // Called off: what was found before still holds. Of that there is no log here.
    if (isCalledOff(view.ending) && isWhole(record, before)) return resultStatus(record, suite, before, { ...view, tails: {} });
    return openStatus(testStatus(suite.name), { title: "Testing again", again: retryWords(record, suite.name) }, view);
  });
  return satisfied && isTestedBy(record, suites, view.run) && followsBranch(record) ? [...said, promotionOf(record, true, view)] : said;
}

/** Has the run carried all of them out, on every platform? */
export function isTestedBy(record: BuildRecord, suites: readonly TestSuite[], run: string): boolean {
  return suites.every((suite) => isWhole(record, ownResults(record, suite, run)));
}

function ownResults({ tests }: BuildRecord, suite: TestSuite, run: string) {
  return resultsOf(suite.name, tests).filter((one) => one.run === run);
}
