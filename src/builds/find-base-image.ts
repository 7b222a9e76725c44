import { z } from "zod";
import type { Digest as ImageDigest } from "../domain/digest.ts";
import { isAppError } from "../domain/errors.ts";
import { parseImageReference } from "../domain/image-reference.ts";
import type { Platform } from "../domain/platform.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BaseImage, PinnedParent } from "./build-record.ts";
import { Digest } from "./digest-schema.ts";
import { talksPlainHttp } from "./parent-name.ts";

const maxConfigBytes = 4 * 1024 * 1024;
const Manifest = z.object({ config: z.object({ digest: Digest }) });
const Config = z.object({ rootfs: z.object({ diff_ids: z.array(Digest) }) });

type Ports = Pick<BuildPorts, "candidate" | "openRegistry" | "settings">;

/** What an image stands on. */
export interface FoundBase {
  /** Undefined when it is none of the parents, or when it can't be read any more: nothing but what is told of the image depends on it. */
  readonly base: BaseImage | undefined;
  /** How many layers are of it; undefined when that is not sure. */
  readonly layers: number | undefined;
}

/**
 * The parent that an image's first layers are of, which is the base of its last stage, whatever stages stand between; the longest when one parent
 * stands on another.
 */
export async function findBaseImage(
  ports: Ports,
  parents: readonly PinnedParent[],
  platform: Platform,
  diffIds: readonly ImageDigest[],
): Promise<FoundBase> {
  let base: BaseImage | undefined;
  let layers = 0;
  let isSure = true;
  for (const parent of parents) {
    const image = await readParentLayers(ports, parent, platform);
    isSure &&= image !== undefined;
    if (image === undefined || image.diffIds.length <= layers) continue;
    if (image.diffIds.some((diffId, index) => diffId !== diffIds[index])) continue;
    base = { written: parent.written, imageId: image.imageId };
    layers = image.diffIds.length;
  }
  return { base, layers: isSure ? layers : undefined };
}

async function readParentLayers(
  ports: Ports,
  parent: PinnedParent,
  platform: Platform,
): Promise<{ readonly imageId: ImageDigest; readonly diffIds: readonly ImageDigest[] } | undefined> {
  const reference = parseImageReference(parent.pinned);
  const { registry: endpoint, repository } = reference;
  const isOwn = endpoint === ports.candidate.endpoint;
  const registry = isOwn
    ? ports.candidate.registry
    : ports.openRegistry(endpoint, talksPlainHttp(reference, ports.settings.allowedParents));
  try {
    const manifest = Manifest.safeParse(
      parseJson((await registry.readManifest(repository, parent.platforms?.[platform] ?? parent.digest)).bytes),
    );
    if (!manifest.success) return undefined;
    const imageId = manifest.data.config.digest;
    const config = Config.safeParse(parseJson(await registry.readBlob(repository, imageId, maxConfigBytes)));
    return config.success ? { imageId, diffIds: config.data.rootfs.diff_ids } : undefined;
  } catch (error) {
    if (isAppError(error)) return undefined;
    throw error;
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}
