import type { Digest } from "../domain/digest.ts";
import { errorKind } from "../domain/errors.ts";
import type { Registry } from "../registry/registry.ts";
import { readImageDigests } from "../signing/image-digests.ts";
import { isSuspended } from "../workflow/step.ts";
import { isActing, type TagPlan } from "./plan-release.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import type { ReleasePlan } from "./release-flow.ts";
import { findBaseRepositories } from "./base-layers.ts";

/** Effects of the release flow. Each looks before it acts, so each may be repeated; a failure that only concerns one tag is a result. */

/** Copies one image with everything below it, by digest, no tag. */
export async function copyDigest(ports: PromotionPorts, plan: ReleasePlan, digest: Digest, signal: AbortSignal) {
  const started = ports.now().getTime();
  const source = { registry: plan.from, repository: plan.imageRepository, digest };
  const destination = { registry: plan.to, repository: plan.imageRepository };
  const copied = await settle(signal, async () => {
    const mountFrom = await findBaseRepositories(ports, digest);
    return await ports.copier.copy({ source, destination, mountFrom }, signal);
  });
  const ms = ports.now().getTime() - started;
  if ("failed" in copied) return { bytesStreamed: 0, blobsMounted: 0, bytesMounted: 0, ms, failed: copied.failed };
  const { bytesStreamed, blobsMounted, bytesMounted } = copied.value;
  return { bytesStreamed, blobsMounted, bytesMounted, ms };
}

/**
 * Signs each tag's name for the index and each image below it, as they stand in the destination now: bytes are read by digest, so nothing
 * is signed that is not there (DG3, DG20, DG21, DG22). An unavailable signer stops everything before any tag is written (DG19).
 */
export async function signTags(ports: PromotionPorts, plan: ReleasePlan, tags: readonly TagPlan[], signal: AbortSignal) {
  const signer = ports.signerOf(plan.to);
  const digests = digestsReader(ports.registries.named(plan.to), plan.imageRepository);
  const result: Record<string, { added: number; ms: number; failed?: string }> = {};
  for (const { tag, digest } of tags) {
    const started = ports.now().getTime();
    const publicName = publicNameOf(ports, plan, tag);
    const signed = await settle(signal, async () => {
      const parts = await digests(digest);
      return await signer.ensureSigned(
        parts.map((part) => ({ digest: part, publicName })),
        signal,
      );
    });
    const ms = ports.now().getTime() - started;
    result[tag] = "failed" in signed ? { added: 0, ms, failed: signed.failed } : { added: signed.value, ms };
  }
  return result;
}

/** Writes one tag and reads it back. The registry can't compare and swap, so it looks right before: what moved meanwhile is left alone. */
export async function writeTag(ports: PromotionPorts, plan: ReleasePlan, one: TagPlan, signal: AbortSignal) {
  const registry = ports.registries.named(plan.to);
  const what = one.action === "move" ? "moved" : one.action === "copy" && one.class === "immutable" ? "copied" : "tagged";
  const started = ports.now().getTime();
  const written = await settle(signal, async (): Promise<{ what: string; message?: string }> => {
    const now = (await registry.findManifest(plan.imageRepository, one.tag))?.digest;
    if (now === one.digest) return { what };
    if (now !== undefined && one.class === "immutable")
      return { what: "tag-move", message: `${one.tag} is immutable and stands at ${now}` };
    if (now !== undefined && now !== one.found) return { what: "drift", message: `${one.tag} moved to ${now} during the release` };
    const manifest = await registry.readManifest(plan.imageRepository, one.digest);
    signal.throwIfAborted();
    await registry.putManifest(plan.imageRepository, one.tag, manifest);
    const back = (await registry.findManifest(plan.imageRepository, one.tag))?.digest;
    if (back === one.digest) return { what };
    return { what: "failed", message: `${one.tag} reads back as ${back ?? "absent"}` };
  });
  const ms = ports.now().getTime() - started;
  return "failed" in written ? { what: "failed", message: written.failed, ms } : { ...written.value, ms };
}

/** Takes the signatures of a withdrawn release away, and its tag when the file says so and no other tag would go with it. */
export async function withdraw(ports: PromotionPorts, plan: ReleasePlan, one: TagPlan, signal: AbortSignal) {
  const started = ports.now().getTime();
  const done = await settle(signal, async () => {
    const removed = await removeSignatures(ports, plan, one);
    const tag = plan.removeTags.includes(one.tag)
      ? await removeTag(ports.registries.named(plan.to), plan.imageRepository, one)
      : "the tag stays";
    return { what: "withdrawn", message: `${removed} signatures removed, ${tag}` };
  });
  const ms = ports.now().getTime() - started;
  return "failed" in done ? { what: "failed", message: done.failed, ms } : { ...done.value, ms };
}

/** Every signature of this repository's names on the digest and below it, but those that a release which is not withdrawn needs. */
async function removeSignatures(ports: PromotionPorts, plan: ReleasePlan, one: TagPlan): Promise<number> {
  const signer = ports.signerOf(plan.to);
  const registry = ports.registries.named(plan.to);
  const digests = digestsReader(registry, plan.imageRepository);
  const repository = publicNameOf(ports, plan);
  const here = (await registry.findManifest(plan.imageRepository, one.digest)) ? await digests(one.digest) : [one.digest];
  const needed = new Set<string>();
  for (const other of plan.tags.filter(isActing)) {
    if (!(await registry.findManifest(plan.imageRepository, other.digest))) continue;
    for (const digest of await digests(other.digest)) needed.add(`${digest} ${publicNameOf(ports, plan, other.tag)}`);
  }
  let removed = 0;
  for (const digest of here) {
    const names = new Set((await signer.listSignatures(repository, digest)).map((signature) => signature.publicName));
    for (const publicName of names) {
      if (!publicName?.startsWith(`${repository}:`) || needed.has(`${digest} ${publicName}`)) continue;
      removed += await signer.removeSignatures({ digest, publicName });
    }
  }
  return removed;
}

/** Registries delete by digest, and every tag at the digest goes with it: so only a tag that stands alone is removed. */
async function removeTag(registry: Registry, repository: string, one: TagPlan): Promise<string> {
  const live = (await registry.findManifest(repository, one.tag))?.digest;
  if (live === undefined) return "the tag is gone";
  if (live !== one.digest) return `the tag was not removed: it stands at ${live}`;
  const others: string[] = [];
  for (const tag of await registry.listTags(repository)) {
    if (tag !== one.tag && (await registry.findManifest(repository, tag))?.digest === live) others.push(tag);
  }
  if (others.length > 0) return `the tag was not removed: ${others.slice(0, 10).join(", ")} would go with it`;
  if (!registry.deleteManifest) return "the tag was not removed: this client can't delete";
  try {
    await registry.deleteManifest(repository, live);
    return "the tag is gone";
  } catch (error) {
    if (errorKind(error) === "transient") throw error;
    return "the tag was not removed: the registry does not allow deleting";
  }
}

export function publicNameOf(ports: PromotionPorts, plan: Pick<ReleasePlan, "to" | "imageRepository">, tag?: string): string {
  const name = `${ports.settings.registries[plan.to]?.publicName}/${plan.imageRepository}`;
  return tag === undefined ? name : `${name}:${tag}`;
}

/** Digests to sign below a digest; each index is read once. */
function digestsReader(registry: Registry, repository: string): (digest: Digest) => Promise<readonly Digest[]> {
  const read = new Map<Digest, readonly Digest[]>();
  return async (digest) => {
    const known = read.get(digest);
    if (known) return known;
    const found = (await readImageDigests(registry, repository, digest)).map((part) => part.digest);
    read.set(digest, found);
    return found;
  };
}

/** What is worth another try is thrown for the runner; what is final becomes a result, so that other tags go on. */
async function settle<T>(signal: AbortSignal, work: () => Promise<T>): Promise<{ value: T } | { failed: string }> {
  try {
    return { value: await work() };
  } catch (error) {
    if (signal.aborted || isSuspended(error) || errorKind(error) === "transient" || errorKind(error) === "stale") throw error;
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}
