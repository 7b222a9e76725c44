import { z } from "zod";
import type { BuildRecord, PinnedParent } from "../builds/build-record.ts";
import type { Digest } from "../domain/digest.ts";
import { errorKind } from "../domain/errors.ts";
import { isRepository } from "../domain/image-reference.ts";
import { type PlatformImage, readImageTree } from "./image-tree.ts";
import type { PromotionPorts } from "./promotion-ports.ts";

const Config = z.object({ rootfs: z.object({ diff_ids: z.array(z.string()).max(1000) }) });
const mostConfig = 4 * 1024 * 1024;

/**
 * Layers of parents that stand in a registry of ours, where reading costs nothing: digests of their blobs and of what is in them (diff
 * ids). Both, because an engine may compress a layer anew when it pushes: the blob is another one then, the layer is the same.
 * Undefined when no parent could be read. Throws transient errors only.
 */
export async function readBaseLayers(ports: PromotionPorts, parents: readonly PinnedParent[]): Promise<ReadonlySet<string> | undefined> {
  let layers: Set<string> | undefined;
  for (const { pinned, digest } of parents.slice(0, 20)) {
    const [place = ""] = pinned.split("@");
    const [name] = Object.entries(ports.settings.registries).find(([, one]) => place.startsWith(`${one.endpoint}/`)) ?? [];
    if (name === undefined) continue;
    const repository = place.slice((ports.settings.registries[name]?.endpoint.length ?? 0) + 1);
    const registry = ports.registries.named(name);
    try {
      for (const image of (await readImageTree(registry, repository, digest)).platforms) {
        layers ??= new Set();
        for (const layer of image.layers) layers.add(layer.digest);
        const config = await registry.readBlob(repository, image.config, mostConfig);
        for (const id of Config.parse(JSON.parse(new TextDecoder().decode(config))).rootfs.diff_ids) layers.add(id);
      }
    } catch (error) {
      // A base that cannot be read is not compared; the promotion goes on.
      if (errorKind(error) === "transient") throw error;
    }
  }
  return layers;
}

/** How many layers of a platform come from the base. Pure. */
export function countShared(image: PlatformImage, build: BuildRecord, base: ReadonlySet<string>): number {
  const diffIds =
    build.images.find((one) => image.platform === one.platform || image.platform.startsWith(`${one.platform}/`))?.diffIds ?? [];
  return image.layers.filter((layer, i) => base.has(layer.digest) || base.has(diffIds[i] ?? "")).length;
}

const mostBases = 8;

/**
 * Repositories that may have a build's base layers: those of its parents that stand in a registry of ours. A base image that was released has
 * the same name in the destination, so its layers can be mounted there.
 */
export async function findBaseRepositories(ports: PromotionPorts, digest: Digest): Promise<readonly string[]> {
  const found = await ports.builds.findByDigest(digest);
  const build = found && (await ports.builds.find(found.id));
  const endpoints = Object.values(ports.settings.registries).map((registry) => registry.endpoint);
  const repositories = (build?.plan?.parents ?? []).flatMap(({ pinned }) => {
    const [place = ""] = pinned.split("@");
    const endpoint = endpoints.find((one) => place.startsWith(`${one}/`));
    return endpoint === undefined ? [] : [place.slice(endpoint.length + 1)];
  });
  return [...new Set(repositories)].filter(isRepository).slice(0, mostBases);
}
