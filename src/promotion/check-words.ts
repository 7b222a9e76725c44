import type { CommitStatus } from "../forge/forge.ts";
import type { Ending } from "../workflow/run.ts";
import type { ChangeCheck } from "./check-change.ts";
import { formatDryRun, formatIgnored, formatPolicyTrial, titleOf } from "./dry-run.ts";
import { escapeCode, escapeText } from "./escape.ts";
import { formatFaults } from "./fault.ts";

export interface Words {
  readonly state: CommitStatus["state"];
  /** Cut where it is said. */
  readonly title: string;
  /** Markdown. */
  readonly summary: string;
}

/** What a check found, in the words of its status. Pure. */
export function wordCheck({ faults, plans, ignored, notices, removed, policy }: ChangeCheck): Words {
  const trial = policy ? formatPolicyTrial(policy) : formatDryRun(plans);
  const told = notices.map((notice) => `\n\n${notice}`).join("");
  if (faults.length === 0) {
    return {
      state: "success",
      title: titleOf(policy?.plans ?? plans, policy, removed),
      summary: `${trial}${told}${formatIgnored(ignored)}`,
    };
  }
  const count = `${faults.length} ${faults.length === 1 ? "fault" : "faults"}`;
  return {
    state: "failure",
    title: `${count}: ${faults[0]?.message ?? ""}`,
    summary: `Merging this would not release what it says.\n\n${formatFaults(faults)}${policy ? `\n\n${trial}` : ""}`,
  };
}

/** A run that ended without a result of its own. Pure. */
export function wordEnding(run: string, ending: Ending): Words {
  const of = `Run ${escapeCode(run)}.`;
  switch (ending.status) {
    case "done":
      return {
        state: "error",
        title: "the result was lost",
        summary: `The check ended, but what it found never came here. Ask for it again. ${of}`,
      };
    case "failed": {
      const why =
        ending.error.kind === "internal" ? "flibs broke a promise, and its operators find it under this run" : ending.error.message;
      const summary = `The check could not be carried out: ${escapeText(why, 1000)}. ${of}`;
      return { state: "error", title: "the check could not be carried out", summary };
    }
    case "cancelled":
      return { state: "cancelled", title: "cancelled", summary: `The check was cancelled: ${escapeText(ending.reason, 1000)}. ${of}` };
    case "superseded":
      return { state: "cancelled", title: "superseded", summary: `The check came to no result: ${escapeText(ending.reason, 1000)}. ${of}` };
  }
}

/** A run that gave way to the check of a newer commit. Pure. */
export function wordSuccessor(run: string, next: { readonly run: string; readonly head: string }): Words {
  const summary = `The check of ${escapeCode(next.head)} took its place, in run ${escapeCode(next.run)}. Run ${escapeCode(run)}.`;
  return { state: "cancelled", title: `superseded by the check of ${next.head.slice(0, 12)}`, summary };
}
