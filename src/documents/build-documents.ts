import { buildMetadata } from "../koji/build-metadata.ts";
import { checkMetadata } from "../koji/check-metadata.ts";
import { icmName, imageContentManifest } from "../koji/image-content-manifest.ts";
import { cycloneDxDocument } from "./cyclonedx.ts";
import { type BuildDocument, formatJson, mediaTypes } from "./document.ts";
import { metadataName, provenanceName, sbomNames } from "./document-names.ts";
import { type FinishedBuild, pushedImages } from "./finished-build.ts";
import { imageContents } from "./image-contents.ts";
import { provenanceStatement } from "./provenance.ts";
import { spdxDocument } from "./spdx.ts";

/**
 * Everything that is kept with a finished build beside its record: Koji's metadata and the contents it names, bills of materials of each
 * image, and provenance, which names all others by their digests. Pure. Throws `koji.metadata-invalid`.
 */
export function buildDocuments(finished: FinishedBuild): readonly BuildDocument[] {
  const { build, maker, publicName } = finished;
  const contents = pushedImages(build).flatMap((image) => imageContents(build, image, publicName) ?? []);
  const boms = contents.flatMap((one) => [
    { name: sbomNames.spdx(one.architecture), mediaType: mediaTypes.spdx, text: formatJson(spdxDocument(one, maker)) },
    { name: sbomNames.cyclonedx(one.architecture), mediaType: mediaTypes.cycloneDx16, text: formatJson(cycloneDxDocument(one, maker)) },
  ]);
  // Of an image without RPMs there is nothing to say, and a hub has to be taught the type first.
  const icms = contents
    .filter((one) => one.packages.length > 0)
    .map((one) => ({
      name: icmName(one.architecture),
      mediaType: mediaTypes.cycloneDx14,
      text: formatJson(imageContentManifest(one, build.plan?.parents ?? [])),
    }));
  const metadata = {
    name: metadataName,
    mediaType: mediaTypes.json,
    text: formatJson(checkMetadata(buildMetadata(finished, icms))),
  };
  const before = [metadata, ...icms, ...boms];
  const provenance = { name: provenanceName, mediaType: mediaTypes.inToto, text: formatJson(provenanceStatement(finished, before)) };
  return [...before, provenance];
}
