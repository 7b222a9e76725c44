import { escapeCode, escapeText } from "./escape.ts";
import { cutLines } from "./fit-text.ts";
import { formatWithdrawalBlock, type WithdrawalBlock } from "./machine-block.ts";
import type { WithdrawalPlan } from "./plan-withdrawal.ts";

/** Everything a reviewer is shown; {@link formatWithdrawalBody} is pure. */
export interface WithdrawalFacts {
  readonly plan: WithdrawalPlan;
  /** `registry/repository` as users type it, in each destination. */
  readonly publicNames: readonly string[];
  readonly personOwned: string | undefined;
  readonly block: WithdrawalBlock;
}

export function formatWithdrawalTitle(repository: string, releases: readonly string[]): string {
  const clean = (text: string) => text.replace(/[^\w.\-/^~+]/g, "?");
  return `withdraw ${clean(repository)}: ${releases.map(clean).join(", ")}`.slice(0, 200);
}

/** Markdown that a reviewer can decide from, at most `most` characters; what merging does and the machine block are never cut. */
export function formatWithdrawalBody(facts: WithdrawalFacts, most: number): string {
  const end = `${merging(facts)}\n\n${formatWithdrawalBlock(facts.block)}`;
  return `${cutLines(headline(facts), Math.max(0, most - end.length - 2))}\n\n${end}`;
}

function headline({ plan, publicNames, personOwned }: WithdrawalFacts): string {
  const { withdrawn, moves, dropped } = plan;
  const releases = withdrawn.map((one) => escapeCode(one.release)).join(", ");
  return [
    `## Nobody may use ${releases} any more`,
    "",
    "**Attention: whoever demands signatures cannot pull it from then on, whatever tag or digest they name; running containers go on.**\n",
    ...(dropped.length === 0
      ? []
      : [
          `**Attention: ${dropped.map((one) => escapeCode(one.tag)).join(", ")} ${dropped.length === 1 ? "has" : "have"} no good release to go to and ${dropped.length === 1 ? "leaves" : "leave"} the file: users of it are left without an image until the next promotion.**\n`,
        ]),
    `- image: ${publicNames.map((name) => escapeCode(name)).join(", ")}`,
    ...withdrawn.map(
      (one) =>
        `- ${escapeCode(one.release)}: ${escapeText(one.reason, 500)} (asked for by ${escapeCode(one.by)}${one.removeTag ? "; its tag is deleted, too" : ""})`,
    ),
    ...moves.map((one) => `- floating ${escapeCode(one.tag)}: ${escapeCode(one.from)} → ${escapeCode(one.to)}`),
    ...dropped.map((one) => `- floating ${escapeCode(one.tag)}: ${escapeCode(one.from)} → taken out`),
    ...(personOwned === undefined
      ? []
      : [`\n**The branch ${escapeCode(personOwned)} has a person's commit at its head and was left alone; this is a second branch.**`]),
  ].join("\n");
}

function merging({ plan, publicNames }: WithdrawalFacts): string {
  const { withdrawn, moves } = plan;
  const names = (tag: string) => publicNames.map((name) => `- ${escapeCode(`${name}:${tag}`, 500)}`);
  const removed = withdrawn.filter((one) => one.removeTag);
  return [
    "### What merging does",
    "",
    ...(moves.length === 0
      ? []
      : ["These tags are signed for the other image and moved:", "", ...moves.flatMap((one) => names(one.tag)), ""]),
    "All signatures of these releases are removed, for every name that no other release needs:",
    "",
    ...withdrawn.flatMap((one) => names(one.release)),
    "",
    ...(removed.length === 0
      ? []
      : [
          `The tag of ${removed.map((one) => escapeCode(one.release)).join(", ")} is deleted, unless another tag stands at the same image: registries delete by digest, and every tag there goes along.`,
          "",
        ]),
    `Nothing else is deleted. To take it back, remove the entry under ${escapeCode("withdrawn:")} and merge that: the release is signed and tagged again while its bytes are there.`,
  ].join("\n");
}
