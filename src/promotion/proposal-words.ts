import { escapeCode } from "./escape.ts";
import type { ProposedPromotion } from "./propose-promotion.ts";
import type { ProposedRollback } from "./propose-rollback.ts";
import type { ProposedWithdrawal } from "./propose-withdrawal.ts";

/** What became of a promotion that was asked for: one line of Markdown for the answer. Pure. */
export function formatPromoted(result: ProposedPromotion): string {
  const nvr = escapeCode(result.nvr);
  switch (result.outcome) {
    case "opened":
      return `The promotion of ${nvr} is proposed in ${pullOf(result)}.`;
    case "updated":
      return `The promotion of ${nvr} is proposed in ${pullOf(result)}, which was brought up to date.`;
    case "unchanged":
      return `The promotion of ${nvr} is proposed in ${pullOf(result)} already.`;
    case "already-released":
      return `${nvr} is released already.`;
    case "held":
      return `${nvr} is held back: ${heldWords[result.why]}. It is proposed by itself when there is room.`;
    case "superseded":
      return `${nvr} is not promoted: ${escapeCode(result.byNvr ?? result.by)}, which was built later, is released or proposed.`;
  }
}

/** Why a promotion is held back. */
export const heldWords = {
  "namespace-full": "its namespace has as many open promotions as the settings allow",
  "hour-full": "as many promotions were opened within the hour as the settings allow",
  unreachable: "something that is needed did not answer",
} as const;

/** The same of a roll-back. */
export function formatRolledBack(result: ProposedRollback): string {
  const tags = result.tags.map((tag) => escapeCode(tag)).join(", ");
  const what = `Moving ${tags} of ${escapeCode(result.imageRepository)} from ${escapeCode(result.from)} to ${escapeCode(result.to)}`;
  return sayProposed(what, result);
}

/** The same of a withdrawal. */
export function formatWithdrawn(result: ProposedWithdrawal): string {
  const releases = result.releases.map((one) => escapeCode(one)).join(", ");
  const what = `Withdrawing ${releases} of ${escapeCode(result.imageRepository)}`;
  return sayProposed(what, result);
}

/** Every forge that links, links this, from whichever repository it is read. */
function pullOf({ repository, number }: { readonly repository: string; readonly number: number }): string {
  return `${repository}#${number}`;
}

function sayProposed(what: string, result: ProposedRollback | ProposedWithdrawal): string {
  switch (result.outcome) {
    case "opened":
      return `${what} is proposed in ${pullOf(result)}.`;
    case "updated":
      return `${what} is proposed in ${pullOf(result)}, which was brought up to date.`;
    case "unchanged":
      return `${what} is proposed in ${pullOf(result)} already.`;
  }
}
