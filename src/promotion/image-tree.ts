import { z } from "zod";
import type { Digest } from "../domain/digest.ts";
import { isDigest } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";
import type { Manifest, Registry } from "../registry/registry.ts";

/** One platform of an image as it stands in a registry. */
export interface PlatformImage {
  /** `linux/amd64`, with the variant when there is one. */
  readonly platform: string;
  readonly digest: Digest;
  readonly config: Digest;
  /** Compressed. */
  readonly layers: readonly { readonly digest: Digest; readonly size: number }[];
}

export interface ImageTree {
  readonly digest: Digest;
  readonly isIndex: boolean;
  readonly platforms: readonly PlatformImage[];
}

const mostManifests = 200;
const digest = z.string().refine(isDigest);
const Descriptor = z.object({ digest, mediaType: z.string().default(""), size: z.number().nonnegative().default(0) });
const Index = z.object({
  manifests: z
    .array(
      Descriptor.extend({
        platform: z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() }).optional(),
        annotations: z.record(z.string(), z.string()).optional(),
      }),
    )
    .max(mostManifests),
});
const Image = z.object({ config: Descriptor, layers: z.array(Descriptor.extend({ urls: z.array(z.string()).optional() })).max(1000) });
const Config = z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() });

export function isIndexType(mediaType: string): boolean {
  return mediaType.includes("image.index") || mediaType.includes("manifest.list");
}

/**
 * Everything below a digest, by digest only; attestation entries are left out. A missing child throws `registry.manifest-unknown`,
 * something that is no image `promotion.image-unreadable`.
 */
export async function readImageTree(registry: Registry, repository: string, top: Digest): Promise<ImageTree> {
  const manifest = await registry.readManifest(repository, top);
  const platforms: PlatformImage[] = [];
  let seen = 0;
  const walk = async (one: Manifest, platform: string | undefined, depth: number): Promise<void> => {
    seen += 1;
    if (depth > 4 || seen > mostManifests) throw unreadable(top, "is nested too deeply or too wide");
    if (!isIndexType(one.mediaType)) {
      const image = parse(Image, one, top);
      const name = platform ?? (await readPlatform(registry, repository, image.config.digest, top));
      platforms.push({
        platform: name,
        digest: one.digest,
        config: image.config.digest,
        layers: image.layers.filter((layer) => !layer.urls),
      });
      return;
    }
    for (const entry of parse(Index, one, top).manifests) {
      if (entry.annotations?.["vnd.docker.reference.type"] !== undefined) continue;
      await walk(await registry.readManifest(repository, entry.digest), entry.platform && formatPlatform(entry.platform), depth + 1);
    }
  };
  await walk(manifest, undefined, 1);
  return { digest: top, isIndex: isIndexType(manifest.mediaType), platforms };
}

async function readPlatform(registry: Registry, repository: string, config: Digest, top: Digest): Promise<string> {
  const bytes = await registry.readBlob(repository, config, 4 * 1024 * 1024);
  return formatPlatform(parse(Config, { bytes }, top));
}

function formatPlatform(platform: { os: string; architecture: string; variant?: string | undefined }): string {
  return [platform.os, platform.architecture, ...(platform.variant ? [platform.variant] : [])].join("/");
}

function parse<T>(schema: z.ZodType<T>, { bytes }: { readonly bytes: Uint8Array }, top: Digest): T {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw unreadable(top, "has a part that is not JSON");
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw unreadable(top, "has a part that is no image manifest");
  return parsed.data;
}

function unreadable(top: Digest, why: string) {
  return appError("promotion.image-unreadable", `image ${top} ${why}`, { hint: "Build it again" });
}
