import type { Dockerfile, Stage } from "../distgit/dockerfile.ts";
import { appError } from "../domain/errors.ts";
import { formatImageReference } from "../domain/image-reference.ts";
import { formatNvr, parseNvr } from "../domain/nvr.ts";
import type { Platform } from "../domain/platform.ts";
import type { Registry } from "../registry/registry.ts";
import type { BuildStore, PinnedParent } from "./build-record.ts";
import { parseParent, refuseParent } from "./parent-name.ts";
import { type ReadParent, readParent } from "./read-parent.ts";

interface Ports {
  readonly builds: Pick<BuildStore, "findByNvr">;
  readonly candidate: { readonly registry: Registry; readonly endpoint: string };
}

/**
 * OSBS's `koji_parent_build`: the image of a build that was made here takes the place of the last image of the Dockerfile. The image that is
 * written there need not exist any more. Throws `builds.parent-build`, `builds.image-gone` and what reading a parent throws.
 */
export async function replaceParent(
  { builds, candidate }: Ports,
  dockerfile: Dockerfile,
  platforms: readonly Platform[],
  parentBuild: string,
): Promise<PinnedParent & Pick<ReadParent, "env" | "labels" | "user" | "layers"> & { readonly stage: number }> {
  const stage = lastOutside(dockerfile);
  const nvr = formatNvr(parseNvr(parentBuild));
  if (stage?.base.kind !== "image") {
    throw appError("builds.parent-build", `the parent build ${nvr} has no place: the image is built FROM scratch`, {
      file: "Dockerfile",
      ...(stage === undefined ? {} : { line: stage.line }),
      hint: "Leave the parent build out",
    });
  }
  const build = await builds.findByNvr(parseNvr(parentBuild));
  if (build?.state !== "complete" || build.digest === undefined || build.plan === undefined) {
    const what = build === undefined ? "does not exist" : `is ${build.state}`;
    throw appError("builds.parent-build", `the parent build ${nvr} ${what}`, {
      hint: "Name a complete build; flibs builds --state complete lists them",
    });
  }
  const { imageRepository } = build.plan;
  const { repository } = parseParent(stage);
  if (repository !== imageRepository) {
    throw refuseParent(
      stage,
      "builds.parent-build",
      `the parent build ${nvr} is an image ${imageRepository}, but FROM names ${repository}; only the same one can take its place`,
      `Name a build of ${repository}, or leave the parent build out`,
    );
  }
  const found = await candidate.registry.findManifest(imageRepository, build.digest);
  if (found === undefined) {
    throw appError("builds.image-gone", `the image of the parent build ${nvr} is no longer in the candidate registry: ${build.digest}`, {
      hint: "Build the parent again, and name the new build",
    });
  }
  const manifest = await candidate.registry.readManifest(imageRepository, build.digest);
  const read = await readParent(candidate.registry, imageRepository, manifest, platforms, stage);
  const pinned = formatImageReference({ registry: candidate.endpoint, repository: imageRepository, digest: build.digest });
  return { ...read, written: stage.image, pinned, stage: stage.index, nvr, build: build.id };
}

/** The FROM of the last stage; when that is an earlier stage, of that one. */
function lastOutside({ stages }: Dockerfile): Stage | undefined {
  let stage = stages.at(-1);
  while (stage?.base.kind === "stage") stage = stages[stage.base.index];
  return stage;
}
