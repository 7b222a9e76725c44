import type { BuildRecord } from "../builds/build-record.ts";
import type { Digest } from "../domain/digest.ts";
import { appError, errorKind } from "../domain/errors.ts";
import { versionRelease } from "../domain/nvr.ts";
import type { Pull } from "../forge/forge.ts";
import { readBaseLayers } from "./base-layers.ts";
import { sanitiseTag } from "./check-release.ts";
import { escapeCode } from "./escape.ts";
import { editImageFile, newImageFile, type ParsedImageFile, parseImageFile, sortFloating } from "./image-file.ts";
import { type ImageTree, readImageTree } from "./image-tree.ts";
import { type MachineBlock, parseMachineBlock } from "./machine-block.ts";
import { faultError, findImageFile, readPolicy } from "./manifest-tree.ts";
import { formatPromotionBody, formatPromotionTitle, type PromotionFacts } from "./promotion-body.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { findRoute, imagePath, type Policy, policyPath, promotionBranch, type Route, tagClass } from "./registry-manifest.ts";

export type ProposedPromotion =
  | {
      readonly outcome: "opened" | "updated" | "unchanged";
      readonly repository: string;
      readonly branch: string;
      readonly number: number;
      readonly head: string;
    }
  /** Main has this release already. */
  | { readonly outcome: "already-released"; readonly repository: string }
  /** A newer build is released or proposed; moving tags back is no promotion's business. */
  | { readonly outcome: "superseded"; readonly repository: string; readonly by: string };

const mostAttempts = 5;
const mostBranches = 9;
const mostDiff = 64 * 1024;

/**
 * Opens the promotion of a complete build, or brings the one open for its repository up to date; may be called any number of times.
 * Everything is computed from main's head; what is promoted comes from the build's record, never from text of the pull request.
 * Throws `promotion.build-unfit`, `promotion.policy-invalid`, `promotion.file-invalid`, `promotion.tag-taken`, `promotion.branches-taken`
 * (for people) and `promotion.base-moves` (transient).
 */
export async function proposePromotion(ports: PromotionPorts, buildId: string): Promise<ProposedPromotion> {
  const build = await readFitBuild(ports, buildId);
  for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
    const proposed = await proposeOnce(ports, build);
    if (proposed) return proposed;
  }
  throw appError("promotion.base-moves", `the base of the promotion of build ${buildId} moved ${mostAttempts} times`);
}

type FitBuild = BuildRecord & {
  readonly digest: Digest;
  readonly plan: NonNullable<BuildRecord["plan"]>;
  readonly nvr: NonNullable<BuildRecord["nvr"]>;
};

async function readFitBuild(ports: PromotionPorts, id: string): Promise<FitBuild> {
  const build = await ports.builds.find(id);
  const unfit = (why: string) => appError("promotion.build-unfit", `build ${id} cannot be promoted: ${why}`);
  if (!build) throw unfit("there is no such build");
  if (build.scratch || !build.nvr) throw unfit("it is a scratch build");
  if (build.state !== "complete" || !build.digest || !build.plan) throw unfit(`it is ${build.state}`);
  return { ...build, digest: build.digest, plan: build.plan, nvr: build.nvr };
}

interface Draft {
  readonly base: string;
  readonly policy: Policy;
  readonly route: Route;
  readonly path: string;
  readonly parsed: ParsedImageFile | undefined;
  readonly baseBlob: string | null;
  readonly tag: string;
  readonly floating: readonly string[];
  readonly text: string;
}

/** Undefined when main moved on meanwhile. */
async function proposeOnce(ports: PromotionPorts, build: FitBuild): Promise<ProposedPromotion | undefined> {
  const { repository, branch: baseBranch } = ports.settings;
  const draft = await draftChange(ports, build);
  if ("outcome" in draft) return draft;
  const open = (await ports.forge.listPulls(repository, "open")).filter((pull) => pull.baseBranch === baseBranch);
  const facts = await readFacts(ports, build, draft);
  let personOwned: string | undefined;
  for (let number = 1; number <= mostBranches; number += 1) {
    const branch = promotionBranch(build.plan.imageRepository, number);
    const pull = open.find((one) => one.headBranch === branch);
    const old = pull && parseMachineBlock(pull.body);
    // `promote/f40/web-2` may be the second branch of f40/web or the first of f40/web-2.
    if (old && old.repository !== build.plan.imageRepository) continue;
    const newer = old && (await findNewer(ports, build, old.build));
    if (newer) return { outcome: "superseded", repository, by: newer };
    const block = makeBlock(build, draft, old);
    const all: PromotionFacts = { ...facts, personOwned, block };
    const title = formatPromotionTitle(all);
    const proposal = await ports.forge.proposeChange({
      repository,
      branch,
      baseBranch,
      baseCommit: draft.base,
      files: { [draft.path]: draft.text },
      commitMessage: `${title}\n\nBuild: ${build.id}\nDigest: ${build.digest}\n`,
      title,
      body: formatPromotionBody(all),
    });
    if (proposal.outcome === "base-moved") return undefined;
    if (proposal.outcome === "person-owned") {
      personOwned ??= branch;
      continue;
    }
    await sayWhatHappened(
      ports,
      build,
      proposal.number,
      block,
      open.find((one) => one.headBranch === personOwned),
    );
    return { outcome: proposal.outcome, repository, branch, number: proposal.number, head: proposal.head };
  }
  throw appError("promotion.branches-taken", `people own ${mostBranches} branches for ${build.plan.imageRepository}`, {
    hint: `Merge, close or delete ${promotionBranch(build.plan.imageRepository)} and its followers`,
  });
}

/** The new text of the image file, and everything it was computed from; or why there is nothing to propose. */
async function draftChange(ports: PromotionPorts, build: FitBuild): Promise<Draft | ProposedPromotion> {
  const { repository, branch } = ports.settings;
  const base = await ports.forge.findHead(repository, branch);
  if (base === undefined) {
    const fix = "Make the registry-manifest repository with flibs init";
    throw appError("promotion.policy-invalid", `${repository} has no branch ${branch}`, { file: policyPath, hint: fix });
  }
  const policy = await readPolicy(ports, base);
  const name = build.plan.imageRepository;
  const route = findRoute(policy, name);
  if (!route)
    throw appError("promotion.policy-invalid", `no route leads anywhere for ${name}`, {
      file: policyPath,
      hint: `Add a route that matches ${name}`,
    });
  const path = imagePath(name);
  const image = await findImageFile(ports, base, path, policy);
  if (image && !image.ok) throw faultError("promotion.file-invalid", image.faults);
  const parsed = image?.parsed;
  const tag = build.plan.primaryTag ?? sanitiseTag(versionRelease(build.nvr));
  if (tagClass(policy, tag) !== "immutable") {
    const message = `its tag "${tag}" is no release tag by ${policyPath} (${policy.tags.immutable})`;
    throw appError("promotion.build-unfit", `build ${build.id} cannot be promoted: ${message}`, {
      hint: "Change version and release, or the policy",
    });
  }
  const existing = parsed?.value.releases[tag];
  if (existing?.digest === build.digest) return { outcome: "already-released", repository };
  if (existing)
    throw appError("promotion.tag-taken", `${name}:${tag} is ${existing.digest} of build ${existing.build} already`, {
      file: path,
      hint: "Build again with a new release",
    });
  const floating = sortFloating(build.plan.floatingTags.filter((one) => one !== tag && tagClass(policy, one) === "floating"));
  for (const one of floating) {
    const target = parsed?.value.releases[parsed.value.floating?.[one] ?? ""];
    const newer = target && (await findNewer(ports, build, target.build));
    if (newer) return { outcome: "superseded", repository, by: newer };
  }
  const edit = { tag, release: { digest: build.digest, build: build.id }, floating };
  const text = parsed ? editImageFile(parsed, edit) : newImageFile(name, edit);
  const written = parseImageFile(path, new TextEncoder().encode(text));
  if (!written.ok) throw faultError("promotion.file-invalid", written.faults);
  const files = await ports.forge.listFiles(repository, base, "images");
  const baseBlob = files.find((file) => file.path === path)?.blob ?? null;
  return { base, policy, route, path, parsed, baseBlob, tag, floating, text };
}

/** Id of the other build when it is of the same source branch and was asked for after this one. */
async function findNewer(ports: PromotionPorts, build: BuildRecord, other: string): Promise<string | undefined> {
  if (other === build.id) return undefined;
  const record = await ports.builds.find(other);
  return record && record.state === "complete" && record.createdAt > build.createdAt ? other : undefined;
}

function makeBlock(build: FitBuild, draft: Draft, old: MachineBlock | undefined): MachineBlock {
  // Kept when this build's own body is written again, so that the comment is not lost by a crash in between.
  const supersedes = old && (old.build === build.id ? old.supersedes : { build: old.build, tag: old.tag });
  const { baseBlob, tag } = draft;
  return {
    schema: 1,
    repository: build.plan.imageRepository,
    tag,
    digest: build.digest,
    build: build.id,
    baseBlob,
    ...(supersedes ? { supersedes } : {}),
  };
}

async function sayWhatHappened(
  ports: PromotionPorts,
  build: FitBuild,
  number: number,
  block: MachineBlock,
  other: Pull | undefined,
): Promise<void> {
  const { repository } = ports.settings;
  if (block.supersedes) {
    const text = `Superseded ${escapeCode(block.supersedes.tag)} by ${escapeCode(block.tag)}.`;
    await ports.forge.ensureComment(repository, number, `superseded ${block.supersedes.build} ${build.id}`, text);
  }
  if (other && other.number !== number) {
    const text = `${escapeCode(block.tag)} is proposed in #${number}: the head of this branch is a person's commit and was left alone.`;
    await ports.forge.ensureComment(repository, other.number, "person-owned", text);
  }
}

async function readFacts(ports: PromotionPorts, build: FitBuild, draft: Draft): Promise<Omit<PromotionFacts, "block" | "personOwned">> {
  const source = ports.registries.named(draft.route.from);
  const name = build.plan.imageRepository;
  const releases = draft.parsed?.value.releases ?? {};
  const pointed = draft.floating.toReversed().map((one) => draft.parsed?.value.floating?.[one]);
  const currentTag = pointed.find((one) => one !== undefined) ?? Object.keys(releases).at(-1);
  const signed = await ports
    .signerOf(draft.route.from)
    .listSignatures(`${ports.settings.registries[draft.route.from]?.publicName}/${name}`, build.digest);
  const current =
    currentTag === undefined ? undefined : await readCurrent(ports, draft.route, name, currentTag, releases[currentTag]?.digest as Digest);
  return {
    build,
    tag: draft.tag,
    tree: await readImageTree(source, name, build.digest),
    baseLayers: await readBaseLayers(ports, build.plan.parents),
    current,
    floating: draft.floating.map((tag) => ({ tag, before: draft.parsed?.value.floating?.[tag] })),
    from: `${ports.settings.registries[draft.route.from]?.publicName}/${name}`,
    publicName: `${ports.settings.registries[draft.route.to]?.publicName}/${name}`,
    gates: draft.policy.gates,
    candidateSigned: signed.some((one) => one.verdict === "valid"),
    sourceDiff: current?.build && (await readSourceDiff(ports, build, current.build)),
    pageUrl: ports.settings.pageOf(build.id),
  };
}

/** The release's record is found by its digest; one released elsewhere has none. Its bytes may be gone: then there is no comparison. */
async function readCurrent(
  ports: PromotionPorts,
  route: Route,
  name: string,
  tag: string,
  digest: Digest,
): Promise<NonNullable<PromotionFacts["current"]>> {
  const found = await ports.builds.findByDigest(digest);
  const build = found && (await ports.builds.find(found.id));
  let tree: ImageTree | undefined;
  try {
    tree = await readImageTree(ports.registries.named(route.to), name, digest);
  } catch (error) {
    if (errorKind(error) === "transient") throw error;
  }
  return { tag, digest, ...(build ? { build } : {}), ...(tree ? { tree } : {}) };
}

async function readSourceDiff(ports: PromotionPorts, build: BuildRecord, current: BuildRecord): Promise<string | undefined> {
  if (current.repository !== build.repository) return undefined;
  if (current.commit === build.commit) return "";
  try {
    const dockerfile = await ports.forge.diff(build.repository, current.commit, build.commit, ["Dockerfile", "Containerfile"], mostDiff);
    const all = await ports.forge.diff(build.repository, current.commit, build.commit, [], mostDiff);
    // The Dockerfile's part first, once.
    return dockerfile === "" ? all : `${dockerfile}\n${all.split(dockerfile).join("")}`.slice(0, mostDiff);
  } catch (error) {
    if (errorKind(error) === "transient") throw error;
    // A force-pushed dist-git may have lost the commit; the promotion is reviewed without it.
    return undefined;
  }
}
