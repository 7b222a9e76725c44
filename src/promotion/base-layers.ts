import { z } from "zod";
import type { BuildRecord, PinnedParent } from "../builds/build-record.ts";
import type { Digest } from "../domain/digest.ts";
import { errorKind } from "../domain/errors.ts";
import { isRepository } from "../domain/image-reference.ts";
import { type PlatformImage, readImageTree } from "./image-tree.ts";
import type { PromotionPorts } from "./promotion-ports.ts";

const Config = z.object({ created: z.string().optional().catch(undefined), rootfs: z.object({ diff_ids: z.array(z.string()).max(1000) }) });
const mostConfig = 4 * 1024 * 1024;

/** What could be read of the base images. */
export interface Bases {
  /** Undefined when none could be read. */
  readonly layers: ReadonlySet<string> | undefined;
  /** When each was built, by its digest, ISO 8601: the oldest of its platforms. */
  readonly createdAt: ReadonlyMap<Digest, string>;
}

/**
 * Layers of parents that stand in a registry of ours, where reading costs nothing: digests of their blobs and of what is in them (diff
 * ids). Both, because an engine may compress a layer anew when it pushes: the blob is another one then, the layer is the same.
 * Throws transient errors only.
 */
export async function readBases(ports: PromotionPorts, parents: readonly PinnedParent[]): Promise<Bases> {
  let layers: Set<string> | undefined;
  const createdAt = new Map<Digest, string>();
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
        const bytes = await registry.readBlob(repository, image.config, mostConfig);
        const config = Config.parse(JSON.parse(new TextDecoder().decode(bytes)));
        for (const id of config.rootfs.diff_ids) layers.add(id);
        const created = readDate(config.created);
        if (created !== undefined && created < (createdAt.get(digest) ?? "z")) createdAt.set(digest, created);
      }
    } catch (error) {
      // A base that cannot be read is not compared; the promotion goes on.
      if (errorKind(error) === "transient") throw error;
    }
  }
  return { layers, createdAt };
}

/** Images that want to be reproducible say 1970, or nothing. */
function readDate(text: string | undefined): string | undefined {
  const date = new Date(text ?? "");
  return Number.isNaN(date.getTime()) || date.getUTCFullYear() < 2000 ? undefined : date.toISOString();
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
