import { type Digest, isDigest } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";
import type { Platform } from "../domain/platform.ts";
import { severalAtOnce } from "../domain/several-at-once.ts";
import { parseImageManifest } from "../registry/image-manifest.ts";
import type { NamedLayer } from "../registry/measure-layer.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BuildPlan, ImageLayer, PushedParts } from "./build-record.ts";
import { findBaseImage } from "./find-base-image.ts";

const maxConfigBytes = 4 * 1024 * 1024;
/** Archives have headers, and what a later layer deletes is not counted by every engine. */
const slackBytes = 64 * 2 ** 20;
const longestMs = 10 * 60_000;
/** One processor unpacks a layer while another adds up the last one; more would only take others' time. */
const layersAtOnce = 2;

/** An archive of this image's files that is larger than a gzip can say has headers for gigabytes. */
const surelyTold = 2 ** 31;

/** What inspection and push told of an image. */
export interface MeasuredImage {
  readonly digest: Digest;
  /** As the engine counts them, uncompressed. */
  readonly sizeBytes: number;
  /** See `Engine.checksLayers`. */
  readonly checksLayers: boolean;
}

/**
 * Layers and configuration of an image as the candidate registry has them. A layer is without its size when it cannot be unpacked, or when the layers
 * take more to unpack than an image of that size can need: a few kilobytes that unpack to gigabytes hold nobody up. Throws `builds.pushed-differs` when a layer does not unpack to
 * what the image's configuration says, and what the registry client throws.
 */
export async function measureImage(
  ports: Pick<BuildPorts, "candidate" | "measureLayer" | "openRegistry" | "settings">,
  plan: Pick<BuildPlan, "imageRepository" | "parents">,
  platform: Platform,
  { digest, sizeBytes, checksLayers }: MeasuredImage,
  signal: AbortSignal,
): Promise<PushedParts> {
  const { candidate, measureLayer, settings } = ports;
  const repository = plan.imageRepository;
  const manifest = await candidate.registry.readManifest(repository, digest);
  const image = parseImageManifest(manifest);
  if (image.kind !== "image") throw appError("builds.pushed-differs", `the registry's ${digest} is a list, not an image`);
  const bytes = await candidate.registry.readBlob(repository, image.config.digest, maxConfigBytes);
  const imageConfig = parseConfig(bytes, image.config.digest);
  const diffIds = diffIdsOf(imageConfig);
  if (diffIds.length !== image.layers.length) {
    throw appError("builds.pushed-differs", `the registry's ${digest} has ${image.layers.length} layers and names ${diffIds.length}`);
  }
  const left = Math.min(2 * sizeBytes, settings.imageBytes ?? Number.POSITIVE_INFINITY) + slackBytes;
  const budget = { left, late: AbortSignal.timeout(longestMs) };
  const named = image.layers.map((layer, index) => {
    const diffId = diffIds[index];
    if (typeof diffId === "string" && isDigest(diffId)) return { ...layer, diffId };
    throw appError("builds.pushed-differs", `the registry's configuration ${image.config.digest} names a layer that is no digest`);
  });
  const measure = async (layer: NamedLayer): Promise<ImageLayer> => {
    const { diffId } = layer;
    const measured = await measureLayer(repository, layer, budget, signal);
    if (measured !== undefined && measured.diffId !== diffId) {
      throw appError("builds.pushed-differs", `the registry's layer ${layer.digest} unpacks to ${measured.diffId}, not to ${diffId}`);
    }
    return {
      ...{ digest: layer.digest, mediaType: layer.mediaType, compressedBytes: layer.size, diffId },
      ...(measured === undefined ? {} : { sizeBytes: measured.sizeBytes }),
    };
  };
  const ids = named.map(({ diffId }) => diffId);
  const { base, layers: ofBase } = await findBaseImage(ports, plan.parents, platform, ids);
  // Those of the base were packed by whoever pushed that.
  const firstChecked = checksLayers && sizeBytes < surelyTold ? (ofBase ?? named.length) : named.length;
  const layers = await severalAtOnce(
    layersAtOnce,
    named.map((layer, index) => () => measure({ ...layer, isChecked: index >= firstChecked })),
  );
  return { mediaType: manifest.mediaType, layers, imageConfig, ...(base === undefined ? {} : { base }) };
}

function parseConfig(bytes: Uint8Array, digest: Digest): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw appError("builds.pushed-differs", `the registry's configuration ${digest} is not a JSON object`);
}

function diffIdsOf({ rootfs }: Record<string, unknown>): readonly unknown[] {
  const found = typeof rootfs === "object" && rootfs !== null && "diff_ids" in rootfs ? rootfs.diff_ids : undefined;
  return Array.isArray(found) ? found : [];
}
