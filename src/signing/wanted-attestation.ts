import { digestOf } from "../domain/digest.ts";
import { formatArtifact } from "../registry/artifact-manifest.ts";
import type { Manifest, ManifestDescriptor } from "../registry/registry.ts";
import { bundleType } from "./sigstore-bundle.ts";

/** Something that is to be said about an image. */
export interface WantedAttestation {
  readonly subject: ManifestDescriptor;
  readonly predicateType: string;
  /** The in-toto statement: exactly what is signed. */
  readonly statement: string;
  /** What is attached where there is no key: a document as its readers know it. */
  readonly unsigned: { readonly mediaType: string; readonly text: string };
  /** What makes two of them the same: a digest that stands in {@link keyAnnotation}. */
  readonly key: string;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** Of what flibs attaches, so that it finds its own again without reading everything. Anybody can write it: what it leads to is verified. */
export const keyAnnotation = "flibs.attestation.key";
export const predicateAnnotation = "dev.sigstore.bundle.predicateType";

/** What is attached for a bundle, or without one for the bare document. Pure: the same bytes give the same artifact. */
export function artifactOf(wanted: WantedAttestation, bundle: Uint8Array | undefined): { artifact: Manifest; blob: Uint8Array } {
  const blob = bundle ?? Buffer.from(wanted.unsigned.text);
  const type = bundle === undefined ? wanted.unsigned.mediaType : bundleType;
  const annotations = {
    ...(bundle === undefined ? {} : { "dev.sigstore.bundle.content": "dsse-envelope" }),
    [predicateAnnotation]: wanted.predicateType,
    [keyAnnotation]: wanted.key,
    "org.opencontainers.image.created": wanted.createdAt,
  };
  const layer = { mediaType: type, digest: digestOf(blob), size: blob.length };
  return { artifact: formatArtifact({ artifactType: type, subject: wanted.subject, layer, annotations }), blob };
}
