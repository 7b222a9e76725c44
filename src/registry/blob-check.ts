import { createHash } from "node:crypto";
import { appError } from "../domain/errors.ts";
import type { BlobDescriptor } from "./blob-transfers.ts";

/** Compares bytes with a descriptor while they pass. */
export interface BlobCheck {
  /** Throws `registry.digest-mismatch` as soon as there are too many bytes, or when the last one completes a wrong digest. */
  update(chunk: Uint8Array): void;
  /** Throws `registry.digest-mismatch` when bytes are missing. */
  finish(): void;
}

export function checkBlob(blob: BlobDescriptor, where: string): BlobCheck {
  const hash = createHash("sha256");
  let seen = 0;
  const mismatch = (what: string) => appError("registry.digest-mismatch", `blob ${blob.digest} of ${where} ${what}`);
  const compare = () => {
    if (`sha256:${hash.digest("hex")}` !== blob.digest) throw mismatch("has other bytes than its digest says");
  };
  if (blob.size === 0) compare();
  return {
    update(chunk) {
      seen += chunk.length;
      if (seen > blob.size) throw mismatch(`is longer than its ${blob.size} bytes`);
      if (chunk.length === 0) return;
      hash.update(chunk);
      if (seen === blob.size) compare();
    },
    finish() {
      if (seen !== blob.size) throw mismatch(`ended after ${seen} of ${blob.size} bytes`);
    },
  };
}

/** Passes the bytes of a download on and throws `registry.digest-mismatch` at the end when they were not the blob's. */
export async function* verifyBlob(bytes: AsyncIterable<Uint8Array>, blob: BlobDescriptor, where: string): AsyncGenerator<Uint8Array> {
  const check = checkBlob(blob, where);
  for await (const chunk of bytes) {
    check.update(chunk);
    yield chunk;
  }
  check.finish();
}
