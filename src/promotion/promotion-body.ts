import type { BuildRecord } from "../builds/build-record.ts";
import type { GateAnswer } from "../builds/gate.ts";
import { shortDigest } from "../domain/digest.ts";
import { type Bases, countShared } from "./base-layers.ts";
import { formatConfigs, formatPackages, type Released, restMark } from "./comparison.ts";
import { escapeCode, fenced } from "./escape.ts";
import { cutLines, fitText } from "./fit-text.ts";
import { formatGates } from "./gates-section.ts";
import { compressedSize, formatDelta, formatSize } from "./image-size.ts";
import type { ImageTree } from "./image-tree.ts";
import { formatMachineBlock, type MachineBlock } from "./machine-block.ts";
import { formatHeadline, lostFrom } from "./promotion-headline.ts";
import { formatVulnerabilities, type Scan } from "./vulnerability-scanner.ts";

/** Everything a reviewer is shown; fetched before, so that {@link formatPromotionBody} is pure. */
export interface PromotionFacts {
  readonly build: BuildRecord;
  readonly tag: string;
  readonly tree: ImageTree;
  /** Of the base images that could be read cheaply: those in one of our own registries. */
  readonly bases: Bases;
  /** What users have now: the release that the floating tags point to. `build` is undefined when it was not built here. */
  readonly current: Released | undefined;
  readonly floating: readonly { readonly tag: string; readonly before: string | undefined }[];
  readonly from: string;
  /** `registry/repository` as users type it. */
  readonly publicNames: readonly string[];
  /** Tags of the platforms' own images, in each of `publicNames`. */
  readonly childTags: readonly (readonly string[])[];
  readonly gates: readonly string[];
  readonly gate: GateAnswer;
  readonly candidateSigned: boolean;
  /** Unified diff of the dist-git repository since the current release, Dockerfile first. */
  readonly sourceDiff: string | undefined;
  /** Page of the forge that shows the same. */
  readonly compareUrl: string | undefined;
  readonly scan: Scan | undefined;
  readonly pageUrl: string | undefined;
  pageOf(run: string): string | undefined;
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
  const start = `${formatHeadline(facts)}\n\n${leftOut(left)}`;
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
    formatHeadline(facts),
    ...(cut.length > 0 ? [leftOut(cut)] : []),
    formatGates(facts),
    platforms(facts),
    formatPackages(current, build, room.packages),
    formatConfigs(current, build, room.config),
    source(facts, room.source),
    formatVulnerabilities(facts.scan, 100),
    merging(facts),
    formatMachineBlock(facts.block),
  ];
  return sections.join("\n\n");
}

const cutMark = "**Cut, because it is too long for a pull request: ";

function leftOut(sections: readonly string[]): string {
  return `${cutMark}${sections.join(", ")}.** The status ${escapeCode("flibs / promotion")} has the rest.`;
}

/** Was something left out of a body? */
export function isCut(body: string): boolean {
  return body.includes(cutMark) || body.includes(restMark);
}

/** The sections that may be cut, as whole as `most` characters let them be: for the status of the check. Pure. */
export function formatOverflow(facts: PromotionFacts, most: number): string {
  const { build, current } = facts;
  const sizes = [10_000, 3000, 2000, 1500, 1200, 1000, 900, 800, 700, 600, 300, 100, 0];
  const start = fitText(most, sizes, (size) => [formatPackages(current, build, size), formatConfigs(current, build, size)].join("\n\n"));
  // Its first lines, with the addresses that stand there, and the fence.
  const room = most - start.length - 1000;
  return room < 1000 ? start : `${start}\n\n${source(facts, room)}`;
}

function platforms({ build, tree, current, bases }: PromotionFacts): string {
  const rows = tree.platforms.map((image) => {
    const old = current?.tree?.platforms.find((one) => one.platform === image.platform);
    const shared = old ? String(image.layers.filter((layer) => old.layers.some((one) => one.digest === layer.digest)).length) : "-";
    const size = compressedSize(image);
    const delta = old ? formatDelta(size - compressedSize(old)) : "new";
    const base = bases.layers ? String(countShared(image, build, bases.layers)) : "unknown";
    const cells = [escapeCode(image.platform), escapeCode(shortDigest(image.digest)), formatSize(size), delta, image.layers.length, shared];
    return `| ${[...cells, base].join(" | ")} |`;
  });
  const lost = lostFrom(tree, current);
  const parents = (build.plan?.parents ?? []).map((parent) => {
    const old = current?.build?.plan?.parents.find((one) => one.written === parent.written);
    const moved = old && old.digest !== parent.digest ? `, was ${escapeCode(shortDigest(old.digest))}` : "";
    const age = wordAge(bases.createdAt.get(parent.digest), build.createdAt);
    return `- base image ${escapeCode(parent.written)} at ${escapeCode(parent.digest, 80)}${age}${moved || (old ? ", as in the current release" : "")}`;
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

/** Of the base image when the build began, so that the text does not change from day to day. */
function wordAge(createdAt: string | undefined, builtAt: string): string {
  if (createdAt === undefined) return "";
  const days = Math.floor((Date.parse(builtAt) - Date.parse(createdAt)) / 86_400_000);
  return `, built ${createdAt.slice(0, 10)}${days < 1 ? "" : `, ${days} ${days === 1 ? "day" : "days"} before this image`}`;
}

function source({ build, current, sourceDiff, compareUrl }: PromotionFacts, most: number): string {
  const now = `${escapeCode(build.repository)} at ${escapeCode(build.commit.slice(0, 12))}`;
  if (!current?.build) return `### Source\n\n${now}.${current ? " The source of the current release is unknown." : ""}`;
  const commits = escapeCode(`${current.build.commit.slice(0, 12)}..${build.commit.slice(0, 12)}`);
  const range = `${escapeCode(build.repository)} ${compareUrl === undefined ? commits : `[${commits}](${compareUrl})`}`;
  if (sourceDiff === undefined) return `### Source\n\n${range}; the difference cannot be read.`;
  if (sourceDiff.trim() === "") return `### Source\n\n${range}: no difference.`;
  const body = most === 0 ? "The difference is too long to be shown here." : fenced(sourceDiff, "diff", most);
  return `### Source\n\n${range}\n\n<details><summary>difference</summary>\n\n${body}\n\n</details>`;
}

function merging({ tag, floating, publicNames, childTags, current }: PromotionFacts): string {
  const written = [tag, ...floating.map((one) => one.tag)];
  const tags = publicNames.flatMap((name, i) =>
    [...(childTags[i] ?? []), ...written].map((one) => `- ${escapeCode(`${name}:${one}`, 500)}`),
  );
  const back = current
    ? `To roll back, change the floating tags under ${escapeCode("floating:")} back to ${escapeCode(current.tag)} and merge that, or say ${escapeCode("/rollback")} on a pull request; the release itself stays.`
    : `There is nothing to roll back to; to take the image back, add the release under ${escapeCode("withdrawn:")}.`;
  return [
    "### What merging does",
    "",
    publicNames.length === 1
      ? "The image is copied by digest, signed for each name, and these tags are written, in this order:"
      : `In each of ${publicNames.length} registries by itself: the image is copied by digest, signed for each name, and these tags are written, in this order:`,
    "",
    ...tags,
    "",
    `The release tag is never moved again. ${back}`,
  ].join("\n");
}
