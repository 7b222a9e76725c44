import type { Digest } from "../domain/digest.ts";
import { whyRefusedNow } from "./ask-again.ts";
import { findBaseRepositories } from "./base-layers.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import type { ReleasePlan } from "./release-flow.ts";
import type { ReleaseToSign } from "./release-signer.ts";
import { settle } from "./settle.ts";
import type { TagPlan } from "./tag-plan.ts";

/** What a signer is told: where the names stand that it shall sign. */
export type SignedFile = Pick<ReleaseToSign, "commit" | "path">;

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

/** Has the names of these tags signed, before any of them is written. An unavailable signer stops everything here (DG19). */
export async function signTags(ports: PromotionPorts, plan: ReleasePlan, file: SignedFile, tags: readonly TagPlan[], signal: AbortSignal) {
  const names = tags.map((one) => one.tag);
  const signed = await ports.releaseSigner.sign({ ...file, registry: plan.to, tags: names }, signal);
  // A tag that the signer says nothing of was withdrawn meanwhile.
  const silence = (tag: string) => ({ added: 0, ms: 0, failed: `${tag} is not signed any more` });
  // A tag may be called "constructor", which every object seems to have.
  return Object.fromEntries(names.map((tag) => [tag, (Object.hasOwn(signed, tag) && signed[tag]) || silence(tag)]));
}

/** Writes one tag and reads it back. The registry can't compare and swap, so it looks right before: what moved meanwhile is left alone. */
export async function writeTag(ports: PromotionPorts, plan: ReleasePlan, file: SignedFile, one: TagPlan, signal: AbortSignal) {
  const registry = ports.registries.named(plan.to);
  const what = one.action === "move" ? "moved" : one.action === "copy" && one.class === "immutable" ? "copied" : "tagged";
  const started = ports.now().getTime();
  const refused = one.class === "immutable" && one.found === undefined ? await whyRefusedNow(ports, plan, file, one.tag) : undefined;
  if (refused !== undefined) return { what: "refused", message: refused, ms: ports.now().getTime() - started };
  const written = await settle(signal, async (): Promise<{ what: string; message?: string }> => {
    const now = (await registry.findManifest(plan.imageRepository, one.tag))?.digest;
    if (now === one.digest) return { what };
    if (now !== undefined && one.class !== "floating") return { what: "tag-move", message: `${one.tag} is immutable and stands at ${now}` };
    if (now !== undefined && now !== one.found) return { what: "drift", message: `${one.tag} moved to ${now} during the release` };
    const manifest = await registry.readManifest(plan.imageRepository, one.digest);
    signal.throwIfAborted();
    await registry.putManifest(plan.imageRepository, one.tag, manifest);
    const back = (await registry.findManifest(plan.imageRepository, one.tag))?.digest;
    if (back === one.digest) return one.action === "move" && one.message !== undefined ? { what, message: one.message } : { what };
    return { what: "failed", message: `${one.tag} reads back as ${back ?? "absent"}` };
  });
  const ms = ports.now().getTime() - started;
  return "failed" in written ? { what: "failed", message: written.failed, ms } : { ...written.value, ms };
}
