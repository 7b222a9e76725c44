import { type Finding, findingsError } from "../distgit/finding.ts";
import { type ErrorReport, reportError } from "../domain/errors.ts";
import type { CommitStatus } from "../forge/forge.ts";
import type { BuildRequested } from "./build-record.ts";
import { annotationsOf, shortFindings } from "./findings-text.ts";
import { fence, inlineCode } from "./status-text.ts";
import { openStatus, type StatusView, statusOf } from "./status-view.ts";

export const lintStatus = "flibs / lint";

type Origin = Pick<BuildRequested, "stranger">;

/** Nothing stops a build. */
export function lintPassed(findings: readonly Finding[], origin: Origin, view: StatusView): CommitStatus {
  const warnings = findings.filter((one) => one.severity === "warning").length;
  const title = `Dockerfile and labels are in order${warnings === 0 ? "" : `; ${warnings} ${warnings === 1 ? "warning" : "warnings"}`}`;
  const text = [...originWords(origin), ...(findings.length === 0 ? [] : [fence(shortFindings(findings))])].join("\n\n");
  return withAnnotations(statusOf(lintStatus, "success", title, text, view), findings, origin);
}

/** Something does: the first error in full, then everything. */
export function lintFailed(findings: readonly Finding[], origin: Origin, again: string, view: StatusView): CommitStatus {
  const error = findingsError(findings);
  if (error === undefined) return lintPassed(findings, origin, view);
  const failed: StatusView = { ...view, ending: { status: "failed", error: reportError(error) } };
  return withEveryFinding(openStatus(lintStatus, { title: "", again }, failed), findings, origin, failed);
}

/** A status of lint that has not passed; what was found stands below when it is more than the one thing that is told already. */
export function withEveryFinding(said: CommitStatus, findings: readonly Finding[], origin: Origin, view: StatusView): CommitStatus {
  const errors = findings.filter((one) => one.severity === "error").length;
  const failed = view.ending?.status === "failed";
  const more = [
    ...(failed && errors >= 2 ? [`Everything that was found:\n\n${fence(shortFindings(findings))}`] : []),
    ...(failed ? originWords(origin) : []),
  ];
  const whole = { ...said, summary: [said.summary, ...more].join("\n\n") };
  // Remarks are added to those that stand there already on some forges: only what is final has any.
  return view.ending?.status === "failed" ? withAnnotations(whole, findings, origin, view.ending.error) : whole;
}

function withAnnotations(said: CommitStatus, findings: readonly Finding[], origin: Origin, error?: ErrorReport): CommitStatus {
  const annotations = annotationsOf(findings, error, origin);
  return annotations.length === 0 ? said : { ...said, annotations };
}

function originWords({ stranger }: Origin): readonly string[] {
  if (stranger === undefined) return [];
  const at = inlineCode(stranger.base.slice(0, 12));
  return [`\`container.yaml\` and \`tests/\` are read from the base branch (${at}): the author of this pull request may not write here.`];
}
