import type { BuildRecord } from "../builds/build-record.ts";
import { formatNvr } from "../domain/nvr.ts";
import { formatConfigs, formatPackages, type Released } from "./comparison.ts";
import { escapeCode } from "./escape.ts";
import { fitText } from "./fit-text.ts";
import { formatRollbackBlock, type RollbackBlock } from "./machine-block.ts";
import type { RollbackPlan } from "./plan-rollback.ts";

/** Everything a reviewer is shown; fetched before, so that {@link formatRollbackBody} is pure. */
export interface RollbackFacts {
  readonly plan: RollbackPlan;
  /** What users have now, and what they would have. */
  readonly from: Released;
  readonly to: Released;
  /** `registry/repository` as users type it, in each destination. */
  readonly publicNames: readonly string[];
  readonly pageUrl: string | undefined;
  readonly personOwned: string | undefined;
  readonly block: RollbackBlock;
}

export function formatRollbackTitle({ repository, from, to }: RollbackBlock): string {
  const clean = (text: string) => text.replace(/[^\w.\-/^~+]/g, "?");
  return `roll back ${clean(repository)}: ${clean(from)} -> ${clean(to)}`.slice(0, 200);
}

/** Markdown that a reviewer can decide from, at most `most` characters: packages and configuration are cut, the rest never is. */
export function formatRollbackBody(facts: RollbackFacts, most: number): string {
  const end = `${merging(facts)}\n\n${formatRollbackBlock(facts.block)}`;
  const start = fitText(Math.max(0, most - end.length - 2), [600, 200, 50, 0], (lines) =>
    [headline(facts), ...comparison(facts, lines)].join("\n\n"),
  );
  return `${start}\n\n${end}`;
}

function headline({ plan, from, to, publicNames, pageUrl, personOwned, block }: RollbackFacts): string {
  const was = plan.forward ? "forward" : "back";
  return [
    `## ${escapeCode(from.tag)}${nvrOf(from.build)} → ${was} to ${escapeCode(to.tag)}${nvrOf(to.build)}`,
    "",
    ...warnings(plan, to).map((warning) => `**Attention: ${warning}.**\n`),
    `- image: ${publicNames.map((name) => escapeCode(name)).join(", ")}`,
    `- now: ${escapeCode(from.tag)}, digest ${escapeCode(from.digest, 80)}`,
    `- then: ${escapeCode(to.tag)}, digest ${escapeCode(to.digest, 80)}`,
    ...plan.tags.map((tag) => `- floating ${escapeCode(tag)}: ${escapeCode(from.tag)} → ${escapeCode(to.tag)}`),
    `- asked for by ${escapeCode(block.requestedBy)}`,
    ...(pageUrl === undefined ? [] : [`- build that users get: ${pageUrl}`]),
    ...(personOwned === undefined
      ? []
      : [`\n**The branch ${escapeCode(personOwned)} has a person's commit at its head and was left alone; this is a second branch.**`]),
  ].join("\n");
}

function warnings(plan: RollbackPlan, to: Released): readonly string[] {
  const { neverElsewhere } = plan;
  const names = neverElsewhere
    .slice(0, 10)
    .map((tag) => escapeCode(tag))
    .join(", ");
  return [
    plan.forward
      ? "this moves users to a release that came after theirs"
      : "this moves users back: what was mended since is broken for them again, security faults too",
    ...(neverElsewhere.length === 0
      ? []
      : [
          `${names} never pointed to another release; from then on ${neverElsewhere.length === 1 ? "it calls" : "they call"} an image by a name that may not be its own`,
        ]),
    ...(to.tree ? [] : ["production has no whole image of this release; the check tells whether the candidate registry has"]),
  ];
}

function comparison({ from, to }: RollbackFacts, lines: number): readonly string[] {
  if (!to.build) return [`### Packages and configuration\n\nNot compared: ${escapeCode(to.tag)} was not built here.`];
  return [formatPackages(from, to.build, lines), formatConfigs(from, to.build, lines)];
}

function merging({ plan, from, publicNames }: RollbackFacts): string {
  return [
    "### What merging does",
    "",
    "Nothing is built and nothing is deleted. These tags are signed for the other image and moved, in this order:",
    "",
    ...publicNames.flatMap((name) => plan.tags.map((tag) => `- ${escapeCode(`${name}:${tag}`, 500)}`)),
    "",
    `${escapeCode(from.tag)} stays released under its own name; to stop its use add it under ${escapeCode("withdrawn:")}. The next promotion moves these tags forward again.`,
  ].join("\n");
}

function nvrOf(build: BuildRecord | undefined): string {
  return build?.nvr ? ` (${escapeCode(formatNvr(build.nvr))})` : "";
}
