import { createHash } from "node:crypto";
import { digestHex } from "../domain/digest.ts";
import type { Maker } from "./document.ts";
import type { ContainedPackage, ImageContents } from "./image-contents.ts";

/**
 * CycloneDX 1.6 of one image (cyclonedx.org/docs/1.6/json). The serial number is made of the image's digest, so the same image gives the same
 * bytes.
 */
export function cycloneDxDocument(contents: ImageContents, maker: Maker) {
  const { image, packages } = contents;
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${nameUuid(`${contents.repository}@${contents.digest}`)}`,
    version: 1,
    metadata: {
      timestamp: contents.createdAt,
      tools: { components: [{ type: "application", name: maker.name, version: maker.version }] },
      component: {
        type: "container",
        "bom-ref": "image",
        name: contents.name,
        version: contents.version,
        hashes: [{ alg: "SHA-256", content: digestHex(contents.digest) }],
        purl: contents.purl,
        ...(image.rpmProblem === undefined ? {} : { properties: [{ name: "flibs:rpm:problem", value: image.rpmProblem }] }),
      },
    },
    components: [...operatingSystem(contents), ...packages.map(component)],
    // What COPY and RUN brought in without a package is not listed.
    compositions: [{ aggregate: "incomplete", assemblies: ["image"] }],
  };
}

function operatingSystem({ image: { distribution } }: ImageContents) {
  if (distribution === undefined) return [];
  const version = distribution.version === undefined ? {} : { version: distribution.version };
  return [{ type: "operating-system", "bom-ref": "operating-system", name: distribution.id, ...version }];
}

function component({ rpm, id, purl, version, license }: ContainedPackage) {
  const properties = [
    { name: "flibs:rpm:keyId", value: rpm.keyId },
    { name: "flibs:rpm:sigmd5", value: rpm.sigmd5 },
    { name: "flibs:rpm:sourceRpm", value: rpm.sourceRpm },
  ].filter(({ value }) => value !== undefined);
  return {
    type: "library",
    "bom-ref": id,
    ...(rpm.vendor === undefined ? {} : { supplier: { name: rpm.vendor } }),
    name: rpm.name,
    version,
    ...licenses(license, rpm.license),
    purl,
    ...(properties.length === 0 ? {} : { properties }),
  };
}

function licenses({ expression, isSpdx }: ContainedPackage["license"], words: string | undefined) {
  if (expression === "NOASSERTION") return {};
  if (isSpdx) return { licenses: [{ expression, acknowledgement: "declared" }] };
  return { licenses: [{ license: { name: words?.trim(), acknowledgement: "declared" } }] };
}

const urlNamespace = Buffer.from("6ba7b8119dad11d180b400c04fd430c8", "hex");

/** RFC 9562, version 5, in the namespace of URLs. */
export function nameUuid(name: string): string {
  const bytes = createHash("sha1").update(urlNamespace).update(name).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
