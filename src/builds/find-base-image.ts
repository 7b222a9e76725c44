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

/**
 * The parent that an image's first layers are of, which is the base of its last stage, whatever stages stand between; the longest when one parent
 * stands on another. Undefined when there is none, or when it can't be read any more: nothing but what is told of the image depends on it.
 */
export async function findBaseImage(
  ports: Ports,
  parents: readonly PinnedParent[],
  platform: Platform,
  diffIds: readonly ImageDigest[],
): Promise<BaseImage | undefined> {
  let found: { readonly base: BaseImage; readonly layers: number } | undefined;
  for (const parent of parents) {
    const image = await readParentLayers(ports, parent, platform);
    if (image === undefined || image.diffIds.length <= (found?.layers ?? 0)) continue;
    if (image.diffIds.some((diffId, index) => diffId !== diffIds[index])) continue;
    found = { base: { written: parent.written, imageId: image.imageId }, layers: image.diffIds.length };
  }
  return found?.base;
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
