import type { Readable } from "node:stream";
import type { Digest } from "../domain/digest.ts";
import type { Referrers } from "./referrers.ts";
import type { Registries, Registry } from "./registry.ts";

export interface BlobDescriptor {
  readonly digest: Digest;
  /** Bytes, from the manifest that names the blob. */
  readonly size: number;
}

/** What copying needs beyond {@link Registry}: blobs as streams, never whole in memory. */
export interface BlobTransfers {
  hasBlob(repository: string, digest: Digest, signal?: AbortSignal): Promise<boolean>;
  /**
   * The blob's bytes, not yet compared with the digest (the upload does that, or `verifyBlob`). A length that differs from the
   * descriptor's throws `registry.digest-mismatch`, an absent blob `registry.blob-unknown`. The reader must read to the end or destroy it.
   */
  openBlob(repository: string, blob: BlobDescriptor, signal?: AbortSignal): Promise<Readable>;
  /**
   * The last `count` bytes of a blob, which are not compared with its digest; undefined when the registry sends no part of a blob or has another length.
   * Throws `registry.blob-unknown`.
   */
  readBlobEnd(repository: string, blob: BlobDescriptor, count: number, signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /**
   * Uploads what `open` gives, hashing on the way; bytes that do not fit the descriptor never complete the upload
   * (`registry.digest-mismatch`). Ask `hasBlob` first. Before each retry it looks itself, then calls `open` again. `onBytes` hears of
   * every chunk that went out.
   */
  uploadBlob(repository: string, blob: BlobDescriptor, open: () => Promise<Readable>, options?: UploadOptions): Promise<void>;
  /** True when the registry took the blob from `from` without any bytes; an upload session that it opened instead is cancelled. */
  mountBlob(repository: string, digest: Digest, from: string, signal?: AbortSignal): Promise<boolean>;
}

export interface UploadOptions {
  readonly signal?: AbortSignal;
  readonly onBytes?: (bytes: number) => void;
}

export interface TransferRegistry extends Registry, BlobTransfers, Referrers {
  hasBlob(repository: string, digest: Digest, signal?: AbortSignal): Promise<boolean>;
}

export interface TransferRegistries extends Registries {
  named(name: string): TransferRegistry;
}
