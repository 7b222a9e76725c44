import type { Digest } from "../../domain/digest.ts";
import { digestHex, digestOf, isDigest } from "../../domain/digest.ts";
import { appError } from "../../domain/errors.ts";
import type { Manifest } from "../../registry/registry.ts";

/**
 * The image manifest at `sha256-<hex>.sig` that holds an image's cosign signatures, one layer for each (sigstore/cosign
 * `specs/SIGNATURE_SPEC.md`). Layers that are not ours to read are kept as they are.
 */
export interface SigLayer {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const payloadMediaType = "application/vnd.dev.cosign.simplesigning.v1+json";
export const signatureAnnotation = "dev.cosignproject.cosign/signature";
const manifestMediaType = "application/vnd.oci.image.manifest.v1+json";
const configMediaType = "application/vnd.oci.image.config.v1+json";
/** As many as we read of the other kind; a manifest with more is somebody's joke. */
export const mostLayers = 128;

/** Tag in the image's own repository under which its signatures stand. */
export function sigTag(digest: Digest): string {
  return `sha256-${digestHex(digest)}.sig`;
}

/** The layers, in their order. Throws `signing.sig-unreadable` for what is no such manifest; its bytes come from a registry. */
export function parseSigManifest(manifest: Manifest): readonly SigLayer[] {
  const refuse = (why: string) => appError("signing.sig-unreadable", `the manifest ${manifest.digest} ${why}`);
  if (manifest.mediaType !== manifestMediaType) throw refuse(`is of type ${manifest.mediaType.slice(0, 100)}`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(manifest.bytes));
  } catch {
    throw refuse("is not JSON");
  }
  const layers = isRecord(value) ? value.layers : undefined;
  if (!Array.isArray(layers)) throw refuse("has no list of layers");
  if (layers.length > mostLayers) throw refuse(`has more than ${mostLayers} layers`);
  return layers.map((layer: unknown, index) => {
    const found = parseLayer(layer);
    if (found) return found;
    throw refuse(`has a layer ${index + 1} that is no descriptor`);
  });
}

function parseLayer(value: unknown): SigLayer | undefined {
  if (!isRecord(value)) return undefined;
  const { mediaType, digest, size, annotations, ...more } = value;
  if (typeof mediaType !== "string" || typeof digest !== "string" || !isDigest(digest)) return undefined;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return undefined;
  if (annotations === undefined) return { ...more, mediaType, digest, size };
  if (!isRecord(annotations) || !Object.values(annotations).every((text) => typeof text === "string")) return undefined;
  return { ...more, mediaType, digest, size, annotations: annotations as Record<string, string> };
}

/** One signature; `payload` are the bytes that were signed, which the registry keeps as a blob. */
export function sigLayer(payload: Uint8Array, signature: Uint8Array): SigLayer {
  const annotations = { [signatureAnnotation]: Buffer.from(signature).toString("base64") };
  return { mediaType: payloadMediaType, digest: digestOf(payload), size: payload.length, annotations };
}

/** The manifest with these layers, and the configuration blob that it wants beside it. No time stands in it: the same layers give the same bytes. */
export function formatSigManifest(layers: readonly SigLayer[]): { readonly manifest: Manifest; readonly config: Uint8Array } {
  const config = bytesOf({
    architecture: "",
    config: {},
    os: "",
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.digest) },
  });
  const bytes = bytesOf({
    schemaVersion: 2,
    mediaType: manifestMediaType,
    config: { mediaType: configMediaType, digest: digestOf(config), size: config.length },
    layers,
  });
  return { manifest: { mediaType: manifestMediaType, bytes, digest: digestOf(bytes) }, config };
}

function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
