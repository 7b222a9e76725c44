import type { PinnedParent } from "../builds/build-record.ts";
import type { ImageContents } from "../documents/image-contents.ts";

/** `icm-x86_64.json` */
export function icmName(architecture: string): string {
  return `icm-${architecture}.json`;
}

/**
 * Koji's archive of type `icm`: CycloneDX 1.4 with OSBS's own `build_dependency` on each component and `incompleteness_reasons` beside
 * them. What the base image brought stands in the image's own RPM database; what images of other stages brought is not known.
 */
export function imageContentManifest(contents: ImageContents, parents: readonly PinnedParent[]) {
  const base = contents.image.parts?.base?.written;
  const builders = parents
    .filter(({ written }) => written !== base)
    .map(({ nvr, written }) => `parent build '${nvr ?? written}' is missing SBOM`);
  const reasons = [...builders, ...(contents.image.rpmProblem === undefined ? [] : [contents.image.rpmProblem])].toSorted();
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.4",
    version: 1,
    components: contents.packages.map(({ rpm, purl, version }) => ({
      type: "library",
      name: rpm.name,
      version,
      purl,
      build_dependency: false,
    })),
    ...(reasons.length === 0 ? {} : { incompleteness_reasons: reasons.map((description) => ({ type: "other", description })) }),
  };
}
