import type { BuildRecord } from "../builds/build-record.ts";
import type { Digest } from "../domain/digest.ts";
import { shortDigest } from "../domain/digest.ts";
import { formatNvr } from "../domain/nvr.ts";
import { countShared } from "./base-layers.ts";
import { formatConfigs, formatPackages, type Released } from "./comparison.ts";
import { escapeCode, escapeText, fenced } from "./escape.ts";
import { cutLines } from "./fit-text.ts";
import { diffConfig, diffRpms } from "./image-diff.ts";
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
  readonly current: Released | undefined;
  readonly floating: readonly { readonly tag: string; readonly before: string | undefined }[];
  readonly from: string;
  /** `registry/repository` as users type it. */
  readonly publicNames: readonly string[];
  readonly gates: readonly string[];
  readonly candidateSigned: boolean;
  /** Unified diff of the dist-git repository since the current release, Dockerfile first. */
  readonly sourceDiff: string | undefined;
  readonly pageUrl: string | undefined;
  /** Branch that a person took, when this is not the usual one. */
  readonly personOwned: string | undefined;
  readonly block: MachineBlock;
}

export function formatPromotionTitle(facts: Pick<PromotionFacts, "tag" | "current" | "block">): string {
  const clean = (text: string) => text.replace(/[^\w.\-/^~+]/g, "?");
  const before = facts.current ? `${clean(facts.current.tag)} -> ` : "";
  return `promote ${clean(facts.block.repository)}: ${before}${clean(facts.tag)}`.slice(0, 200);
}

interface Room {
  /** Characters of the source's difference. */
  readonly source: number;
  /** Lines for each platform. */
  readonly packages: number;
  readonly config: number;
}

/** The longest and least telling goes first: source, then packages, then configuration. */
const rooms: readonly Room[] = [
  { source: 20_000, packages: 600, config: 200 },
  { source: 8000, packages: 600, config: 200 },
  { source: 2000, packages: 600, config: 200 },
  { source: 0, packages: 600, config: 200 },
  { source: 0, packages: 240, config: 200 },
  { source: 0, packages: 60, config: 200 },
  { source: 0, packages: 0, config: 200 },
  { source: 0, packages: 0, config: 60 },
  { source: 0, packages: 0, config: 0 },
];

/**
 * Markdown that a reviewer can decide from. Nothing an image says is markup in it. At most `most` characters: what does not fit is cut in the
 * order of {@link rooms}, and said to be; what merging does and the machine block are never cut.
 */
export function formatPromotionBody(facts: PromotionFacts, most: number): string {
  for (const room of rooms) {
    const body = assemble(facts, room);
    if (body.length <= most) return body;
  }
  const left = ["gates", "platforms", "packages", "configuration", "source"];
  const end = [merging(facts), formatMachineBlock(facts.block)].join("\n\n");
  const start = `${headline(facts)}\n\n${leftOut(facts, left)}`;
  return `${cutLines(start, Math.max(0, most - end.length - 2))}\n\n${end}`;
}

function assemble(facts: PromotionFacts, room: Room): string {
  const { build, current } = facts;
  const whole = rooms[0] ?? room;
  const names = [
    ["source", room.source],
    ["packages", room.packages],
    ["configuration", room.config],
  ] as const;
  const wanted = [whole.source, whole.packages, whole.config];
  const cut = names.filter(([, size], i) => size !== wanted[i]).map(([name]) => name);
  const sections = [
    headline(facts),
    ...(cut.length > 0 ? [leftOut(facts, cut)] : []),
    gates(facts),
    platforms(facts),
    formatPackages(current, build, room.packages),
    formatConfigs(current, build, room.config),
    source(facts, room.source),
    "### Vulnerabilities\n\nNot scanned: no scanner is set up.",
    merging(facts),
    formatMachineBlock(facts.block),
  ];
  return sections.join("\n\n");
}

function leftOut({ pageUrl }: PromotionFacts, sections: readonly string[]): string {
  const page = pageUrl === undefined ? "" : ` Everything stands on ${pageUrl}.`;
  return `**Cut, because it is too long for a pull request: ${sections.join(", ")}.**${page}`;
}

function headline(facts: PromotionFacts): string {
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
    `- new release: ${escapeCode(tag)}`,
    ...moves.map((move) => `- floating ${move}`),
    ...(pageUrl === undefined ? [] : [`- build and logs: ${pageUrl}`]),
    ...(block.requestedBy === undefined ? [] : [`- asked for by ${escapeCode(block.requestedBy)}`]),
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

function source({ build, current, sourceDiff }: PromotionFacts, most: number): string {
  const now = `${escapeCode(build.repository)} at ${escapeCode(build.commit.slice(0, 12))}`;
  if (!current?.build) return `### Source\n\n${now}.${current ? " The source of the current release is unknown." : ""}`;
  const range = `${escapeCode(build.repository)} ${escapeCode(`${current.build.commit.slice(0, 12)}..${build.commit.slice(0, 12)}`)}`;
  if (sourceDiff === undefined) return `### Source\n\n${range}; the difference cannot be read.`;
  if (sourceDiff.trim() === "") return `### Source\n\n${range}: no difference.`;
  const body = most === 0 ? "The difference is too long to be shown here." : fenced(sourceDiff, "diff", most);
  return `### Source\n\n${range}\n\n<details><summary>difference</summary>\n\n${body}\n\n</details>`;
}

function merging({ tag, floating, publicNames, current }: PromotionFacts): string {
  const written = [tag, ...floating.map((one) => one.tag)];
  const tags = publicNames.flatMap((name) => written.map((one) => `- ${escapeCode(`${name}:${one}`, 500)}`));
  const back = current
    ? `To roll back, change the floating tags under ${escapeCode("floating:")} back to ${escapeCode(current.tag)} and merge that, or say ${escapeCode("/rollback")} on a pull request; the release itself stays.`
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
