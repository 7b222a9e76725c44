import type { Digest } from "../domain/digest.ts";
import { isTag } from "../domain/image-reference.ts";
import { type ImagePlatform, isIndexMediaType, parseImageManifest } from "../registry/image-manifest.ts";
import type { Manifest, Registry } from "../registry/registry.ts";

/** A manifest below an index, and the end of the tag that keeps garbage collection from it. */
export interface ImageChild {
  readonly digest: Digest;
  /** `amd64`, `arm-v7`, `windows-amd64`; of what is no platform (an index in between, an attestation) the beginning of its digest. */
  readonly suffix: string;
}

/** What a repository has of an image. */
export interface FoundImage {
  /** Every manifest below it is there, too. */
  readonly whole: boolean;
  /** Of an index, each digest once; none of a single image. */
  readonly children: readonly ImageChild[];
}

const deepest = 4;
const mostManifests = 200;

/**
 * Looks at an image and all manifests below it, by digest; undefined when the repository does not have it. Reads indexes and asks for the others
 * by HEAD. Throws `registry.manifest-invalid` for what is no image.
 */
export async function findImage(registry: Registry, repository: string, top: Digest): Promise<FoundImage | undefined> {
  const found = await registry.findManifest(repository, top);
  if (!found) return undefined;
  if (!isIndexMediaType(found.mediaType)) return { whole: true, children: [] };
  const wanted = new Map<Digest, string>();
  let whole = true;
  const walk = async (manifest: Manifest, depth: number): Promise<void> => {
    const image = parseImageManifest(manifest);
    for (const { descriptor, platform, isAttestation } of image.kind === "index" ? image.children : []) {
      if (descriptor.digest === top || wanted.has(descriptor.digest)) continue;
      if (depth > deepest || wanted.size >= mostManifests) {
        whole = false;
        return;
      }
      const isIndex = isIndexMediaType(descriptor.mediaType);
      wanted.set(descriptor.digest, isAttestation || isIndex || !platform ? shortOf(descriptor.digest) : suffixOf(platform));
      const there = await registry.findManifest(repository, descriptor.digest);
      if (!there) whole = false;
      else if (isIndex) await walk(await registry.readManifest(repository, descriptor.digest), depth + 1);
    }
  };
  await walk(await registry.readManifest(repository, top), 1);
  return { whole, children: distinct(wanted) };
}

/** Two that would have one name get their digests' beginnings instead, both of them: no order of the index decides. */
function distinct(wanted: ReadonlyMap<Digest, string>): readonly ImageChild[] {
  const count = new Map<string, number>();
  for (const suffix of wanted.values()) count.set(suffix, (count.get(suffix) ?? 0) + 1);
  return [...wanted].map(([digest, suffix]) => ({ digest, suffix: (count.get(suffix) ?? 0) > 1 ? shortOf(digest) : suffix }));
}

/** The index is hostile text: what no tag can have becomes its digest's beginning, see {@link childTag}. */
function suffixOf({ os, architecture, variant }: ImagePlatform): string {
  return [...(os === "linux" ? [] : [os]), architecture, ...(variant ? [variant] : [])].join("-");
}

function shortOf(digest: Digest): string {
  return digest.slice("sha256:".length, "sha256:".length + 12);
}

/** `323-1.fc40` and a child give `323-1.fc40-amd64`. Nothing is cut (DG15): the result may be too long for a tag. Pure. */
export function childTag(release: string, { digest, suffix }: ImageChild): string {
  const tag = `${release}-${suffix}`;
  return isTag(tag) || !isTag(`${release}-${shortOf(digest)}`) ? tag : `${release}-${shortOf(digest)}`;
}
