import { appError } from "./errors.ts";

/** Name-version-release as Koji identifies a build: name from `com.redhat.component`, no dash in version or release. */
export interface Nvr {
  readonly name: string;
  readonly version: string;
  readonly release: string;
}

const namePattern = /^[A-Za-z0-9/_.+-]+$/;
const versionPattern = /^[^\s/-]+$/;
/**
 * OSBS's rule for the `release` label, `^\d+([._]?[a-zA-Z0-9]+)*$`, written so that each character can be matched in one way only: theirs takes
 * minutes for thirty letters and a wrong one, and NVRs come out of comments.
 */
const releasePattern = /^\d[a-zA-Z0-9]*(?:[._][a-zA-Z0-9]+)*$/;

export function formatNvr(nvr: Nvr): string {
  return `${nvr.name}-${nvr.version}-${nvr.release}`;
}

export function isRelease(text: string): boolean {
  return releasePattern.test(text);
}

/** The immutable tag of a build. */
export function versionRelease(nvr: Nvr): string {
  return `${nvr.version}-${nvr.release}`;
}

/** Split at the last two dashes, as Koji does; throws `domain.nvr-invalid`. */
export function parseNvr(text: string): Nvr {
  const match = /^(.+)-([^-]+)-([^-]+)$/.exec(text);
  if (!match) throw appError("domain.nvr-invalid", `"${text.slice(0, 200)}" is not a name-version-release`);
  const [, name = "", version = "", release = ""] = match;
  return checkNvr({ name, version, release });
}

/** Returns its argument, or throws `domain.nvr-invalid` naming the part that Koji would refuse. */
export function checkNvr(nvr: Nvr): Nvr {
  const refuse = (part: keyof Nvr, rule: string) =>
    appError("domain.nvr-invalid", `${part} "${nvr[part].slice(0, 100)}" ${rule}`, { details: { part } });
  if (!namePattern.test(nvr.name)) throw refuse("name", "may have letters, digits and / _ . + - only");
  if (!versionPattern.test(nvr.version)) throw refuse("version", "must not be empty nor have a dash, a slash or white space");
  if (!releasePattern.test(nvr.release)) throw refuse("release", "must start with a digit and have letters and digits parted by . or _");
  return nvr;
}
