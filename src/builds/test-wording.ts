import type { CommitStatus } from "../forge/forge.ts";
import type { TestSuite } from "../gating/test-runner.ts";
import type { BuildRecord } from "./build-record.ts";
import { followsBranch } from "./follows-branch.ts";
import { retryWords } from "./retry-words.ts";
import { isCalledOff, openStatus, type StatusView } from "./status-view.ts";
import { resultStatus, testStatus } from "./suite-wording.ts";
import { resultsOf, verdictOf } from "./verdict.ts";
import { isWhole, promotionOf } from "./wording.ts";

/**
 * Statuses of suites that are run again; what else stands on the commit is left alone. A result counts when it is this run's. The promotion is
 * spoken of once every required suite of an official build has passed. Pure.
 */
export function testStatusesOf(record: BuildRecord, suites: readonly TestSuite[], view: StatusView): readonly CommitStatus[] {
  const ownOf = (suite: TestSuite) => resultsOf(suite.name, record.tests).filter((one) => one.run === view.run);
  const said = suites.map((suite) => {
    const own = ownOf(suite);
    if (isWhole(record, own)) return resultStatus(record, suite, own, view);
    const before = resultsOf(suite.name, record.tests);
    // Called off: what was found before still holds. Of that there is no log here.
    if (isCalledOff(view.ending) && isWhole(record, before)) return resultStatus(record, suite, before, { ...view, tails: {} });
    return openStatus(testStatus(suite.name), { title: "Testing again", again: retryWords(record, suite.name) }, view);
  });
  const isTested = suites.every((suite) => isWhole(record, ownOf(suite)));
  const isPassed = record.plan !== undefined && verdictOf(record.plan, record.tests).passed;
  return isTested && isPassed && followsBranch(record) ? [...said, promotionOf(record, true, view)] : said;
}
