import { appError } from "../domain/errors.ts";
import { isRelease, parseNvr } from "../domain/nvr.ts";
import type { BuildRequested } from "./build-record.ts";

/** OSBS's, as it tells it; `^\d+\.\d+(\..+)?$`. */
const isolatedRelease = /^\d+\.\d+(?:\..+)?$/;
/** Longest release, as long as a label that decides about a build may be. */
const maxRelease = 100;
const mostRepositories = 50;
const maxUrl = 2000;
/** Bytes of JSON. */
const maxUserdata = 64 * 1024;

/**
 * Pure. Refuses requests that no file of the repository could make right; first in the words of Koji's client and OSBS. Throws
 * `builds.request-invalid`, `builds.scratch-only`, `builds.option-denied`, `domain.nvr-invalid`.
 */
export function checkRequest(request: BuildRequested): void {
  const { scratch, isolated, architectures, stranger } = request;
  if (scratch && isolated) throw invalid("Build cannot be both isolated and scratch", "Leave one of the two out");
  if (!scratch && !isolated && architectures !== undefined) {
    throw appError("builds.scratch-only", "only a scratch or isolated build may be made for some architectures", {
      hint: "Leave the architectures out, or ask for a scratch build",
    });
  }
  if (stranger !== undefined) checkStranger(request);
  checkRelease(request);
  if (request.parentBuild !== undefined) parseNvr(request.parentBuild);
  checkRepositories(request.yumRepositories ?? []);
  if (JSON.stringify(request.userdata ?? {}).length > maxUserdata) {
    throw invalid(`userdata is longer than ${maxUserdata / 1024} KiB`, "Keep it elsewhere, and give its address");
  }
}

/** What a pull request that nobody vouches for must not have: a release, and whatever comes from elsewhere than what was approved. */
function checkStranger({ scratch, parentBuild, yumRepositories, target }: BuildRequested): void {
  if (!scratch) {
    throw appError("builds.scratch-only", "a pull request of somebody who may not write here is built as a scratch build only", {
      hint: "Ask for a scratch build; what is merged is built by itself",
    });
  }
  const option = Object.entries({ "a parent build": parentBuild, "yum repositories": yumRepositories, "a target": target });
  const [given] = option.find(([, value]) => value !== undefined) ?? [];
  if (given === undefined) return;
  throw appError("builds.option-denied", `${given} cannot be given for a pull request of somebody who may not write here`, {
    hint: "Leave it out; somebody with write access may build the commit from a branch of the repository",
  });
}

function checkRelease({ isolated, release }: BuildRequested): void {
  if (isolated && release === undefined) {
    throw invalid("The release parameter is required for isolated builds", "Give one, for example 3.1 as a fix to release 3");
  }
  if (release === undefined) return;
  if (isolated && !isIsolatedRelease(release)) {
    throw invalid(
      String.raw`For isolated builds, the release value must be in the format: ^\d+\.\d+(\..+)?$`,
      "Write for example 3.1 as a fix to release 3",
    );
  }
  if (isRelease(release) && release.length <= maxRelease) return;
  throw invalid(
    `release "${release.slice(0, maxRelease)}" must start with a digit and have letters and digits parted by . or _, at most ${maxRelease} characters`,
    "Write for example 3, or leave it out: then flibs counts up by itself",
  );
}

/** OSBS's pattern alone: what else a release must be is looked at afterwards. */
export function isIsolatedRelease(text: string): boolean {
  return isolatedRelease.test(text);
}

function checkRepositories(urls: readonly string[]): void {
  if (urls.length > mostRepositories) throw invalid(`more than ${mostRepositories} yum repositories`, "Leave out what is not needed");
  for (const url of urls) {
    const isWeb = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
    if (isWeb && (new URL(url).username !== "" || new URL(url).password !== "")) {
      throw invalid(
        "the address of a yum repository has a name or password in it, which everybody could read in the build's record",
        "Name an address that needs none",
      );
    }
    if (isWeb && url.length <= maxUrl) continue;
    throw invalid(`"${url.slice(0, 200)}" is not the address of a yum repository file`, "Give the http or https address of a .repo file");
  }
}

function invalid(message: string, hint: string): Error {
  return appError("builds.request-invalid", message, { hint });
}
