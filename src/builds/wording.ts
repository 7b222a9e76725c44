import { formatNvr } from "../domain/nvr.ts";
import type { CommitStatus } from "../forge/forge.ts";
import type { TestResult } from "../gating/test-runner.ts";
import type { BuildRecord } from "./build-record.ts";
import { annotationsOf } from "./findings-text.ts";
import { followsBranch } from "./follows-branch.ts";
import { lintPassed, lintStatus, withEveryFinding } from "./lint-wording.ts";
import { retryWords } from "./retry-words.ts";
import { openStatus, type StatusView, statusOf, unreachedStatus } from "./status-view.ts";
import { resultStatus, testStatus } from "./suite-wording.ts";
import { resultsOf } from "./verdict.ts";

/** Everything that a build says on a forge. */
export const promotionStatus = "flibs / promotion";
export const buildStatus = (platform: string) => `flibs / build (${platform})`;

/** Where a build stands, as its record tells. */
type Stage = "lint" | "build" | "test" | "promotion";

type Suite = { readonly name: string; readonly required: boolean };

/** All statuses of a build. Pure: the record and how the run ended decide; saying it twice changes nothing. */
export function statusesOf(record: BuildRecord, view: StatusView): readonly CommitStatus[] {
  const stage = stageOf(record);
  return [
    lintOf(record, stage, view),
    ...(record.plan?.platforms ?? []).map((platform) => platformOf(record, platform, stage, view)),
    ...(record.plan?.suites ?? []).map((suite) => suiteOf(record, suite, stage, view)),
    ...(record.plan === undefined || !followsBranch(record) ? [] : [promotionOf(record, stage === "promotion", view)]),
  ];
}

function stageOf(record: BuildRecord): Stage {
  if (record.plan === undefined) return "lint";
  if (record.state !== "complete" && record.digest === undefined) return "build";
  return record.plan.suites.every((suite) => isWhole(record, resultsOf(suite.name, record.tests))) ? "promotion" : "test";
}

/** On every platform. */
export function isWhole({ plan }: BuildRecord, results: readonly TestResult[]): boolean {
  return results.length >= (plan?.platforms.length ?? 0);
}

function lintOf(record: BuildRecord, stage: Stage, view: StatusView): CommitStatus {
  const findings = record.findings ?? [];
  if (stage !== "lint") return lintPassed(findings, record, view);
  const work = { title: "Reading the repository", again: retryWords(record) };
  return withEveryFinding(openStatus(lintStatus, work, view), findings, record, view);
}

function platformOf(record: BuildRecord, platform: string, stage: Stage, view: StatusView): CommitStatus {
  const name = buildStatus(platform);
  const image = record.images.find((one) => one.platform === platform);
  if (stage !== "build" && stage !== "lint") {
    const nvr = record.nvr ? formatNvr(record.nvr) : "scratch build";
    return statusOf(name, "success", `Built ${nvr}`, image?.digest ? `\`${image.digest}\`, ${image.rpms.length} RPMs` : "", view);
  }
  if (view.ending?.status === "failed" && image !== undefined && record.images.length < (record.plan?.platforms.length ?? 0)) {
    return statusOf(name, "cancelled", "Built, but another platform failed", "", view);
  }
  const failed = view.ending?.status === "failed" ? view.ending.error.platform : undefined;
  if (failed !== undefined && failed !== platform) return statusOf(name, "cancelled", `Cancelled, since ${failed} failed`, "", view);
  const said = openStatus(name, { title: "Building", tail: view.tails[platform], again: retryWords(record) }, view);
  const annotations = view.ending?.status === "failed" ? annotationsOf([], view.ending.error, record) : [];
  return annotations.length === 0 ? said : { ...said, annotations };
}

function suiteOf(record: BuildRecord, suite: Suite, stage: Stage, view: StatusView): CommitStatus {
  const name = testStatus(suite.name);
  const results = resultsOf(suite.name, record.tests);
  if (isWhole(record, results) && results.length > 0) return resultStatus(record, suite, results, view);
  if (stage === "test") return openStatus(name, { title: "Testing", again: retryWords(record, suite.name) }, view);
  return view.ending === undefined ? statusOf(name, "pending", "Waits for the build", "", view) : unreachedStatus(name, view);
}

/** `reached`: every suite has a result. */
export function promotionOf(record: BuildRecord, reached: boolean, view: StatusView): CommitStatus {
  if (record.promotion !== undefined) {
    const { repository, number } = record.promotion;
    return statusOf(
      promotionStatus,
      "success",
      `Proposed in ${repository} #${number}`,
      "Merging that pull request releases the image.",
      view,
    );
  }
  if (reached && view.ending?.status !== "done")
    return openStatus(promotionStatus, { title: "Proposing the promotion", again: retryWords(record) }, view);
  if (view.ending?.status === "done")
    return statusOf(
      promotionStatus,
      "success",
      "Not proposed: this image, or a newer build of it, is released or proposed already, or it is held back",
      "",
      view,
    );
  return view.ending === undefined
    ? statusOf(promotionStatus, "pending", "Waits for the tests", "", view)
    : unreachedStatus(promotionStatus, view);
}
