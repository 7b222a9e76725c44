import { pipeline, type Readable, type Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import type { Digest } from "../domain/digest.ts";
import { appError, isAppError } from "../domain/errors.ts";
import { verifyBlob } from "./blob-check.ts";
import type { BlobTransfers } from "./blob-transfers.ts";
import type { Descriptor } from "./image-manifest.ts";
import { streamHash } from "./stream-hash.ts";
import { passedBytes } from "./young-garbage.ts";

/** What a layer unpacks to. */
export interface MeasuredLayer {
  readonly diffId: Digest;
  /** Bytes of the tar archive. */
  readonly sizeBytes: number;
}

/** What unpacking the layers of one image may cost together. */
export interface UnpackBudget {
  /** Bytes; counted down while layers are unpacked. */
  left: number;
  /** Aborts when the time is over. */
  readonly late: AbortSignal;
}

/** A layer of a manifest, and what the image's configuration says that it unpacks to. */
export interface NamedLayer extends Descriptor {
  readonly diffId: Digest;
  /** Whoever packed it compared it with its diff id, and made it one member of gzip. */
  readonly isChecked?: boolean;
}

/**
 * Tells what a layer unpacks to. One that was checked says so at its end; any other is unpacked on its way from the registry, keeping nothing. Undefined for what cannot be unpacked here: another kind of compression,
 * broken bytes, more bytes or time than the budget has, a layer that stands elsewhere. Throws `registry.digest-mismatch` when it unpacks to
 * something else than `diffId` and the registry's bytes are to blame for it, and `registry.unreachable` (transient).
 */
export type MeasureLayer = (
  repository: string,
  layer: NamedLayer,
  budget: UnpackBudget,
  signal: AbortSignal,
) => Promise<MeasuredLayer | undefined>;

/** Base layers are the same in most builds. One entry takes about 300 bytes. */
const mostRemembered = 10_000;

/** More bytes than these, or endless as far as anybody waited. */
interface Beyond {
  readonly moreThan: number;
}

type LayerRegistry = Pick<BlobTransfers, "openBlob" | "readBlobEnd"> & { readonly endpoint: string };

/**
 * Measures each layer once in the life of the process: its digest says that it cannot have changed. What went beyond a budget is remembered, too,
 * and tried again only with a larger one.
 */
export function layerMeasurer(registry: LayerRegistry): MeasureLayer {
  const known = new Map<Digest, MeasuredLayer | Beyond>();
  return async (repository, layer, budget, signal) => {
    const before = known.get(layer.digest);
    if (before !== undefined && "diffId" in before) return before;
    const told = layer.isChecked ? await readTold(registry, repository, layer, signal) : undefined;
    if (told === undefined && (budget.left <= (before?.moreThan ?? 0) || budget.late.aborted)) return undefined;
    const measured = told ?? (await measureLayer(registry, repository, layer, budget, signal));
    if (measured === undefined) return undefined;
    // What unpacks to the right bytes has the right bytes: only what does not is worth the time of a look at the packed ones.
    if ("diffId" in measured && measured.diffId !== layer.diffId) await verifyPacked(registry, repository, layer, signal);
    const [oldest] = known.keys();
    if (known.size >= mostRemembered && oldest !== undefined) known.delete(oldest);
    known.set(layer.digest, measured);
    return "diffId" in measured ? measured : undefined;
  };
}

/** The end of gzip (RFC 1952, ISIZE): how many bytes are in it, modulo 4 GiB. An archive of tar is made of blocks, and of two at least. */
const isizeBytes = 4;
const blockBytes = 512;

async function readTold(
  registry: LayerRegistry,
  repository: string,
  layer: NamedLayer,
  signal: AbortSignal,
): Promise<MeasuredLayer | undefined> {
  if (packingOf(layer.mediaType) !== "gzip" || layer.size <= isizeBytes) return undefined;
  const end = await registry.readBlobEnd(repository, layer, isizeBytes, signal);
  if (end === undefined) return undefined;
  const sizeBytes = Buffer.from(end).readUInt32LE();
  const isArchive = sizeBytes >= 2 * blockBytes && sizeBytes % blockBytes === 0;
  return isArchive ? { diffId: layer.diffId, sizeBytes } : undefined;
}

async function measureLayer(
  registry: LayerRegistry,
  repository: string,
  layer: Descriptor,
  budget: UnpackBudget,
  signal: AbortSignal,
): Promise<MeasuredLayer | Beyond | undefined> {
  const unpack = unpackerOf(layer.mediaType);
  if (unpack === undefined) return undefined;
  const where = `${registry.endpoint}/${repository}`;
  const isLate = () => budget.late.aborted && !signal.aborted;
  let body: Readable;
  try {
    body = await registry.openBlob(repository, layer, AbortSignal.any([signal, budget.late]));
  } catch (error) {
    // The registry was slow, not the layer: nothing to remember.
    if (isLate() || (isAppError(error) && error.code === "registry.blob-unknown")) return undefined;
    throw error;
  }
  // What is packed is rarely larger than what it unpacks to.
  const hash = streamHash(layer.size);
  try {
    let sizeBytes = 0;
    for await (const chunk of unpack(body as AsyncIterable<Uint8Array>)) {
      await hash.update(chunk);
      passedBytes(chunk.length);
      sizeBytes += chunk.length;
      budget.left -= chunk.length;
      if (budget.left < 0) return { moreThan: sizeBytes - 1 };
      if (isLate()) return tooSlow;
    }
    return { diffId: await hash.digest(), sizeBytes };
  } catch (error) {
    if (isLate()) return tooSlow;
    if (isAppError(error) || signal.aborted) throw error;
    if (isUnpackingFault(error)) return undefined;
    throw appError("registry.unreachable", `reading ${where}@${layer.digest} broke off`, { cause: error });
  } finally {
    body.destroy();
    hash.abandon();
  }
}

/** Throws `registry.digest-mismatch`. */
async function verifyPacked(registry: LayerRegistry, repository: string, layer: Descriptor, signal: AbortSignal): Promise<void> {
  const where = `${registry.endpoint}/${repository}`;
  const body = await registry.openBlob(repository, layer, signal);
  try {
    for await (const _ of verifyBlob(body as AsyncIterable<Uint8Array>, layer, where));
  } catch (error) {
    if (isAppError(error) || signal.aborted) throw error;
    throw appError("registry.unreachable", `reading ${where}@${layer.digest} broke off`, { cause: error });
  } finally {
    body.destroy();
  }
}

const tooSlow: Beyond = { moreThan: Number.POSITIVE_INFINITY };

/** Each chunk is a turn of the thread pool and of the event loop: with the default of 16 KiB these take a quarter of the time of unpacking. */
const chunkSize = 256 * 1024;
/** Room for several, or unpacking would wait for hashing and hashing for unpacking. */
const unpacking = { chunkSize, highWaterMark: 4 * chunkSize };

type Unpack = (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

function packingOf(mediaType: string): string {
  return /^[^;]*?tar(?:[.+](?<packing>gzip|zstd))?$/.exec(mediaType)?.groups?.packing ?? mediaType;
}

function unpackerOf(mediaType: string): Unpack | undefined {
  switch (packingOf(mediaType)) {
    case "gzip":
      return (bytes) => through(bytes, createGunzip(unpacking));
    case "zstd":
      return (bytes) => through(bytes, createZstdDecompress(unpacking));
    case "application/vnd.oci.image.layer.v1.tar":
      return (bytes) => bytes;
    default:
      return undefined;
  }
}

/** Errors of either side come out of the loop that reads, which also ends both when it stops early. */
function through(bytes: AsyncIterable<Uint8Array>, unpacker: Transform): AsyncIterable<Uint8Array> {
  return pipeline(bytes, unpacker, () => {});
}

/** Node's errors of zlib have its own codes: Z_DATA_ERROR, Z_BUF_ERROR, ZSTD_error_... */
function isUnpackingFault(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && /^(Z_|ZSTD_)/.test(String(error.code));
}
