import type { Digest } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";
import { type ImagePlatform, isIndexMediaType, parseImageManifest } from "../registry/image-manifest.ts";
import type { Manifest, Registry } from "../registry/registry.ts";

/** A digest that needs a signature, and what it is of: `index` or a platform (`linux/arm/v7`). */
export interface ImageDigest {
  readonly digest: Digest;
  readonly what: string;
}

/** An index in an index in an index is somebody's joke. */
const deepest = 4;
const mostManifests = 200;

/**
 * Every digest below a manifest, itself first: indexes, nested ones too, and each platform's image manifest; attestation entries
 * (`vnd.docker.reference.type`) are left out, nobody runs them. Reads by digest only, after `reference` was resolved once.
 * Throws `registry.manifest-unknown`, `registry.manifest-invalid` and `signing.index-unreadable` (too deep or too wide).
 */
export async function readImageDigests(registry: Registry, repository: string, reference: string): Promise<readonly ImageDigest[]> {
  const found = new Map<Digest, ImageDigest>();
  const walk = async (manifest: Manifest, what: string, depth: number): Promise<void> => {
    found.set(manifest.digest, { digest: manifest.digest, what });
    if (!isIndexMediaType(manifest.mediaType)) return;
    if (depth > deepest || found.size > mostManifests) throw unreadable(manifest.digest, "is too deep or too wide");
    const image = parseImageManifest(manifest);
    for (const { descriptor, platform, isAttestation } of image.kind === "index" ? image.children : []) {
      if (found.has(descriptor.digest)) continue;
      const isIndex = isIndexMediaType(descriptor.mediaType);
      if (isAttestation && !isIndex) continue;
      if (isIndex) await walk(await registry.readManifest(repository, descriptor.digest), "index", depth + 1);
      else found.set(descriptor.digest, { digest: descriptor.digest, what: formatPlatform(platform) });
      if (found.size > mostManifests) throw unreadable(manifest.digest, "is too wide");
    }
  };
  const top = await registry.readManifest(repository, reference);
  await walk(top, isIndexMediaType(top.mediaType) ? "index" : "image", 1);
  return [...found.values()];
}

function formatPlatform(platform: ImagePlatform | undefined): string {
  const { os = "unknown", architecture = "unknown", variant } = platform ?? {};
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}

function unreadable(digest: Digest, why: string) {
  return appError("signing.index-unreadable", `manifest list ${digest} ${why}`);
}
