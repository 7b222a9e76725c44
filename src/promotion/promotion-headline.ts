import type { BuildRecord } from "../builds/build-record.ts";
import { answerName } from "../builds/gate-words.ts";
import { formatNvr } from "../domain/nvr.ts";
import { type Answer, isSatisfied } from "../gating/decide.ts";
import { escapeCode, escapeText } from "./escape.ts";
import { type ConfigChange, diffConfig, diffRpms } from "./image-diff.ts";
import { compressedSize, formatDelta } from "./image-size.ts";
import type { ImageTree } from "./image-tree.ts";
import type { PromotionFacts } from "./promotion-body.ts";
import { severeOf } from "./vulnerability-scanner.ts";

/** What is proposed, in short; what must not be missed stands at its top. Pure. */
export function formatHeadline(facts: PromotionFacts): string {
  const { build, tag, current, publicNames, floating, from, personOwned, pageUrl, block } = facts;
  const warnings = findWarnings(facts);
  const nvr = (one: BuildRecord | undefined) => (one?.nvr ? ` (${escapeCode(formatNvr(one.nvr))})` : "");
  const before = current ? `${escapeCode(current.tag)}${nvr(current.build)} → ` : "First release: ";
  const moves = floating.map(
    (one) => `${escapeCode(one.tag)}: ${one.before === undefined ? "new" : escapeCode(one.before)} → ${escapeCode(tag)}`,
  );
  return [
    `## ${before}${escapeCode(tag)}${nvr(build)}`,
    "",
    ...warnings.map((warning) => `**Attention: ${warning}.**\n`),
    `- image: ${publicNames.map((name) => escapeCode(name)).join(", ")}`,
    `- digest: ${escapeCode(build.digest ?? "", 80)}, copied from ${escapeCode(from)}`,
    ...(current ? [`- current digest: ${escapeCode(current.digest, 80)}`] : []),
    ...summary(facts),
    `- new release: ${escapeCode(tag)}`,
    ...moves.map((move) => `- floating ${move}`),
    ...(pageUrl === undefined ? [] : [`- build and logs: ${pageUrl}`]),
    ...(block.requestedBy === undefined ? [] : [`- asked for by ${escapeCode(block.requestedBy)}`]),
    ...(personOwned === undefined
      ? []
      : [`\n**The branch ${escapeCode(personOwned)} has a person's commit at its head and was left alone; this is a second branch.**`]),
  ].join("\n");
}

/** All platforms in one line: what the sections tell in full. */
function summary({ build, tree, current }: PromotionFacts): readonly string[] {
  if (!current?.build) return [];
  const olds = current.build.images;
  const kinds = { upgraded: new Set<string>(), downgraded: new Set<string>(), added: new Set<string>(), removed: new Set<string>() };
  const fields = new Set<string>();
  for (const image of build.images) {
    const old = olds.find((one) => one.platform === image.platform);
    if (!old) continue;
    const diff = diffRpms(old.rpms, image.rpms);
    for (const kind of Object.keys(kinds) as (keyof typeof kinds)[])
      for (const { name } of diff[kind]) kinds[kind].add(name.replace(/\.[^.]+$/, ""));
    for (const { field } of diffConfig(old.config, image.config)) fields.add(field);
  }
  const counts = Object.entries(kinds).flatMap(([kind, names]) => (names.size === 0 ? [] : [`${names.size} ${kind}`]));
  const packages = counts.length === 0 ? "the same packages" : `packages ${counts.join(", ")}`;
  const config =
    fields.size === 0 ? "the same configuration" : `${fields.size} ${fields.size === 1 ? "field" : "fields"} of the configuration`;
  const total = (one: ImageTree) => one.platforms.reduce((sum, image) => sum + compressedSize(image), 0);
  const size = current.tree ? `, ${formatDelta(total(tree) - total(current.tree))} compressed` : "";
  return [`- changes: ${packages}; ${config}${size}`];
}

/** What a reviewer must not miss, before everything else; the sections below have it again in its place. */
function findWarnings({ build, tree, current, gate, candidateSigned, scan }: PromotionFacts): readonly string[] {
  const namesOf = (answers: readonly Answer[]) => [...new Set(answers.map(answerName))];
  const failed = namesOf(gate.answers.filter((one) => !isSatisfied(one)));
  const waived = namesOf(gate.answers.filter((one) => one.waiver !== undefined));
  const olds = current?.build?.images ?? [];
  const pairs = build.images.flatMap((image) => {
    const old = olds.find((one) => one.platform === image.platform);
    return old ? [{ old, image }] : [];
  });
  const older = new Set(pairs.flatMap(({ old, image }) => diffRpms(old.rpms, image.rpms).downgraded.map((one) => one.name)));
  const config = new Set(pairs.flatMap(({ old, image }) => diffConfig(old.config, image.config).flatMap((one) => wordWarning(one))));
  const names = (all: readonly string[]) =>
    `${all
      .slice(0, 5)
      .map((one) => escapeCode(one))
      .join(", ")}${all.length > 5 ? ` and ${all.length - 5} more` : ""}`;
  const lost = lostFrom(tree, current);
  const severe = severeOf(scan);
  return [
    ...(failed.length > 0 ? [`required tests have not passed: ${names(failed)}`] : []),
    ...(gate.undecided === undefined ? [] : [`nobody could decide about its tests: ${escapeText(gate.undecided, 300)}`]),
    ...(waived.length > 0 ? [`required tests did not pass and are waived: ${names(waived)}`] : []),
    ...(candidateSigned ? [] : ["the candidate is not signed"]),
    ...(lost.length > 0 ? [`platforms are lost: ${names(lost)}`] : []),
    ...config,
    ...(severe.length > 0
      ? [`${severe.length} ${severe.length === 1 ? "vulnerability" : "vulnerabilities"}: ${names(severe.map((one) => one.id))}`]
      : []),
    ...(older.size > 0 ? [`packages are older than in the current release: ${names([...older])}`] : []),
  ];
}

/** A sentence's part: "the image now runs as root", "a new port: `8080/tcp`". */
function wordWarning({ field, before, after, warning }: ConfigChange): readonly string[] {
  if (warning === undefined) return [];
  if (field !== "ExposedPorts") return [warning];
  const known = before.split(" ");
  const added = after.split(" ").filter((one) => one !== "" && !known.includes(one));
  const shown = added.slice(0, 5).map((one) => escapeCode(one));
  return [`${warning}: ${shown.join(", ")}${added.length > shown.length ? ", …" : ""}`];
}

/** Platforms that users have and would lose. Pure. */
export function lostFrom(tree: ImageTree, current: PromotionFacts["current"]): readonly string[] {
  const before = current?.tree?.platforms.map((image) => image.platform) ?? current?.build?.images.map((image) => image.platform) ?? [];
  return before.filter((platform) => !tree.platforms.some((image) => image.platform === platform));
}
