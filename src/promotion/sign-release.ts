import type { Digest } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";
import { isTag } from "../domain/image-reference.ts";
import type { ForgeSources } from "../forge/forge.ts";
import type { Registries } from "../registry/registry.ts";
import { readImageDigests } from "../signing/image-digests.ts";
import type { Signer, Signers } from "../signing/signer.ts";
import { childTag, findImage, type ImageChild } from "./image-children.ts";
import { faultError, findImageFile, findPolicy, type ImageAtCommit, type ManifestReader } from "./manifest-tree.ts";
import type { PromotionSettings } from "./promotion-ports.ts";
import { type ImageFile, repositoryOfPath } from "./registry-manifest.ts";
import type { ReleaseSigner, ReleaseToSign } from "./release-signer.ts";
import { settle } from "./settle.ts";

/** What signing a release needs: the manifest repository, the registries, their keys. */
export interface SigningPorts extends ManifestReader {
  readonly forge: Pick<ForgeSources, "findFile" | "findHead" | "isAncestor">;
  readonly registries: Registries;
  readonly signers: Signers;
  readonly settings: Pick<PromotionSettings, "repository" | "registries" | "branch">;
}

/** What one file at one commit says about one registry. */
interface Subject {
  /** Tag to digest. */
  readonly standing: ReadonlyMap<string, Digest>;
  readonly withdrawn: ReadonlyMap<string, Digest>;
  /** Names that withdrawing something else must leave alone. */
  readonly needed: ReadonlyMap<string, Digest>;
  /** Which of the tags are releases: only their parts get tags. */
  readonly releases: ReadonlySet<string>;
  /** `registry/repository` as users type it. */
  readonly publicName: string;
  readonly signer: Signer;
  /** Digests that have to be signed for a name on a digest; read from the registry by digest, each once. */
  digestsBelow(digest: Digest): Promise<readonly Digest[]>;
  /** The same as its indexes name them, whether they are still there or not. */
  namedBelow(digest: Digest): Promise<readonly Digest[]>;
  has(digest: Digest): Promise<boolean>;
  /** Parts that get tags of their own; none where the registry's do not. */
  childrenOf(digest: Digest): Promise<readonly ImageChild[]>;
}

/** Recomputes what may be signed and does it, tag by tag: what is wrong with one holds up no other. */
export function releaseSigner(ports: SigningPorts): ReleaseSigner {
  return {
    async sign(request, signal) {
      const subject = await readSubject(ports, request);
      const result: Record<string, { added: number; ms: number; failed?: string }> = {};
      const tags = await withChildren(subject, subject.standing, request.tags);
      for (const [tag, digest] of select(tags, request.tags)) {
        signal.throwIfAborted();
        const started = performance.now();
        const signed = await settle(signal, () => signTag(subject, tag, digest, signal));
        const ms = Math.round(performance.now() - started);
        result[tag] = "failed" in signed ? { added: 0, ms, failed: signed.failed } : { added: signed.value, ms };
      }
      return result;
    },
    async withdraw(request, signal) {
      const subject = await readSubject(ports, request);
      const result: Record<string, { removed: number; failed?: string }> = {};
      for (const [tag, digest] of select(subject.withdrawn, request.tags)) {
        signal.throwIfAborted();
        const withdrawn = await settle(signal, () => removeSignatures(subject, digest));
        result[tag] = "failed" in withdrawn ? { removed: 0, failed: withdrawn.failed } : { removed: withdrawn.value };
      }
      return result;
    },
  };
}

/**
 * The commit must be on the branch as it stands now, and the branch's head has the last word on what is withdrawn, taken out by a revert or
 * routed elsewhere: an old commit, asked for again, neither brings back the signatures of a release that went after it, nor takes those of one
 * that was allowed again.
 */
async function readSubject(ports: SigningPorts, request: ReleaseToSign): Promise<Subject> {
  const { commit, path, registry: name } = request;
  const { repository: manifests, branch } = ports.settings;
  if (!/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(commit)) throw refused(`"${commit.slice(0, 80)}" is no commit`);
  if (repositoryOfPath(path) === undefined) throw refused(`"${path.slice(0, 300)}" is no image file`);
  const head = await ports.forge.findHead(manifests, branch);
  if (head === undefined || !(await ports.forge.isAncestor(manifests, commit, head))) {
    throw refused(`${commit} is not on ${branch} of ${manifests}`);
  }
  const { parsed, routes } = await readImage(ports, commit, path);
  const file = parsed.value;
  const latest = commit === head ? { parsed, routes } : await readImage(ports, head, path);
  const now = latest.parsed.value;
  if (![routes, latest.routes].every((ways) => ways.some((route) => route.to === name))) {
    throw refused(`no route leads ${file.repository} to a registry "${name.slice(0, 100)}"`);
  }
  const registry = ports.registries.named(name);
  const read = new Map<Digest, readonly Digest[]>();
  const namedBelow = async (digest: Digest) => (await readImageDigests(registry, file.repository, digest)).map((part) => part.digest);
  return {
    standing: standingTags(file, now),
    withdrawn: withdrawnTags(file, now.withdrawn),
    needed: standingTags(now, now),
    releases: new Set(Object.keys(now.releases)),
    publicName: `${ports.settings.registries[name]?.publicName}/${file.repository}`,
    signer: ports.signers.named(name),
    childrenOf: async (digest) =>
      ports.settings.registries[name]?.childTags ? ((await findImage(registry, file.repository, digest))?.children ?? []) : [],
    has: async (digest) => (await registry.findManifest(file.repository, digest)) !== undefined,
    namedBelow,
    async digestsBelow(digest) {
      const known = read.get(digest);
      if (known) return known;
      const found = await namedBelow(digest);
      // What an index names need not be there: each image is read, so that nothing is signed that nobody has.
      for (const part of found) if (part !== digest) await registry.readManifest(file.repository, part);
      read.set(digest, found);
      return found;
    },
  };
}

async function readImage(ports: SigningPorts, commit: string, path: string): Promise<Extract<ImageAtCommit, { ok: true }>> {
  const policy = await findPolicy(ports, commit);
  if (!policy.ok) throw faultError("promotion.policy-invalid", policy.faults);
  const image = await findImageFile(ports, commit, path, policy.policy);
  if (!image) throw refused(`${commit} has no file ${path}`);
  if (!image.ok) throw faultError("promotion.file-invalid", image.faults);
  return image;
}

/** Every tag that has to be there, with the digest that it stands for: releases that the head has as well, and what floats to one of them. */
function standingTags({ releases, floating = {}, withdrawn = {} }: ImageFile, now: ImageFile) {
  const tags = new Map<string, Digest>();
  const kept = new Map(Object.entries(now.releases));
  for (const [tag, release] of Object.entries(releases)) {
    if (withdrawn[tag] || now.withdrawn?.[tag] || kept.get(tag)?.digest !== release.digest) continue;
    tags.set(tag, release.digest as Digest);
  }
  for (const [tag, target] of Object.entries(floating)) {
    const digest = tags.get(target);
    if (digest !== undefined) tags.set(tag, digest);
  }
  return tags;
}

function withdrawnTags({ releases, withdrawn = {} }: ImageFile, withdrawnNow: ImageFile["withdrawn"] = {}) {
  const tags = new Map<string, Digest>();
  for (const tag of Object.keys(withdrawn)) {
    const digest = releases[tag]?.digest as Digest | undefined;
    if (digest !== undefined && withdrawnNow[tag]) tags.set(tag, digest);
  }
  return tags;
}

/**
 * With the tags that the children of releases get, as the index in the registry names them (RG13). A name that the file gives to something else
 * is not theirs. Only of releases that `wanted` may mean: to read an index costs a question.
 */
async function withChildren(subject: Subject, tags: ReadonlyMap<string, Digest>, wanted?: readonly string[]) {
  const all = new Map(tags);
  for (const [release, digest] of tags) {
    if (!subject.releases.has(release)) continue;
    if (wanted !== undefined && !wanted.some((tag) => tag.startsWith(`${release}-`))) continue;
    for (const child of await subject.childrenOf(digest)) {
      const tag = childTag(release, child);
      if (isTag(tag) && !all.has(tag)) all.set(tag, child.digest);
    }
  }
  return all;
}

function select(tags: ReadonlyMap<string, Digest>, wanted: readonly string[] | undefined): readonly (readonly [string, Digest])[] {
  return [...tags].filter(([tag]) => wanted === undefined || wanted.includes(tag));
}

/** Bytes are read by digest, so nothing is signed that is not there (DG3, DG20, DG21, DG22). */
async function signTag(subject: Subject, tag: string, digest: Digest, signal: AbortSignal): Promise<number> {
  const digests = await subject.digestsBelow(digest);
  const publicName = `${subject.publicName}:${tag}`;
  return await subject.signer.ensureSigned(
    digests.map((part) => ({ digest: part, publicName })),
    signal,
  );
}

/**
 * Every signature of this repository's names on the digest and below it, but those that a release which is not withdrawn needs. A part that is
 * gone holds nothing up: a withdrawal that was cut off may have deleted it already.
 */
async function removeSignatures(subject: Subject, digest: Digest): Promise<number> {
  const { signer, publicName: repository } = subject;
  const children = (await subject.childrenOf(digest)).map((child) => child.digest);
  const here = new Set((await subject.has(digest)) ? [...(await subject.namedBelow(digest)), ...children] : [digest]);
  let removed = 0;
  for (const part of here) {
    const names = new Set((await signer.listSignatures(repository, part)).map((signature) => signature.publicName));
    for (const publicName of names) {
      if (!publicName?.startsWith(`${repository}:`)) continue;
      if (await isNeeded(subject, publicName.slice(repository.length + 1), part)) continue;
      removed += await signer.removeSignatures({ digest: part, publicName });
    }
  }
  return removed;
}

/** Does a standing release need this name on this digest? Asked of names that were found, which are few: an image gathers releases for years. */
async function isNeeded(subject: Subject, tag: string, part: Digest): Promise<boolean> {
  const digest = (await withChildren(subject, subject.needed, [tag])).get(tag);
  if (digest === undefined || !(await subject.has(digest))) return false;
  return (await subject.namedBelow(digest)).includes(part);
}

function refused(why: string) {
  return appError("signing.request-refused", `nothing is signed: ${why}`);
}
