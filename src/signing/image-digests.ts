import type { Digest } from "../domain/digest.ts";
import { isDigest } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";
import type { Manifest, Registry } from "../registry/registry.ts";

/** A digest that needs a signature, and what it is of: `index` or a platform (`linux/arm/v7`). */
export interface ImageDigest {
  readonly digest: Digest;
  readonly what: string;
}

const indexTypes = ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
/** An index in an index in an index is somebody's joke. */
const deepest = 4;
const mostManifests = 200;

/**
 * Every digest below a manifest, itself first: indexes, nested ones too, and each platform's image manifest; attestation entries
 * (`vnd.docker.reference.type`) are left out, nobody runs them. Reads by digest only, after `reference` was resolved once.
 * Throws `registry.manifest-unknown` and `signing.index-unreadable`.
 */
export async function readImageDigests(registry: Registry, repository: string, reference: string): Promise<readonly ImageDigest[]> {
  const found = new Map<Digest, ImageDigest>();
  const walk = async (manifest: Manifest, what: string, depth: number): Promise<void> => {
    found.set(manifest.digest, { digest: manifest.digest, what });
    if (!indexTypes.includes(manifest.mediaType)) return;
    if (depth > deepest || found.size > mostManifests) throw unreadable(manifest.digest, "is too deep or too wide");
    for (const entry of indexEntries(manifest)) {
      if (found.has(entry.digest)) continue;
      if (indexTypes.includes(entry.mediaType)) await walk(await registry.readManifest(repository, entry.digest), "index", depth + 1);
      else found.set(entry.digest, { digest: entry.digest, what: entry.platform });
      if (found.size > mostManifests) throw unreadable(manifest.digest, "is too wide");
    }
  };
  const top = await registry.readManifest(repository, reference);
  await walk(top, indexTypes.includes(top.mediaType) ? "index" : "image", 1);
  return [...found.values()];
}

function indexEntries(manifest: Manifest): readonly { digest: Digest; mediaType: string; platform: string }[] {
  let parsed: { manifests?: unknown };
  try {
    parsed = JSON.parse(new TextDecoder().decode(manifest.bytes)) ?? {};
  } catch {
    throw unreadable(manifest.digest, "is not JSON");
  }
  if (!Array.isArray(parsed.manifests)) throw unreadable(manifest.digest, "has no list of manifests");
  return parsed.manifests.flatMap((entry: Entry | null) => {
    if (typeof entry?.digest !== "string" || !isDigest(entry.digest)) throw unreadable(manifest.digest, "has an entry without a digest");
    if (entry.annotations?.["vnd.docker.reference.type"] !== undefined) return [];
    const { os = "unknown", architecture = "unknown", variant } = entry.platform ?? {};
    const platform = [os, architecture, ...(variant ? [variant] : [])].map(String).join("/");
    return [{ digest: entry.digest, mediaType: String(entry.mediaType), platform }];
  });
}

interface Entry {
  readonly digest?: unknown;
  readonly mediaType?: unknown;
  readonly platform?: { readonly os?: string; readonly architecture?: string; readonly variant?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

function unreadable(digest: Digest, why: string) {
  return appError("signing.index-unreadable", `manifest list ${digest} ${why}`);
}
