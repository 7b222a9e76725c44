import type { Digest } from "../domain/digest.ts";
import { appError, isAppError } from "../domain/errors.ts";
import { type Descriptor, type ImageManifest, isForeignLayer, isIndexMediaType, parseImageManifest } from "../registry/image-manifest.ts";
import type { Registry } from "../registry/registry.ts";
import { mapConcurrently } from "./map-concurrently.ts";

/** What one digest leads to in one registry, as far as it is there. */
export interface AuditTree {
  /** Digests that need a signature: indexes and images, attestation entries left out. */
  readonly signed: readonly Digest[];
  /** Manifests that are gone or damaged, with what is known of it. */
  readonly lostChildren: readonly Lost[];
  readonly lostBlobs: readonly Lost[];
}

export interface Lost {
  readonly digest: Digest;
  /** `is gone`, or what else is wrong with it. */
  readonly why: string;
}

/** Does a repository have a digest, every manifest below it, undamaged, and every blob? */
export async function hasWholeImage(registry: Registry, repository: string, top: Digest): Promise<boolean> {
  const { lostChildren, lostBlobs } = await readAuditTree(registry, repository, top, true);
  return lostChildren.length === 0 && lostBlobs.length === 0;
}

const deepest = 4;
const mostManifests = 1000;
const atOnce = 8;
/** What the client says of a manifest that is not there, or is not what its digest says. */
const lostCodes = ["registry.manifest-unknown", "registry.digest-mismatch", "registry.manifest-invalid"];

/**
 * Walks below a digest by digest only. Indexes are read (the client compares their bytes with the digest), images are asked for by HEAD; a deep
 * walk reads them too and asks for every blob. Never throws for what is lost; throws what says that the registry could not be asked.
 */
export async function readAuditTree(registry: Registry, repository: string, top: Digest, deep: boolean): Promise<AuditTree> {
  const signed = new Set<Digest>();
  const visited = new Set<Digest>();
  const lostChildren: Lost[] = [];
  const blobs = new Map<Digest, Descriptor>();

  async function read(digest: Digest): Promise<ImageManifest | undefined> {
    try {
      return parseImageManifest(await registry.readManifest(repository, digest));
    } catch (error) {
      if (!isAppError(error) || !lostCodes.includes(error.code)) throw error;
      lostChildren.push({ digest, why: error.code === "registry.manifest-unknown" ? "is gone" : "is damaged" });
      return undefined;
    }
  }

  async function visit(digest: Digest, isAttestation: boolean, isIndex: boolean, depth: number): Promise<void> {
    if (visited.has(digest)) return;
    visited.add(digest);
    if (depth > deepest || visited.size > mostManifests)
      throw appError("registry.manifest-invalid", `image ${top} is nested too deeply or too wide`);
    if (!isAttestation || isIndex) signed.add(digest);
    if (!isIndex && !deep && depth > 0) {
      if ((await registry.findManifest(repository, digest)) === undefined) lostChildren.push({ digest, why: "is gone" });
      return;
    }
    const image = await read(digest);
    if (image?.kind === "index") {
      await mapConcurrently(image.children, atOnce, ({ descriptor, isAttestation: attests }) =>
        visit(descriptor.digest, attests, isIndexMediaType(descriptor.mediaType), depth + 1),
      );
    } else if (image !== undefined) {
      for (const blob of [image.config, ...image.layers]) if (!isForeignLayer(blob)) blobs.set(blob.digest, blob);
    }
  }

  await visit(top, false, false, 0);
  const lostBlobs = deep
    ? (
        await mapConcurrently(
          [...blobs.keys()],
          atOnce,
          async (digest): Promise<readonly Lost[]> => ((await registry.hasBlob(repository, digest)) ? [] : [{ digest, why: "is gone" }]),
        )
      ).flat()
    : [];
  return { signed: [...signed], lostChildren, lostBlobs };
}
