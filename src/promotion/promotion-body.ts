import type { BuildRecord, BuiltImage } from "../builds/build-record.ts";
import type { Digest } from "../domain/digest.ts";
import { shortDigest } from "../domain/digest.ts";
import { formatNvr } from "../domain/nvr.ts";
import { countShared } from "./base-layers.ts";
import { escapeCode, escapeText, fenced } from "./escape.ts";
import { diffConfig, diffRpms, lostPlatforms, type RpmChange } from "./image-diff.ts";
import type { ImageTree, PlatformImage } from "./image-tree.ts";
import { formatMachineBlock, type MachineBlock } from "./machine-block.ts";

/** Everything a reviewer is shown; fetched before, so that {@link formatPromotionBody} is pure. */
export interface PromotionFacts {
  readonly build: BuildRecord;
  readonly tag: string;
  readonly tree: ImageTree;
  /** Layers (blob digests and diff ids) of the base images that could be read cheaply: those in one of our own registries. */
  readonly baseLayers: ReadonlySet<string> | undefined;
  /** What users have now: the release that the floating tags point to. `build` is undefined when it was not built here. */
  readonly current: { readonly tag: string; readonly digest: Digest; readonly build?: BuildRecord; readonly tree?: ImageTree } | undefined;
  readonly floating: readonly { readonly tag: string; readonly before: string | undefined }[];
  readonly from: string;
  /** `registry/repository` as users type it. */
  readonly publicName: string;
  readonly gates: readonly string[];
  readonly candidateSigned: boolean;
  /** Unified diff of the dist-git repository since the current release, Dockerfile first. */
  readonly sourceDiff: string | undefined;
  readonly pageUrl: string | undefined;
  /** Branch that a person took, when this is not the usual one. */
  readonly personOwned: string | undefined;
  readonly block: MachineBlock;
}

const mostBody = 60_000;

export function formatPromotionTitle(facts: Pick<PromotionFacts, "tag" | "current" | "block">): string {
  const clean = (text: string) => text.replace(/[^\w.\-/^~+]/g, "?");
  const before = facts.current ? `${clean(facts.current.tag)} -> ` : "";
  return `promote ${clean(facts.block.repository)}: ${before}${clean(facts.tag)}`.slice(0, 200);
}

/**
 * Markdown that a reviewer can decide from. Nothing an image says is markup in it. At most 60,000 characters: the longest parts (source, then
 * packages, then configuration) are cut or left out, what merging does and the machine block never.
 */
export function formatPromotionBody(facts: PromotionFacts): string {
  for (const share of [1, 0.4, 0.1, 0]) {
    const body = assemble(facts, share);
    if (body.length <= mostBody) return body;
  }
  const page = facts.pageUrl === undefined ? "" : ` See ${facts.pageUrl}.`;
  return [headline(facts), `The comparison is too long for a pull request.${page}`, merging(facts), formatMachineBlock(facts.block)].join(
    "\n\n",
  );
}

function assemble(facts: PromotionFacts, share: number): string {
  const sections = [
    headline(facts),
    gates(facts),
    platforms(facts),
    packages(facts, Math.floor(600 * share)),
    config(facts, Math.floor(200 * share)),
    source(facts, Math.floor(20_000 * share)),
    "### Vulnerabilities\n\nNot scanned: no scanner is set up.",
    merging(facts),
    formatMachineBlock(facts.block),
  ];
  return sections.join("\n\n");
}

function headline(facts: PromotionFacts): string {
  const { build, tag, current, publicName, floating, from, personOwned, pageUrl } = facts;
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
    `- image: ${escapeCode(publicName)}`,
    `- digest: ${escapeCode(build.digest ?? "", 80)}, copied from ${escapeCode(from)}`,
    ...(current ? [`- current digest: ${escapeCode(current.digest, 80)}`] : []),
    `- new release: ${escapeCode(tag)}`,
    ...moves.map((move) => `- floating ${move}`),
    ...(pageUrl === undefined ? [] : [`- build and logs: ${pageUrl}`]),
    ...(personOwned === undefined
      ? []
      : [`\n**The branch ${escapeCode(personOwned)} has a person's commit at its head and was left alone; this is a second branch.**`]),
  ].join("\n");
}

/** What a reviewer must not miss, before everything else; the sections below have it again in its place. */
function findWarnings({ build, tree, current, gates: policyGates, candidateSigned }: PromotionFacts): readonly string[] {
  const required = new Set([
    ...(build.plan?.suites ?? []).filter((suite) => suite.required).map((suite) => suite.name),
    ...policyGates.filter((gate) => gate !== "signature"),
  ]);
  const failed = [...required].filter((suite) => build.tests.find((test) => test.suite === suite)?.outcome !== "pass");
  const olds = current?.build?.images ?? [];
  const pairs = build.images.flatMap((image) => {
    const old = olds.find((one) => one.platform === image.platform);
    return old ? [{ old, image }] : [];
  });
  const older = new Set(pairs.flatMap(({ old, image }) => diffRpms(old.rpms, image.rpms).downgraded.map((one) => one.name)));
  const config = new Set(pairs.flatMap(({ old, image }) => diffConfig(old.config, image.config).flatMap((one) => one.warning ?? [])));
  const names = (all: readonly string[]) =>
    `${all
      .slice(0, 5)
      .map((one) => escapeCode(one))
      .join(", ")}${all.length > 5 ? ` and ${all.length - 5} more` : ""}`;
  const lost = lostFrom(tree, current);
  return [
    ...(failed.length > 0 ? [`required tests have not passed: ${names(failed)}`] : []),
    ...(candidateSigned ? [] : ["the candidate is not signed"]),
    ...(lost.length > 0 ? [`platforms are lost: ${names(lost)}`] : []),
    ...config,
    ...(older.size > 0 ? [`packages are older than in the current release: ${names([...older])}`] : []),
  ];
}

function lostFrom(tree: ImageTree, current: PromotionFacts["current"]): readonly string[] {
  const before = current?.tree?.platforms.map((image) => image.platform) ?? current?.build?.images.map((image) => image.platform) ?? [];
  return before.filter((platform) => !tree.platforms.some((image) => image.platform === platform));
}

function gates({ build, gates: policyGates, candidateSigned }: PromotionFacts): string {
  const rows = build.tests.slice(0, 50).map((test) => {
    const required = build.plan?.suites.find((suite) => suite.name === test.suite)?.required || policyGates.includes(test.suite);
    return `| test ${escapeCode(test.suite)} | ${test.outcome === "pass" ? "pass" : `**${test.outcome}**`}${required ? "" : " (optional)"} | ${escapeText(test.message, 200)} |`;
  });
  const missing = policyGates.filter((gate) => gate !== "signature" && !build.tests.some((test) => test.suite === gate));
  return [
    `### Gates for ${escapeCode(shortDigest(build.digest as Digest))}`,
    "",
    "| gate | outcome | |",
    "|---|---|---|",
    `| build ${escapeCode(build.id)} | ${build.state} | commit ${escapeCode(build.commit.slice(0, 12))} of ${escapeCode(build.repository)} |`,
    ...rows,
    ...missing.map((gate) => `| test ${escapeCode(gate)} | **not run** | the policy asks for it |`),
    `| candidate signature | ${candidateSigned ? "valid" : "**missing**"} | |`,
  ].join("\n");
}

function platforms({ build, tree, current, baseLayers }: PromotionFacts): string {
  const rows = tree.platforms.map((image) => {
    const old = current?.tree?.platforms.find((one) => one.platform === image.platform);
    const shared = old ? String(image.layers.filter((layer) => old.layers.some((one) => one.digest === layer.digest)).length) : "-";
    const size = compressed(image);
    const delta = old ? formatDelta(size - compressed(old)) : "new";
    const base = baseLayers ? String(countShared(image, build, baseLayers)) : "unknown";
    const cells = [escapeCode(image.platform), escapeCode(shortDigest(image.digest)), formatSize(size), delta, image.layers.length, shared];
    return `| ${[...cells, base].join(" | ")} |`;
  });
  const lost = lostFrom(tree, current);
  const parents = (build.plan?.parents ?? []).map((parent) => {
    const old = current?.build?.plan?.parents.find((one) => one.written === parent.written);
    const moved = old && old.digest !== parent.digest ? `, was ${escapeCode(shortDigest(old.digest))}` : "";
    return `- base image ${escapeCode(parent.written)} at ${escapeCode(parent.digest, 80)}${moved || (old ? ", as in the current release" : "")}`;
  });
  return [
    "### Platforms",
    "",
    ...lost.map((platform) => `**Lost platform: ${escapeCode(platform)}**\n`),
    "| platform | digest | compressed | change | layers | shared with current | shared with base |",
    "|---|---|---|---|---|---|---|",
    ...rows,
    "",
    ...parents,
  ]
    .join("\n")
    .trimEnd();
}

function packages({ build, current }: PromotionFacts, most: number): string {
  if (!current)
    return `### Packages\n\n${build.images.map((image) => `${escapeCode(image.platform)}: ${image.rpms.length} packages`).join("; ")}. Nothing to compare with.`;
  if (!current.build) return "### Packages\n\nNot compared: the current release was not built here, so its packages are unknown.";
  const parts = build.images.map((image) => {
    const old = current.build?.images.find((one) => one.platform === image.platform);
    if (!old) return `${escapeCode(image.platform)}: ${image.rpms.length} packages, nothing to compare with.`;
    const diff = diffRpms(old.rpms, image.rpms);
    const { upgraded, downgraded, added, removed } = diff;
    const counts = `${upgraded.length} upgraded, ${downgraded.length} downgraded, ${added.length} added, ${removed.length} removed`;
    const rows = [
      ...downgraded.map((one) => rpmRow("**downgraded**", one)),
      ...removed.map((one) => rpmRow("removed", one)),
      ...added.map((one) => rpmRow("added", one)),
      ...upgraded.map((one) => rpmRow("upgraded", one)),
    ];
    if (rows.length === 0) return `${escapeCode(image.platform)}: the same ${image.rpms.length} packages.`;
    const rest = rows.length > most ? [`\n… and ${rows.length - most} more; the build's page has them all`] : [];
    const table = ["| package | | before | after |", "|---|---|---|---|", ...rows.slice(0, most), ...rest].join("\n");
    // A short list is read at once; a long one is opened by those who want it.
    if (rows.length <= 15) return `${escapeCode(image.platform)}: ${counts}\n\n${table}`;
    return `<details><summary>${escapeText(image.platform)}: ${counts}</summary>\n\n${table}\n\n</details>`;
  });
  return `### Packages\n\n${parts.join("\n\n")}`;
}

function rpmRow(what: string, change: RpmChange): string {
  return `| ${escapeCode(change.name)} | ${what} | ${escapeCode(change.before ?? "")} | ${escapeCode(change.after ?? "")} |`;
}

function config({ build, current }: PromotionFacts, most: number): string {
  const olds: readonly BuiltImage[] | undefined = current?.build?.images;
  if (!olds)
    return `### Configuration\n\n${current ? "Not compared: the current release was not built here." : formatConfig(build.images)}`;
  const lost = lostPlatforms(olds, build.images).map((platform) => `**Lost platform: ${escapeCode(platform)}**`);
  const rows = new Map<string, string[]>();
  for (const image of build.images) {
    const old = olds.find((one) => one.platform === image.platform);
    for (const change of old ? diffConfig(old.config, image.config) : []) {
      const row = `${escapeText(change.field)} | ${escapeCode(change.before)} | ${escapeCode(change.after)}${change.warning ? ` **${change.warning}**` : ""} |`;
      rows.set(row, [...(rows.get(row) ?? []), image.platform]);
    }
  }
  if (rows.size === 0) return ["### Configuration", ...lost, "No difference."].join("\n\n");
  const table = [...rows]
    .slice(0, most)
    .map(([row, where]) => `| ${where.length === build.images.length ? "all" : escapeText(where.join(", "))} | ${row}`);
  const rest = rows.size > most ? `\n… and ${rows.size - most} more` : "";
  return [
    "### Configuration",
    ...lost,
    `${["| platform | field | before | after |", "|---|---|---|---|", ...table].join("\n")}${rest}`,
  ].join("\n\n");
}

/** What a first reviewer wants to know; images of several platforms rarely differ here. */
function formatConfig(images: readonly BuiltImage[]): string {
  const shown = (pick: (image: BuiltImage) => string) =>
    [...new Set(images.map(pick))]
      .slice(0, 8)
      .map((text) => escapeCode(text))
      .join(", ");
  return [
    "| field | value |",
    "|---|---|",
    `| User | ${shown(({ config }) => config.user || "root")} |`,
    `| Entrypoint | ${shown(({ config }) => JSON.stringify(config.entrypoint))} |`,
    `| Cmd | ${shown(({ config }) => JSON.stringify(config.cmd))} |`,
    `| ExposedPorts | ${shown(({ config }) => [...config.exposedPorts].sort().join(" "))} |`,
    `| Volumes | ${shown(({ config }) => [...config.volumes].sort().join(" "))} |`,
  ].join("\n");
}

function source({ build, current, sourceDiff }: PromotionFacts, most: number): string {
  const now = `${escapeCode(build.repository)} at ${escapeCode(build.commit.slice(0, 12))}`;
  if (!current?.build) return `### Source\n\n${now}.${current ? " The source of the current release is unknown." : ""}`;
  const range = `${escapeCode(build.repository)} ${escapeCode(`${current.build.commit.slice(0, 12)}..${build.commit.slice(0, 12)}`)}`;
  if (sourceDiff === undefined) return `### Source\n\n${range}; the difference cannot be read.`;
  if (sourceDiff.trim() === "") return `### Source\n\n${range}: no difference.`;
  const body = most === 0 ? "The difference is too long to be shown here." : fenced(sourceDiff, "diff", most);
  return `### Source\n\n${range}\n\n<details><summary>difference</summary>\n\n${body}\n\n</details>`;
}

function merging({ tag, floating, publicName, current }: PromotionFacts): string {
  const tags = [tag, ...floating.map((one) => one.tag)].map((one) => `- ${escapeCode(`${publicName}:${one}`, 500)}`);
  const back = current
    ? `To roll back, change the floating tags under ${escapeCode("floating:")} back to ${escapeCode(current.tag)} and merge that; the release itself stays.`
    : `There is nothing to roll back to; to take the image back, add the release under ${escapeCode("withdrawn:")}.`;
  return [
    "### What merging does",
    "",
    "The image is copied by digest, signed for each name, and these tags are written, in this order:",
    "",
    ...tags,
    "",
    `The release tag is never moved again. ${back}`,
  ].join("\n");
}

function compressed(image: PlatformImage): number {
  let sum = 0;
  for (const layer of image.layers) sum += layer.size;
  return sum;
}

/** `4.0 KiB`, `1.2 MiB`. Pure. */
export function formatSize(bytes: number): string {
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

function formatDelta(bytes: number): string {
  return `${bytes < 0 ? "−" : "+"}${formatSize(Math.abs(bytes))}`;
}
