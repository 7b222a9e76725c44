import type { Dockerfile } from "../distgit/dockerfile.ts";
import { appError, isAppError } from "../domain/errors.ts";
import { parseImageReference } from "../domain/image-reference.ts";
import type { Platform } from "../domain/platform.ts";
import type { Registry } from "../registry/registry.ts";
import type { PinnedParent } from "./build-record.ts";
import { type AllowedParent, talksPlainHttp } from "./parent-name.ts";

/** The Dockerfile with the planned image in each stage; where it is written stays as it is. */
export function pinStages(dockerfile: Dockerfile, parents: readonly PinnedParent[]): Dockerfile {
  const stages = dockerfile.stages.map((stage) => {
    if (stage.base.kind !== "image") return stage;
    const own = parents.find((one) => one.stage === stage.index);
    const pinned = own ?? parents.find((one) => one.stage === undefined && one.written === stage.image);
    return pinned === undefined ? stage : { ...stage, image: pinned.pinned };
  });
  return { ...dockerfile, stages };
}

/** The images of a Dockerfile with the planned image in each stage, once each. Lines of a here-document may look like FROM, and are none. */
export function pinnedImages(pinned: Dockerfile): readonly string[] {
  const images = pinned.stages.filter(({ base, image }) => base.kind === "image" && image.includes("@sha256:")).map(({ image }) => image);
  return [...new Set(images)];
}

interface Ports {
  readonly openRegistry: (endpoint: string, plainHttp: boolean) => Registry;
  readonly candidate: { readonly registry: Registry; readonly endpoint: string };
  readonly settings: { readonly allowedParents: readonly AllowedParent[] };
}

/**
 * After a build failed: are the images still there that it was planned with? Registries remove what no tag points to any more, and an engine
 * tells that in words of its own. Throws `builds.parent-gone`; a registry that does not answer proves nothing.
 */
export async function demandParents(
  ports: Ports,
  dockerfile: Dockerfile,
  parents: readonly PinnedParent[],
  platform: Platform,
): Promise<void> {
  for (const parent of parents) {
    const reference = parseImageReference(parent.pinned);
    const { registry: endpoint, repository } = reference;
    const isOwn = endpoint === ports.candidate.endpoint;
    const registry = isOwn
      ? ports.candidate.registry
      : ports.openRegistry(endpoint, talksPlainHttp(reference, ports.settings.allowedParents));
    for (const digest of new Set([parent.digest, parent.platforms?.[platform] ?? parent.digest])) {
      if (!(await isGone(registry, repository, digest))) continue;
      const line = dockerfile.stages.find((stage) => stage.index === parent.stage || stage.image === parent.written)?.line;
      throw appError("builds.parent-gone", `FROM ${parent.written} has gone since the build was planned: ${parent.pinned}`, {
        file: "Dockerfile",
        ...(line === undefined ? {} : { line }),
        hint: "Build again: the name is looked up anew then; if that one has gone, too, use another base image",
      });
    }
  }
}

async function isGone(registry: Registry, repository: string, digest: string): Promise<boolean> {
  try {
    return (await registry.findManifest(repository, digest)) === undefined;
  } catch (error) {
    if (isAppError(error)) return false;
    throw error;
  }
}
