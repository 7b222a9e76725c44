import type { Digest } from "../domain/digest.ts";
import { errorKind } from "../domain/errors.ts";
import type { Registry } from "../registry/registry.ts";
import { readImageDigests } from "../signing/image-digests.ts";
import { isSuspended } from "../workflow/step.ts";
import { findBaseRepositories } from "./base-layers.ts";
import type { TagPlan } from "./plan-release.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import type { ReleasePlan } from "./release-flow.ts";

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
    if (now !== undefined && one.class !== "floating") return { what: "tag-move", message: `${one.tag} is immutable and stands at ${now}` };
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

export function publicNameOf(ports: PromotionPorts, plan: Pick<ReleasePlan, "to" | "imageRepository">, tag?: string): string {
  const name = `${ports.settings.registries[plan.to]?.publicName}/${plan.imageRepository}`;
  return tag === undefined ? name : `${name}:${tag}`;
}

/** Digests to sign below a digest; each index is read once. */
export function digestsReader(registry: Registry, repository: string): (digest: Digest) => Promise<readonly Digest[]> {
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
export async function settle<T>(signal: AbortSignal, work: () => Promise<T>): Promise<{ value: T } | { failed: string }> {
  try {
    return { value: await work() };
  } catch (error) {
    if (signal.aborted || isSuspended(error) || errorKind(error) === "transient" || errorKind(error) === "stale") throw error;
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}
