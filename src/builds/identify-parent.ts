import { type Finding, warning } from "../distgit/finding.ts";
import { formatNvr } from "../domain/nvr.ts";
import type { Platform } from "../domain/platform.ts";
import type { BuildRecord, BuildStore, PinnedParent } from "./build-record.ts";
import { parseParent, refuseParent, type WrittenParent } from "./parent-name.ts";
import { nvrOfLabels, type ReadParent } from "./read-parent.ts";
import { untrustedParent } from "./untrusted.ts";

type Known = Pick<PinnedParent, "nvr" | "build"> & { readonly warnings: readonly Finding[] };

interface Ports {
  readonly builds: Pick<BuildStore, "findByDigest" | "findByNvr">;
  readonly settings: { readonly digestMismatch: "fail" | "warn" };
}

/**
 * Which build a parent is of. A digest tells it for sure; labels are only what somebody wrote, or inherited, so they count when the build is not
 * known here, or has these very images. Throws `builds.parent-not-allowed` for what nobody vouches for, and `builds.parent-differs` for an image
 * that stands in a build's place and is another one.
 */
export async function identifyParent(
  { builds, settings }: Ports,
  parent: WrittenParent,
  read: ReadParent,
  platforms: readonly Platform[],
): Promise<Known> {
  const found = await builds.findByDigest(read.digest);
  if (found?.stranger !== undefined) throw untrustedParent(parent);
  // A scratch build is no build of its component, whatever its labels say.
  if (found !== undefined) return found.nvr === undefined ? none : { nvr: formatNvr(found.nvr), build: found.id, warnings: [] };
  const nvr = nvrOfLabels(read.labels);
  if (nvr === undefined) return none;
  const named = await builds.findByNvr(nvr);
  if (named?.state !== "complete") return { nvr: formatNvr(nvr), warnings: [] };
  if (hasImages(named, read, platforms)) return { nvr: formatNvr(nvr), build: named.id, warnings: [] };
  return differs(parent, named, formatNvr(nvr), settings.digestMismatch);
}

const none: Known = { warnings: [] };

/** Deep comparison, for the platforms of this build only: a list may have been made anew of the same images. */
function hasImages(build: BuildRecord, read: ReadParent, platforms: readonly Platform[]): boolean {
  return platforms.every((platform) => {
    const own = build.images.find((image) => image.platform === platform)?.digest;
    return own !== undefined && own === (read.platforms?.[platform] ?? (read.platforms === undefined ? read.digest : undefined));
  });
}

/** An image of another repository has its parent's labels when it was given none of its own: that is no fraud, but no name either. */
function differs(parent: WrittenParent, build: BuildRecord, nvr: string, mismatch: "fail" | "warn"): Known {
  const { repository } = parseParent(parent);
  const own = build.plan?.imageRepository;
  const isItsPlace = own !== undefined && (repository === own || repository.endsWith(`/${own}`));
  const message = isItsPlace
    ? `FROM ${parent.image} says that it is ${nvr}, but that build has other images`
    : `FROM ${parent.image} has the labels of ${nvr}, which is another image; they are likely those of its own parent`;
  const fix = isItsPlace ? "Look who pushed there, and name the image by the digest of the build" : "Give that image labels of its own";
  if (isItsPlace && mismatch === "fail") throw refuseParent(parent, "builds.parent-differs", message, fix);
  return { warnings: [warning("builds.parent-differs", "Dockerfile", parent.line, message, fix)] };
}
