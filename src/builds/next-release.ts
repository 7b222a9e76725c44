import { appError } from "../domain/errors.ts";
import { formatNvr, type Nvr } from "../domain/nvr.ts";

/** A release that nobody else can have: of a build that is at work or complete. */
export interface TakenRelease {
  readonly build: string;
  /** N of its NVR. Others than one's own stand here when they have the same image repository, where release and version are the tag. */
  readonly name: string;
  readonly release: string;
}

/** The release that a build gets, of those taken of its version, newest build first. Throws `builds.nvr-exists`. */
export type ChooseRelease = (taken: readonly TakenRelease[]) => string;

/**
 * When nobody gave one: Koji's getNextRelease as OSBS uses it. It goes on from the newest build, not from the largest release; what Koji can't
 * count up, OSBS counts from the newest plain number, or from 1.
 */
export function countedRelease(name: string): ChooseRelease {
  return (taken) => {
    const own = taken.filter((one) => one.name === name).map((one) => one.release);
    const all = new Set(taken.map((one) => one.release));
    let release = firstTry(own);
    while (all.has(release)) release = raiseRelease(release);
    return release;
  };
}

/** For a release that a person, or a label in `file`, gave: taken as it is, or refused. */
export function givenRelease({ name, version, release }: Nvr, file?: "Dockerfile"): ChooseRelease {
  return (taken) => {
    const holder = taken.find((one) => one.release === release);
    if (holder === undefined) return release;
    const clash = holder.name === name ? "" : `; ${holder.name} has the same image and is released there as ${version}-${release}`;
    throw appError(
      "builds.nvr-exists",
      `build already exists in Koji: ${formatNvr({ name, version, release })} (${holder.build})${clash}`,
      {
        ...(file === undefined ? {} : { file }),
        hint: "Give another release, or none: then flibs counts up by itself",
      },
    );
  };
}

/** Koji's table; undefined where Koji says "Unable to increment release value" (fault 1005). */
export function kojiNextRelease(newest: string | undefined): string | undefined {
  if (newest === undefined) return "1";
  const parts = newest.split(".");
  const counted = { 1: 0, 2: 0, 3: 2 }[parts.length];
  const number = counted === undefined ? undefined : parts[counted];
  if (counted === undefined || number === undefined || !isNumber(number)) return undefined;
  return parts.with(counted, increment(number)).join(".");
}

function firstTry(own: readonly string[]): string {
  const next = kojiNextRelease(own[0]);
  if (next !== undefined) return dropSecond(next);
  const plain = own.find((release) => /^\d+(\.\d+)?$/.test(release));
  return plain === undefined ? "1" : raiseRelease(plain);
}

/** The next one to try. Always a larger number in the same place, so that some release is free. */
function raiseRelease(release: string): string {
  const [first = "", ...rest] = release.split(".");
  // OSBS fails here: its first part is no number, but the third one is, or there would be no such release.
  if (!isNumber(first)) return kojiNextRelease(release) ?? "1";
  return dropSecond([increment(first), ...rest].join("."));
}

/** `2.1.4` becomes `2.4`: a second part of digits was counted up for an isolated build, and is none of the line's. */
function dropSecond(release: string): string {
  const parts = release.split(".");
  return isNumber(parts[1] ?? "") ? parts.toSpliced(1, 1).join(".") : release;
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

/** Releases may be dates with a time: longer than a number can be. */
function increment(number: string): string {
  return String(BigInt(number) + 1n);
}
