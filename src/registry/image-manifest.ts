import { z } from "zod";
import { type Digest, digestOf, isDigest } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";
import type { Manifest } from "./registry.ts";

/** OCI image-spec v1.1 descriptor, as far as flibs uses it. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly artifactType?: string;
}

export interface ImagePlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly osVersion?: string;
  readonly osFeatures?: readonly string[];
}

export interface IndexChild {
  readonly descriptor: Descriptor;
  readonly platform: ImagePlatform | undefined;
  /** BuildKit's provenance and SBOM entries (`unknown/unknown`): part of the image, but no platform of it. */
  readonly isAttestation: boolean;
}

/** One view on the four manifest types. */
export type ImageManifest =
  | { readonly kind: "index"; readonly mediaType: string; readonly children: readonly IndexChild[]; readonly subject: Digest | undefined }
  | {
      readonly kind: "image";
      readonly mediaType: string;
      readonly config: Descriptor;
      readonly layers: readonly Descriptor[];
      readonly subject: Digest | undefined;
    };

const ociIndex = "application/vnd.oci.image.index.v1+json";
const ociImage = "application/vnd.oci.image.manifest.v1+json";
const dockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
const dockerImage = "application/vnd.docker.distribution.manifest.v2+json";
const mostChildren = 1000;
const mostLayers = 1000;

// Unknown keys are other people's extensions and stay in the bytes; digests and sizes decide what is fetched, so they are exact.
const descriptor = {
  mediaType: z.string().max(255),
  digest: z.string().refine(isDigest, "is not a sha256 digest"),
  size: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  urls: z.array(z.string()).nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
  artifactType: z.string().nullish(),
};
const Descriptor = z.object(descriptor);
const Platform = z.object({
  os: z.string(),
  architecture: z.string(),
  variant: z.string().nullish(),
  "os.version": z.string().nullish(),
  "os.features": z.array(z.string()).nullish(),
});
const common = { schemaVersion: z.literal(2), mediaType: z.string().nullish(), subject: Descriptor.nullish() };
const Index = z.object({
  ...common,
  manifests: z.array(z.object({ ...descriptor, platform: Platform.nullish() })).max(mostChildren),
  config: z.never().optional(),
  layers: z.never().optional(),
});
const Image = z.object({ ...common, config: Descriptor, layers: z.array(Descriptor).max(mostLayers), manifests: z.never().optional() });

export function isIndexMediaType(mediaType: string): boolean {
  return mediaType === ociIndex || mediaType === dockerList;
}

/**
 * Reads exact bytes; throws `registry.manifest-invalid`. A body that could be taken for both an index and an image, or that names another
 * type than the registry did, is refused: two clients would see two images behind one digest (CVE-2021-41190).
 */
export function parseImageManifest(manifest: Manifest): ImageManifest {
  const invalid = (why: string) => appError("registry.manifest-invalid", `manifest ${manifest.digest} ${why}`);
  if (![ociIndex, ociImage, dockerList, dockerImage].includes(manifest.mediaType)) {
    throw invalid(`has the type "${manifest.mediaType.slice(0, 100)}", which is no image`);
  }
  const body = parseJson(manifest.bytes);
  const isIndex = isIndexMediaType(manifest.mediaType);
  const parsed = isIndex ? Index.safeParse(body) : Image.safeParse(body);
  if (!parsed.success) throw invalid(`is not what its type says: ${z.prettifyError(parsed.error).slice(0, 500)}`);
  const { mediaType } = parsed.data;
  if (mediaType !== undefined && mediaType !== null && mediaType !== manifest.mediaType) {
    throw invalid(`calls itself ${mediaType.slice(0, 100)}, the registry ${manifest.mediaType}`);
  }
  const subject = parsed.data.subject?.digest;
  if ("manifests" in parsed.data && parsed.data.manifests !== undefined) {
    return { kind: "index", mediaType: manifest.mediaType, children: parsed.data.manifests.map(toChild), subject };
  }
  const { config, layers } = parsed.data as z.infer<typeof Image>;
  return { kind: "image", mediaType: manifest.mediaType, config: toDescriptor(config), layers: layers.map(toDescriptor), subject };
}

/** Layers that a registry may refuse to hold: base layers of Windows, fetched from their `urls`. */
export function isForeignLayer(layer: Descriptor): boolean {
  return /nondistributable|\.foreign\./.test(layer.mediaType) || (layer.urls?.length ?? 0) > 0;
}

export interface IndexPart {
  readonly descriptor: Pick<Descriptor, "mediaType" | "digest" | "size" | "annotations">;
  readonly platform: ImagePlatform;
}

/**
 * The index over platform images, the same bytes for the same parts in whatever order they come: a docker manifest list when all parts are
 * docker images (old clients read nothing else), else an OCI index. Throws `registry.manifest-invalid` when two parts claim one platform.
 */
export function formatIndex(parts: readonly IndexPart[]): Manifest {
  const sorted = [...parts].sort((a, b) => compare(platformKey(a), platformKey(b)));
  const twice = sorted.find((part, index) => index > 0 && platformKey(part) === platformKey(sorted[index - 1] ?? part));
  if (sorted.length === 0 || twice !== undefined) {
    const what = twice === undefined ? "no part" : `two parts for ${twice.platform.os}/${twice.platform.architecture}`;
    throw appError("registry.manifest-invalid", `an index was to be made of ${what}`);
  }
  const mediaType = sorted.every((part) => part.descriptor.mediaType === dockerImage) ? dockerList : ociIndex;
  const manifests = sorted.map(({ descriptor: { mediaType: type, digest, size, annotations }, platform }) => ({
    mediaType: type,
    digest,
    size,
    ...(annotations === undefined || mediaType === dockerList ? {} : { annotations: sortKeys(annotations) }),
    platform: {
      architecture: platform.architecture,
      os: platform.os,
      ...(platform.osVersion === undefined ? {} : { "os.version": platform.osVersion }),
      ...(platform.osFeatures === undefined ? {} : { "os.features": platform.osFeatures }),
      ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    },
  }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }, undefined, 2));
  return { mediaType, bytes, digest: digestOf(bytes) };
}

function platformKey({ platform }: IndexPart): string {
  return [platform.os, platform.architecture, platform.variant ?? "", platform.osVersion ?? ""].join("/");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sortKeys(record: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => compare(a, b)));
}

function toChild(entry: z.infer<typeof Index>["manifests"][number]): IndexChild {
  const platform = entry.platform ?? undefined;
  const isUnknown = platform?.os === "unknown" && platform.architecture === "unknown";
  const isAttestation = isUnknown || entry.annotations?.["vnd.docker.reference.type"] === "attestation-manifest";
  return { descriptor: toDescriptor(entry), platform: platform && toPlatform(platform), isAttestation };
}

function toPlatform(platform: z.infer<typeof Platform>): ImagePlatform {
  const { os, architecture, variant } = platform;
  const { "os.version": osVersion, "os.features": osFeatures } = platform;
  return {
    os,
    architecture,
    ...(variant ? { variant } : {}),
    ...(osVersion ? { osVersion } : {}),
    ...(osFeatures ? { osFeatures } : {}),
  };
}

function toDescriptor({ mediaType, digest, size, urls, annotations, artifactType }: z.infer<typeof Descriptor>): Descriptor {
  return {
    mediaType,
    digest,
    size,
    ...(urls ? { urls } : {}),
    ...(annotations ? { annotations } : {}),
    ...(artifactType ? { artifactType } : {}),
  };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
