import type { Digest } from "../domain/digest.ts";
import { type Platform, platformArchitecture } from "../domain/platform.ts";
import { formatIndex } from "../registry/image-manifest.ts";
import type { Manifest, ManifestDescriptor } from "../registry/registry.ts";
import type { Signable } from "../signing/signer.ts";
import type { PushedImage, Siblings } from "./build-platform.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BuildPlan } from "./build-record.ts";
import { platformTag } from "./tags.ts";

/** The image of one platform where it was pushed to. */
export type InRegistry = Pick<PushedImage, "platform" | "pushed">;

/** The manifest list of a build. Pure: the same images give the same bytes. */
export function manifestListOf(images: readonly InRegistry[]): Manifest {
  return formatIndex(images.map(({ pushed, platform }) => ({ descriptor: pushed, platform: splitPlatform(platform) })));
}

/** The tags that never move. */
export function ownTags({ uniqueTag, primaryTag }: Pick<BuildPlan, "uniqueTag" | "primaryTag">): readonly string[] {
  return [uniqueTag, ...(primaryTag === undefined ? [] : [primaryTag])];
}

/** Every (digest, public name) of the tags that never move: the list and each image below it, and each image under the tag of its platform. */
export function ownSignables(ports: Pick<BuildPorts, "candidate">, plan: BuildPlan, index: Digest, images: readonly InRegistry[]) {
  const single = images.map(({ pushed, platform }) => ({
    digest: pushed.digest,
    publicName: publicName(ports, plan, platformTag(plan.uniqueTag, platform)),
  }));
  return [...signablesOf(ports, plan, index, images, ownTags(plan)), ...single];
}

/** The same of the tags that move. */
export function floatingSignables(ports: Pick<BuildPorts, "candidate">, plan: BuildPlan, index: Digest, images: readonly InRegistry[]) {
  return signablesOf(ports, plan, index, images, plan.floatingTags);
}

/**
 * To be told of each image: once all are there, their signatures are begun, while the images are measured. Not before, since gpg would take the
 * processors from the engine. What ends the build until they are asked for leaves none that anybody could see.
 */
export function preparedSignatures(ports: Pick<BuildPorts, "candidate" | "signer">, plan: BuildPlan): Siblings["lookedInto"] {
  const found = new Map<Platform, ManifestDescriptor>();
  return (platform, image, signal) => {
    found.set(platform, image);
    if (found.size < plan.platforms.length) return;
    const images = [...found].map(([one, pushed]) => ({ platform: one, pushed }));
    const { digest } = manifestListOf(images);
    // Those that are asked for first come first.
    for (const wanted of [ownSignables(ports, plan, digest, images), floatingSignables(ports, plan, digest, images)]) {
      void ports.signer.prepare(wanted, signal);
    }
  };
}

function signablesOf(
  ports: Pick<BuildPorts, "candidate">,
  plan: BuildPlan,
  index: Digest,
  images: readonly InRegistry[],
  tags: readonly string[],
): readonly Signable[] {
  const digests = [index, ...images.map(({ pushed }) => pushed.digest)];
  return tags.flatMap((tag) => digests.map((digest) => ({ digest, publicName: publicName(ports, plan, tag) })));
}

function publicName({ candidate }: Pick<BuildPorts, "candidate">, plan: BuildPlan, tag: string): string {
  return `${candidate.publicName}/${plan.imageRepository}:${tag}`;
}

function splitPlatform(platform: Platform): { readonly os: string; readonly architecture: string } {
  return { os: platform.split("/")[0] ?? "linux", architecture: platformArchitecture(platform) };
}
