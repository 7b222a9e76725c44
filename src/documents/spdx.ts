import { digestHex } from "../domain/digest.ts";
import type { Maker } from "./document.ts";
import { type ContainedPackage, compare, type ImageContents } from "./image-contents.ts";

/**
 * SPDX 2.3 of one image (spdx.github.io/spdx-spec/v2.3): the image CONTAINS each RPM. The document's namespace is made of the image's digest, so
 * the same image gives the same bytes. Licences are what packages declare; flibs concludes nothing.
 */
export function spdxDocument(contents: ImageContents, maker: Maker) {
  const references = new Map(contents.packages.flatMap(({ license }) => [...license.references]));
  const describes = { spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: "SPDXRef-Image" };
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `${contents.name}-${contents.version}.${contents.architecture}`,
    documentNamespace: `${maker.url}/spdx/${contents.name}/${digestHex(contents.digest)}`,
    creationInfo: { created: contents.createdAt, creators: [`Tool: ${maker.name}-${maker.version}`] },
    ...(contents.image.rpmProblem === undefined ? {} : { comment: `The list of packages is not complete: ${contents.image.rpmProblem}` }),
    packages: [imagePackage(contents), ...contents.packages.map(rpmPackage)],
    ...(references.size === 0 ? {} : { hasExtractedLicensingInfos: extractedLicenses(references) }),
    relationships: [describes, ...contents.packages.map(({ id }) => contains(id))],
  };
}

/** Members that every package has and nobody here knows anything about. */
const unknown = {
  downloadLocation: "NOASSERTION",
  filesAnalyzed: false,
  licenseConcluded: "NOASSERTION",
  copyrightText: "NOASSERTION",
} as const;

function imagePackage({ name, version, digest, purl }: ImageContents) {
  return {
    SPDXID: "SPDXRef-Image",
    name,
    versionInfo: version,
    ...unknown,
    supplier: "NOASSERTION",
    licenseDeclared: "NOASSERTION",
    checksums: [{ algorithm: "SHA256", checksumValue: digestHex(digest) }],
    externalRefs: [purlReference(purl)],
    primaryPackagePurpose: "CONTAINER",
  };
}

function rpmPackage({ rpm, id, purl, version, license }: ContainedPackage) {
  const vendor = oneLine(rpm.vendor ?? "");
  return {
    SPDXID: `SPDXRef-Package-${id}`,
    name: rpm.name,
    versionInfo: version,
    ...unknown,
    supplier: vendor === "" ? "NOASSERTION" : `Organization: ${vendor}`,
    licenseDeclared: license.expression,
    ...(rpm.sourceRpm === undefined ? {} : { sourceInfo: `built from ${oneLine(rpm.sourceRpm)}` }),
    ...(rpm.keyId === undefined ? {} : { comment: `signed with the key ${rpm.keyId}` }),
    externalRefs: [purlReference(purl)],
    primaryPackagePurpose: "LIBRARY",
  };
}

function purlReference(purl: string) {
  return { referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: purl };
}

function contains(id: string) {
  return { spdxElementId: "SPDXRef-Image", relationshipType: "CONTAINS", relatedSpdxElement: `SPDXRef-Package-${id}` };
}

function extractedLicenses(references: ReadonlyMap<string, string>) {
  return [...references]
    .sort(([a], [b]) => compare(a, b))
    .map(([licenseId, extractedText]) => ({ licenseId, extractedText, name: licenseId.slice("LicenseRef-".length) }));
}

/** SPDX's text format is read by lines. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
