import PQueue from "p-queue";
import type { Digest } from "../domain/digest.ts";
import { appError, isAppError } from "../domain/errors.ts";
import { places } from "../domain/places.ts";
import type { TransferRegistries, TransferRegistry } from "./blob-transfers.ts";
import { type Descriptor, isForeignLayer, parseImageManifest } from "./image-manifest.ts";
import type { MountMemory } from "./mount-memory.ts";
import type { CopyReport, CopyRequest, ImageCopier, Manifest } from "./registry.ts";

export interface ImageCopierOptions {
  /** Blobs whose bytes are on the way at a time, over all copies of this process. */
  readonly transfers: number;
  readonly mountMemory: MountMemory;
}

const deepest = 4;
const mostManifests = 1000;
/** Mounts that are tried for one blob before it is streamed; each miss costs two requests. */
const mostMountSources = 4;
const progressBytes = 4 * 1024 * 1024;

/**
 * Copies by digest: HEAD, else mount, else stream. Blobs before their manifest, children before their index, never a tag: whatever line is
 * the last one, nothing that can be pulled is incomplete, and the next try finds what is there already.
 */
export function imageCopier(registries: TransferRegistries, { transfers, mountMemory }: ImageCopierOptions): ImageCopier {
  const queue = new PQueue({ concurrency: transfers });
  // Of blobs whose bytes are out, and of tries after the first, there are only so many either: each holds a connection.
  const underWay = places(3 * transfers);
  return {
    async copy(request, signal, progress) {
      const source = registries.named(request.source.registry);
      const destination = registries.named(request.destination.registry);
      const found = await readImage(source, request, signal);
      // The first failure ends the other transfers of this copy, and only of this one.
      const failed = new AbortController();
      const either = AbortSignal.any([signal, failed.signal]);
      const counts = new Counts(progress);
      const copy = { request, source, destination, mountMemory, counts, signal: either };
      const copies = found.blobs.map((blob) =>
        underWay(() => inTurn(queue, (sent) => copyBlob(copy, blob, sent))).catch((error: unknown) => {
          failed.abort(error);
          throw error;
        }),
      );
      await Promise.allSettled(copies);
      signal.throwIfAborted();
      failed.signal.throwIfAborted();
      for (const manifest of found.manifests) {
        signal.throwIfAborted();
        const { repository } = request.destination;
        if ((await destination.findManifest(repository, manifest.digest)) === undefined) {
          await destination.putManifest(repository, manifest.digest, manifest);
        }
        counts.manifest(manifest.digest);
      }
      return counts.report();
    },
  };
}

/**
 * Work that holds a place of the queue until its bytes are out. The registry then takes a while to put a blob on its disk, in which the next one's bytes can be on their way.
 */
async function inTurn<T>(queue: PQueue, work: (sent: () => void) => Promise<T>): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    void queue.add(
      () =>
        new Promise<void>((leave) => {
          work(leave).finally(leave).then(resolve, reject);
        }),
    );
  });
}

interface FoundImage {
  /** Children first. */
  readonly manifests: readonly Manifest[];
  readonly blobs: readonly Descriptor[];
}

/** Everything below the digest, each manifest and blob once, however often it is named. */
async function readImage(
  source: TransferRegistry,
  { source: { repository, digest: top } }: CopyRequest,
  signal: AbortSignal,
): Promise<FoundImage> {
  const manifests = new Map<Digest, Manifest>();
  const blobs = new Map<Digest, Descriptor>();
  const visited = new Set<Digest>();
  const visit = async (digest: Digest, depth: number): Promise<void> => {
    if (visited.has(digest)) return;
    visited.add(digest);
    if (depth > deepest || visited.size > mostManifests) {
      throw appError("registry.manifest-invalid", `image ${source.endpoint}/${repository}@${top} is nested too deeply or too wide`);
    }
    signal.throwIfAborted();
    const manifest = await source.readManifest(repository, digest);
    const image = parseImageManifest(manifest);
    if (image.kind === "index") {
      for (const child of image.children) await visit(child.descriptor.digest, depth + 1);
    } else {
      for (const blob of [image.config, ...image.layers]) {
        const known = blobs.get(blob.digest);
        if (known !== undefined && known.size !== blob.size) {
          throw appError("registry.manifest-invalid", `image ${source.endpoint}/${repository}@${top} gives blob ${blob.digest} two sizes`);
        }
        // Foreign in one manifest, plain in another: then somebody needs it.
        if (known === undefined || isForeignLayer(known)) blobs.set(blob.digest, blob);
      }
    }
    manifests.set(digest, manifest);
  };
  await visit(top, 0);
  return { manifests: [...manifests.values()], blobs: [...blobs.values()] };
}

interface BlobCopy {
  readonly request: CopyRequest;
  readonly source: TransferRegistry;
  readonly destination: TransferRegistry;
  readonly mountMemory: MountMemory;
  readonly counts: Counts;
  readonly signal: AbortSignal;
}

/** `sent` is told when the last bytes are out. */
async function copyBlob(copy: BlobCopy, blob: Descriptor, sent: () => void): Promise<void> {
  const { request, source, destination, mountMemory, counts, signal } = copy;
  const { repository } = request.destination;
  signal.throwIfAborted();
  const outcome = (await destination.hasBlob(repository, blob.digest, signal))
    ? "present"
    : (await mountFromSomewhere(copy, blob))
      ? "mounted"
      : await streamBlob(copy, blob, sent);
  if (outcome === "elsewhere") return;
  mountMemory.remember(destination.endpoint, blob.digest, repository);
  if (source.endpoint !== destination.endpoint) mountMemory.remember(source.endpoint, blob.digest, request.source.repository);
  counts.blob(outcome, blob.size);
}

async function mountFromSomewhere({ request, source, destination, mountMemory, signal }: BlobCopy, blob: Descriptor): Promise<boolean> {
  const { repository } = request.destination;
  const same = source.endpoint === destination.endpoint ? [request.source.repository] : [];
  const remembered = mountMemory.repositoriesWith(destination.endpoint, blob.digest);
  const candidates = new Set([...same, ...remembered, ...(request.mountFrom ?? [])]);
  candidates.delete(repository);
  for (const from of [...candidates].slice(0, mostMountSources)) {
    try {
      if (await destination.mountBlob(repository, blob.digest, from, signal)) return true;
    } catch (error) {
      // Not allowed to read there. If it is the destination that refuses, the upload will say so.
      if (!isAppError(error) || (error.code !== "registry.denied" && error.code !== "registry.refused")) throw error;
    }
    mountMemory.forget(destination.endpoint, blob.digest, from);
  }
  return false;
}

async function streamBlob(
  { request, source, destination, counts, signal }: BlobCopy,
  blob: Descriptor,
  sent: () => void,
): Promise<"streamed" | "elsewhere"> {
  const from = request.source.repository;
  if (isForeignLayer(blob) && !(await source.hasBlob(from, blob.digest, signal))) return "elsewhere";
  let left = blob.size;
  const open = () => {
    left = blob.size;
    return source.openBlob(from, blob, signal);
  };
  const onBytes = (bytes: number) => {
    counts.bytes(bytes);
    left -= bytes;
    if (left <= 0) sent();
  };
  await destination.uploadBlob(request.destination.repository, blob, open, { signal, onBytes });
  return "streamed";
}

class Counts {
  readonly #progress: ((report: CopyReport) => void) | undefined;
  readonly #manifests: Digest[] = [];
  readonly #blobs = { present: 0, mounted: 0, streamed: 0 };
  #bytes = 0;
  #bytesMounted = 0;
  #told = 0;

  constructor(progress: ((report: CopyReport) => void) | undefined) {
    this.#progress = progress;
  }

  blob(outcome: "present" | "mounted" | "streamed", size: number): void {
    this.#blobs[outcome] += 1;
    if (outcome === "mounted") this.#bytesMounted += size;
    this.#tell();
  }

  manifest(digest: Digest): void {
    this.#manifests.push(digest);
    this.#tell();
  }

  bytes(count: number): void {
    this.#bytes += count;
    if (this.#bytes - this.#told >= progressBytes) this.#tell();
  }

  report(): CopyReport {
    const { present, mounted, streamed } = this.#blobs;
    return {
      manifests: [...this.#manifests],
      blobsPresent: present,
      blobsMounted: mounted,
      blobsStreamed: streamed,
      bytesStreamed: this.#bytes,
      bytesMounted: this.#bytesMounted,
    };
  }

  #tell(): void {
    this.#told = this.#bytes;
    this.#progress?.(this.report());
  }
}
