import { PackageURL } from "packageurl-js";
import type { Distribution, InstalledRpm } from "../builds/build-record.ts";
import type { Digest } from "../domain/digest.ts";

/** `pkg:rpm/fedora/bash@5.2.37-1.fc42?arch=x86_64&distro=fedora-42`; without a distribution no namespace says whose package it is. */
export function rpmPurl(rpm: InstalledRpm, distribution: Distribution | undefined): string {
  const distro = distribution && [distribution.id, distribution.version].filter((part) => part !== undefined).join("-");
  const qualifiers = {
    ...(rpm.arch ? { arch: rpm.arch } : {}),
    ...(distro === undefined ? {} : { distro }),
    ...(rpm.epoch === undefined ? {} : { epoch: String(rpm.epoch) }),
  };
  return new PackageURL(
    "rpm",
    distribution?.id,
    rpm.name.toWellFormed(),
    `${rpm.version}-${rpm.release}`.toWellFormed(),
    qualifiers,
    undefined,
  ).toString();
}

/** `pkg:oci/cockpit@sha256%3A…?arch=amd64&repository_url=…`: an image by its digest. `repository` is `registry/path/name`. */
export function imagePurl(repository: string, digest: Digest, architecture?: string): string {
  const name = repository.slice(repository.lastIndexOf("/") + 1);
  const qualifiers = { ...(architecture === undefined ? {} : { arch: architecture }), repository_url: repository };
  return new PackageURL("oci", undefined, name, digest, qualifiers, undefined).toString();
}
