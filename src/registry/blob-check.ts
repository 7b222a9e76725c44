import { appError } from "../domain/errors.ts";
import type { BlobDescriptor } from "./blob-transfers.ts";
import { streamHash } from "./stream-hash.ts";

/** Compares bytes with a descriptor while they pass. */
export interface BlobCheck {
  /**
   * Throws `registry.digest-mismatch` as soon as there are too many bytes. A promise means: pass these bytes on when it has resolved. That of the last ones
   * rejects with `registry.digest-mismatch` when they complete a wrong digest.
   */
  update(chunk: Uint8Array): Promise<void> | undefined;
  /** Rejects with `registry.digest-mismatch` when bytes are missing. */
  finish(): Promise<void>;
  /** To be called at the end, however it was reached. */
  close(): void;
}

export function checkBlob(blob: BlobDescriptor, where: string): BlobCheck {
  const hash = streamHash(blob.size);
  let seen = 0;
  const mismatch = (what: string) => appError("registry.digest-mismatch", `blob ${blob.digest} of ${where} ${what}`);
  const compare = async (caughtUp?: Promise<void>) => {
    await caughtUp;
    if ((await hash.digest()) !== blob.digest) throw mismatch("has other bytes than its digest says");
  };
  return {
    update(chunk) {
      seen += chunk.length;
      if (seen > blob.size) throw mismatch(`is longer than its ${blob.size} bytes`);
      if (chunk.length === 0) return undefined;
      const caughtUp = hash.update(chunk);
      return seen === blob.size ? compare(caughtUp) : caughtUp;
    },
    async finish() {
      if (seen !== blob.size) throw mismatch(`ended after ${seen} of ${blob.size} bytes`);
      if (blob.size === 0) await compare();
    },
    close: () => hash.abandon(),
  };
}

/** Passes the bytes of a download on and throws `registry.digest-mismatch` at the end when they were not the blob's. */
export async function* verifyBlob(bytes: AsyncIterable<Uint8Array>, blob: BlobDescriptor, where: string): AsyncGenerator<Uint8Array> {
  const check = checkBlob(blob, where);
  try {
    for await (const chunk of bytes) {
      await check.update(chunk);
      yield chunk;
    }
    await check.finish();
  } finally {
    check.close();
  }
}
