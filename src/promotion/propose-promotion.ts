import type { BuildRecord } from "../builds/build-record.ts";
import { appError } from "../domain/errors.ts";
import { formatNvr, versionRelease } from "../domain/nvr.ts";
import type { Pull } from "../forge/forge.ts";
import { sanitiseTag } from "./check-release.ts";
import { escapeCode } from "./escape.ts";
import { mostSummary } from "./fit-text.ts";
import { editImageFile, newImageFile, parseImageFile, sortFloating } from "./image-file.ts";
import { type MachineBlock, parseMachineBlock } from "./machine-block.ts";
import { faultError, findImageFile, readPolicy } from "./manifest-tree.ts";
import { imagesOf } from "./open-promotions.ts";
import { formatPromotionBody, formatPromotionTitle, type PromotionFacts } from "./promotion-body.ts";
import { type Draft, type FitBuild, readPromotionFacts } from "./promotion-facts.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { namespaceOf } from "./proposal-places.ts";
import { proposeOnBranch, sayLeftAlone, untilBaseRests } from "./propose-on-branch.ts";
import { findRoutes, imagePath, policyPath, promotionBranch, tagClass } from "./registry-manifest.ts";

export type ProposedPromotion = {
  /** The registry-manifest repository. */
  readonly repository: string;
  /** Of the build that was to be promoted. */
  readonly nvr: string;
} & (
  | { readonly outcome: "opened" | "updated" | "unchanged"; readonly branch: string; readonly number: number; readonly head: string }
  /** Main has this release already. */
  | { readonly outcome: "already-released" }
  /** A newer build is released or proposed; moving tags back is no promotion's business. `by` is a build. */
  | { readonly outcome: "superseded"; readonly by: string; readonly byNvr: string | undefined }
  /** Too many are open, or were opened lately: it is kept and proposed later. Never when somebody asked for it. */
  | { readonly outcome: "held"; readonly why: "namespace-full" | "hour-full" }
);

/**
 * Opens the promotion of a complete build, or brings the one open for its repository up to date; may be called any number of times.
 * Everything is computed from main's head; what is promoted comes from the build's record, never from text of the pull request.
 * `requestedBy` is who asked for it by a command. Throws `promotion.build-unfit`, `promotion.policy-invalid`, `promotion.file-invalid`,
 * `promotion.tag-taken`, `promotion.branches-taken` (for people) and `promotion.base-moves` (transient).
 */
export async function proposePromotion(ports: PromotionPorts, buildId: string, requestedBy?: string): Promise<ProposedPromotion> {
  const build = await readFitBuild(ports, buildId);
  const proposed = await untilBaseRests(`the promotion of build ${buildId}`, () => proposeOnce(ports, build, requestedBy));
  const { imageRepository } = build.plan;
  if (proposed.outcome === "held")
    await ports.places.hold({ imageRepository, build: build.id, builtAt: build.createdAt, why: proposed.why });
  else await ports.places.forget(imageRepository, build.createdAt);
  return proposed;
}

/** Throws `promotion.build-unfit`. */
export async function readFitBuild(ports: PromotionPorts, id: string): Promise<FitBuild> {
  const build = await ports.builds.find(id);
  const unfit = (why: string) => appError("promotion.build-unfit", `build ${id} cannot be promoted: ${why}`);
  if (!build) throw unfit("there is no such build");
  if (build.scratch || !build.nvr) throw unfit("it is a scratch build");
  if (build.state !== "complete" || !build.digest || !build.plan) throw unfit(`it is ${build.state}`);
  return { ...build, digest: build.digest, plan: build.plan, nvr: build.nvr };
}

async function proposeOnce(
  ports: PromotionPorts,
  build: FitBuild,
  requestedBy: string | undefined,
): Promise<ProposedPromotion | "base-moved"> {
  const imageRepository = build.plan.imageRepository;
  const common = { repository: ports.settings.repository, nvr: formatNvr(build.nvr) };
  const draft = await draftChange(ports, build);
  if ("outcome" in draft) return { ...common, ...draft };
  const facts = await readPromotionFacts(ports, build, draft);
  let block: MachineBlock | undefined;
  let newer: Superseded | Held | undefined;
  const placed = await proposeOnBranch(ports, {
    imageRepository,
    base: draft.base,
    branchOf: (number) => promotionBranch(imageRepository, number),
    parseBlock: parseMachineBlock,
    async make(old, personOwned, open) {
      newer = old ? await findNewer(ports, build, old.build) : await findFull(ports, build, requestedBy, open);
      if (newer) return undefined;
      block = makeBlock(build, draft, old, requestedBy);
      const all: PromotionFacts = { ...facts, personOwned, block };
      const title = formatPromotionTitle(all);
      const body = formatPromotionBody(all, Math.min(mostSummary, ports.forge.capabilities.maxBodyLength));
      const commitMessage = `${title}\n\nBuild: ${build.id}\nDigest: ${build.digest}\n`;
      return { files: { [draft.path]: draft.text }, commitMessage, title, body };
    },
  });
  if (placed === "base-moved") return placed;
  if (!placed || !block) return { ...common, ...(newer ?? { outcome: "already-released" }) };
  await saySuperseded(ports, build, placed.number, block);
  await sayLeftAlone(ports, placed, escapeCode(block.tag));
  const { outcome, branch, number, head } = placed;
  return { ...common, outcome, branch, number, head };
}

type Superseded = { readonly outcome: "superseded"; readonly by: string; readonly byNvr: string | undefined };

type Held = { readonly outcome: "held"; readonly why: "namespace-full" | "hour-full" };

/** Bringing an open pull request up to date needs no place, and who asks has one. */
async function findFull(
  ports: PromotionPorts,
  build: FitBuild,
  requestedBy: string | undefined,
  open: readonly Pull[],
): Promise<Held | undefined> {
  const { imageRepository } = build.plan;
  const same = imagesOf(open).filter((image) => namespaceOf(image) === namespaceOf(imageRepository));
  const limits = requestedBy === undefined ? ports.settings.promotions : noLimits;
  const place = await ports.places.take({ build: build.id, imageRepository, open: same, ...limits });
  return place === "free" ? undefined : { outcome: "held", why: place };
}

const noLimits = { openPerNamespace: Number.MAX_SAFE_INTEGER, newPerHour: Number.MAX_SAFE_INTEGER };

/** The new text of the image file, and everything it was computed from; or why there is nothing to propose. */
export async function draftChange(
  ports: PromotionPorts,
  build: FitBuild,
): Promise<Draft | Superseded | { readonly outcome: "already-released" }> {
  const { repository, branch } = ports.settings;
  const base = await ports.forge.findHead(repository, branch);
  if (base === undefined) {
    const fix = "Make the registry-manifest repository with flibs init";
    throw appError("promotion.policy-invalid", `${repository} has no branch ${branch}`, { file: policyPath, hint: fix });
  }
  const policy = await readPolicy(ports, base);
  const name = build.plan.imageRepository;
  const routes = findRoutes(policy, name);
  if (routes.length === 0)
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
  if (existing?.digest === build.digest) return { outcome: "already-released" };
  if (existing)
    throw appError("promotion.tag-taken", `${name}:${tag} is ${existing.digest} of build ${existing.build} already`, {
      file: path,
      hint: "Build again with a new release",
    });
  const floating = sortFloating(build.plan.floatingTags.filter((one) => one !== tag && tagClass(policy, one) === "floating"));
  for (const one of floating) {
    const target = parsed?.value.releases[parsed.value.floating?.[one] ?? ""];
    const newer = target && (await findNewer(ports, build, target.build));
    if (newer) return newer;
  }
  const edit = { tag, release: { digest: build.digest, build: build.id }, floating };
  const text = parsed ? editImageFile(parsed, edit) : newImageFile(name, edit);
  const written = parseImageFile(path, new TextEncoder().encode(text));
  if (!written.ok) throw faultError("promotion.file-invalid", written.faults);
  const files = await ports.forge.listFiles(repository, base, "images");
  const baseBlob = files.find((file) => file.path === path)?.blob ?? null;
  return { base, policy, routes, path, parsed, baseBlob, tag, floating, text };
}

/** The other build when it is of the same source branch and was asked for after this one. */
async function findNewer(ports: PromotionPorts, build: BuildRecord, other: string): Promise<Superseded | undefined> {
  if (other === build.id) return undefined;
  const record = await ports.builds.find(other);
  if (record?.state !== "complete" || record.createdAt <= build.createdAt) return undefined;
  return { outcome: "superseded", by: other, byNvr: record.nvr && formatNvr(record.nvr) };
}

function makeBlock(build: FitBuild, draft: Draft, old: MachineBlock | undefined, requestedBy: string | undefined): MachineBlock {
  const same = old?.build === build.id;
  // Kept when this build's own body is written again, so that the comment is not lost by a crash in between.
  const supersedes = old && (same ? old.supersedes : { build: old.build, tag: old.tag });
  // Whoever asked first stands there: asking again changes nothing.
  const asker = (same ? old.requestedBy : undefined) ?? requestedBy;
  const { baseBlob, tag } = draft;
  return {
    schema: 1,
    repository: build.plan.imageRepository,
    tag,
    digest: build.digest,
    build: build.id,
    baseBlob,
    ...(supersedes ? { supersedes } : {}),
    ...(asker === undefined ? {} : { requestedBy: asker }),
  };
}

async function saySuperseded(ports: PromotionPorts, build: FitBuild, number: number, { supersedes, tag }: MachineBlock): Promise<void> {
  if (!supersedes) return;
  const text = `Superseded ${escapeCode(supersedes.tag)} by ${escapeCode(tag)}.`;
  await ports.forge.ensureComment(ports.settings.repository, number, `superseded ${supersedes.build} ${build.id}`, text);
}
