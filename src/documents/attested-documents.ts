import type { BuildRecord } from "../builds/build-record.ts";
import { type Digest, digestOf } from "../domain/digest.ts";
import { type Platform, platformArchitecture, rpmArchitecture } from "../domain/platform.ts";
import { parseImageManifest } from "../registry/image-manifest.ts";
import type { Manifest, ManifestDescriptor } from "../registry/registry.ts";
import { predicateTypes } from "../signing/predicate-types.ts";
import { formatStatement } from "../signing/statement.ts";
import type { WantedAttestation } from "../signing/wanted-attestation.ts";
import type { BuildDocument } from "./document.ts";
import { provenanceName, sbomNames } from "./document-names.ts";
import { pushedImages } from "./finished-build.ts";
import { toSeconds } from "./image-contents.ts";
import { imagePurl } from "./package-url.ts";

/** A manifest list and the images of its platforms, as the registry describes them. Attestation entries of other builders are no platforms. */
export interface AttestedImage {
  readonly top: ManifestDescriptor;
  readonly platforms: ReadonlyMap<Digest, ManifestDescriptor>;
}

/** Throws `registry.manifest-invalid`. */
export function attestedImage(manifest: Manifest): AttestedImage {
  const image = parseImageManifest(manifest);
  const children = image.kind === "index" ? image.children.filter((child) => !child.isAttestation) : [];
  const plain = ({ mediaType, digest, size }: ManifestDescriptor): ManifestDescriptor => ({ mediaType, digest, size });
  return {
    top: { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.bytes.length },
    platforms: new Map(children.map(({ descriptor }) => [descriptor.digest, plain(descriptor)])),
  };
}

/** Names of the documents that {@link attestedDocuments} attaches, of a build of these platforms. */
export function attestedNames(platforms: readonly Platform[]): readonly string[] {
  return [provenanceName, ...platforms.flatMap((one) => [sbomNames.spdx(rpmArchitecture(one)), sbomNames.cyclonedx(rpmArchitecture(one))])];
}

/**
 * What a build's documents say about its images: provenance about the manifest list and each platform's image, both bills of materials about
 * the platform's. Pure: the same documents give the same statements, so that anybody's copy can be compared. `publicName` is the host that
 * candidates are pulled from.
 */
export function attestedDocuments(
  build: BuildRecord,
  documents: readonly BuildDocument[],
  image: AttestedImage,
  publicName: string,
): readonly WantedAttestation[] {
  const createdAt = toSeconds(build.createdAt);
  const named = (name: string) => documents.find((one) => one.name === name);
  const provenance = named(provenanceName);
  const about = (subject: ManifestDescriptor, predicateType: string, statement: string, unsigned: WantedAttestation["unsigned"]) => {
    return { subject, predicateType, statement, unsigned, key: digestOf(statement), createdAt };
  };
  const made = [image.top, ...image.platforms.values()].flatMap((subject) =>
    provenance === undefined ? [] : [about(subject, predicateTypes.provenance, provenance.text, plainDocument(provenance))],
  );
  const contents = pushedImages(build).flatMap(({ digest, platform }) => {
    const subject = image.platforms.get(digest) ?? (image.top.digest === digest ? image.top : undefined);
    if (subject === undefined) return [];
    const name = imagePurl(`${publicName}/${build.plan?.imageRepository}`, digest, platformArchitecture(platform));
    return (["spdx", "cyclonedx"] as const).flatMap((format) => {
      const document = named(sbomNames[format](rpmArchitecture(platform)));
      if (document === undefined) return [];
      const statement = formatStatement(name, digest, predicateTypes[format], JSON.parse(document.text));
      return [about(subject, predicateTypes[format], statement, plainDocument(document))];
    });
  });
  return [...made, ...contents];
}

/** A media type without parameters, which is what an artifact's type may be. */
function plainDocument({ mediaType, text }: BuildDocument): WantedAttestation["unsigned"] {
  return { mediaType: mediaType.split(";")[0] ?? mediaType, text };
}
