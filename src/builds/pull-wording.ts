import type { Finding } from "../distgit/finding.ts";
import type { CommitStatus } from "../forge/forge.ts";
import { lintFailed, lintStatus } from "./lint-wording.ts";
import type { PullHead, Trust } from "./pull-ports.ts";
import { retryWords } from "./retry-words.ts";
import { fence, inlineCode } from "./status-text.ts";
import { openStatus, type StatusView, statusOf } from "./status-view.ts";

export const approvalStatus = "flibs / approval";

/** What a look at a pull request has told so far. */
export interface PullSeen {
  readonly trust?: Trust;
  readonly findings?: readonly Finding[];
}

/** All statuses of a look at a pull request. Pure. */
export function pullStatusesOf(pull: PullHead, seen: PullSeen, view: StatusView): readonly CommitStatus[] {
  return [lintOf(seen, view), ...(seen.trust === undefined || seen.trust.trusted ? [] : [approvalOf(pull, seen.trust, view)])];
}

/** In the place of a question that nobody has to answer any more. */
export function approvalNotNeeded(view: StatusView): CommitStatus {
  return statusOf(approvalStatus, "success", "No approval is needed: the author may write here", "", view);
}

function lintOf({ findings, trust }: PullSeen, view: StatusView): CommitStatus {
  // Linted again at every push: no command is needed for that.
  const again = retryWords({});
  if (findings === undefined) return openStatus(lintStatus, { title: "Reading the repository", again }, view);
  return lintFailed(findings, trust?.trusted === false ? { stranger: { base: trust.base } } : {}, again, view);
}

/** Nobody can guess who may approve and how: the comment is there to be copied. */
function approvalOf({ repository, head }: PullHead, { approvedBy }: Extract<Trust, { trusted: false }>, view: StatusView): CommitStatus {
  if (approvedBy !== undefined) {
    const text = "For this commit only: another push needs another approval.";
    return statusOf(approvalStatus, "success", `Approved by ${approvedBy}`, text, view);
  }
  const text = [
    `The author of this pull request may not write to ${inlineCode(repository)}, so nothing of it is run before somebody who may has looked at the change.`,
    "**Who can approve**: everybody with write access to the repository, by this comment:",
    fence(`/ok-to-test ${head}`),
    "It counts for this commit only; another push needs another approval.",
  ];
  return statusOf(approvalStatus, "waiting-approval", "Waits until somebody with write access approves", text.join("\n\n"), view);
}
