import type { Distribution, InstalledRpm } from "../builds/build-record.ts";
import type { Digest } from "../domain/digest.ts";

/*
 * Package URLs (github.com/package-url/purl-spec). The spec's own library trims what it is given and throws for a name of white space, which an
 * image's database may well have; it judges these in the tests.
 */

/** `pkg:rpm/fedora/bash@5.2.37-1.fc42?arch=x86_64&distro=fedora-42`; without a distribution no namespace says whose package it is. */
export function rpmPurl(rpm: InstalledRpm, distribution: Distribution | undefined): string {
  const namespace = distribution === undefined ? "" : `${encode(distribution.id)}/`;
  const distro = distribution && [distribution.id, distribution.version].filter((part) => part !== undefined).join("-");
  const version = encode(`${rpm.version}-${rpm.release}`).replaceAll("%3A", ":");
  return `pkg:rpm/${namespace}${encode(rpm.name)}@${version}${qualifiers({ arch: rpm.arch, distro, epoch: rpm.epoch?.toString() })}`;
}

/** `pkg:oci/cockpit@sha256:…?arch=amd64&repository_url=…`: an image by its digest. `repository` is `registry/path/name`. */
export function imagePurl(repository: string, digest: Digest, architecture?: string): string {
  const name = repository.slice(repository.lastIndexOf("/") + 1);
  return `pkg:oci/${encode(name)}@${digest}${qualifiers({ arch: architecture, repository_url: repository })}`;
}

/** In the order of their names, which is how they are given; empty ones are left out. */
function qualifiers(values: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== "");
  return given.length === 0 ? "" : `?${given.map(([name, value]) => `${name}=${encode(value ?? "")}`).join("&")}`;
}

/** Everything but letters, digits and `.-_~`. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
