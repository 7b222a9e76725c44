import { z } from "zod";
import { type Digest, digestOf, isDigest } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";
import type { Manifest, ManifestDescriptor } from "./registry.ts";

/** Something that is said about an image and stands beside it: one blob, and the digest that it is about. */
export interface Artifact {
  readonly artifactType: string;
  readonly subject: ManifestDescriptor;
  /** The only layer. */
  readonly layer: ManifestDescriptor;
  readonly annotations: Readonly<Record<string, string>>;
}

export const ociImage = "application/vnd.oci.image.manifest.v1+json";
/** What stands where an image has its configuration: `{}`. */
export const emptyConfig = Buffer.from("{}");
const emptyType = "application/vnd.oci.empty.v1+json";
/** Artifacts have one layer and a few short annotations; what is larger is none of ours. */
export const largestArtifactManifest = 65_536;

const Descriptor = z.object({
  mediaType: z.string().max(255),
  digest: z.string().refine(isDigest, "is not a sha256 digest"),
  size: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
});
const ArtifactManifest = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.literal(ociImage),
  artifactType: z.string().min(1).max(255),
  config: Descriptor,
  layers: z.array(Descriptor).length(1),
  subject: Descriptor,
  annotations: z.record(z.string(), z.string()).optional(),
});

/** OCI image-spec v1.1, "Guidelines for Artifact Usage"; the same bytes for the same artifact. */
export function formatArtifact({ artifactType, subject, layer, annotations }: Artifact): Manifest {
  const config = { mediaType: emptyType, digest: digestOf(emptyConfig), size: emptyConfig.length };
  const sorted = Object.fromEntries(Object.entries(annotations).sort(([a], [b]) => (a < b ? -1 : 1)));
  const body = { schemaVersion: 2, mediaType: ociImage, artifactType, config, layers: [plain(layer)], subject: plain(subject) };
  const bytes = Buffer.from(JSON.stringify({ ...body, annotations: sorted }));
  return { mediaType: ociImage, bytes, digest: digestOf(bytes) };
}

/** An artifact with a subject and one layer; throws `registry.manifest-invalid` for anything else that may stand in a list of referrers. */
export function parseArtifact({ bytes, digest, mediaType }: Manifest): Artifact {
  const invalid = (why: string) => appError("registry.manifest-invalid", `${digest} is no artifact about an image: ${why}`);
  if (mediaType !== ociImage) throw invalid(`it is ${mediaType.slice(0, 100)}`);
  if (bytes.length > largestArtifactManifest) throw invalid(`it has ${bytes.length} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw invalid("it is no JSON");
  }
  const parsed = ArtifactManifest.safeParse(value);
  if (!parsed.success) throw invalid(z.prettifyError(parsed.error).slice(0, 300));
  const { artifactType, subject, layers, annotations = {} } = parsed.data;
  const [layer] = layers;
  if (layer === undefined) throw invalid("it has no layer");
  return { artifactType, subject, layer, annotations };
}

function plain({ mediaType, digest, size }: ManifestDescriptor): { mediaType: string; digest: Digest; size: number } {
  return { mediaType, digest, size };
}
