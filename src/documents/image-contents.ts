import { createHash } from "node:crypto";
import type { BuildRecord, BuiltImage, InstalledRpm } from "../builds/build-record.ts";
import type { Digest } from "../domain/digest.ts";
import { platformArchitecture, rpmArchitecture } from "../domain/platform.ts";
import { type License, parseLicense } from "./license-expression.ts";
import { imagePurl, rpmPurl } from "./package-url.ts";

/** What every bill of materials of one image says, whatever its format. */
export interface ImageContents {
  /** `candidate.example/f42/cockpit` */
  readonly repository: string;
  readonly name: string;
  /** `{version}-{release}`, or the unique tag of a scratch build. */
  readonly version: string;
  readonly digest: Digest;
  /** RPM's name of it, as in the document's own name. */
  readonly architecture: string;
  readonly purl: string;
  readonly image: BuiltImage;
  readonly packages: readonly ContainedPackage[];
  /** Of the build, to the second: the image has it as its label `build-date`. */
  readonly createdAt: string;
}

export interface ContainedPackage {
  readonly rpm: InstalledRpm;
  /** Unique in the document, the same in every document that has the package; letters, digits, dots and dashes. */
  readonly id: string;
  readonly purl: string;
  /** `[epoch:]version-release` */
  readonly version: string;
  readonly license: License;
}

/** Undefined for an image that was never pushed, or whose build has no plan: a bill of materials is of a digest. */
export function imageContents(build: BuildRecord, image: BuiltImage, publicName: string): ImageContents | undefined {
  if (image.digest === undefined || build.plan === undefined) return undefined;
  const repository = `${publicName}/${build.plan.imageRepository}`;
  return {
    repository,
    name: build.plan.imageRepository,
    version: build.plan.primaryTag ?? build.plan.uniqueTag,
    digest: image.digest,
    architecture: rpmArchitecture(image.platform),
    purl: imagePurl(repository, image.digest, platformArchitecture(image.platform)),
    image,
    packages: containedPackages(image),
    createdAt: toSeconds(build.createdAt),
  };
}

/** SPDX knows no fractions of a second. */
export function toSeconds(at: string): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** Each once, in an order that depends on nothing but the packages. A database that names one package twice is not to be believed twice. */
function containedPackages({ rpms, distribution }: BuiltImage): readonly ContainedPackage[] {
  const found = new Map<string, ContainedPackage>();
  for (const rpm of rpms) {
    const purl = rpmPurl(rpm, distribution);
    const hash = createHash("sha256").update(JSON.stringify([purl, rpm.sigmd5, rpm.license, rpm.sourceRpm, rpm.vendor, rpm.keyId]));
    const id = `${rpm.name.replace(/[^A-Za-z0-9.-]+/g, "-").slice(0, 100)}-${hash.digest("hex").slice(0, 16)}`;
    const version = `${rpm.epoch === undefined ? "" : `${rpm.epoch}:`}${rpm.version}-${rpm.release}`;
    found.set(id, { rpm, id, purl, version, license: parseLicense(rpm.license) });
  }
  return [...found.values()].sort((a, b) => compare(a.purl, b.purl) || compare(a.id, b.id));
}

export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
