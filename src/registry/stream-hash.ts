import { createHash } from "node:crypto";
import type { Digest } from "../domain/digest.ts";
import { beginInThread } from "./hash-threads.ts";

/** SHA-256 of bytes that pass. */
export interface StreamHash {
  /** Takes the bytes; they may be written over afterwards. A promise means: wait for it before the next ones, so that memory stays bounded. */
  update(chunk: Uint8Array): Promise<void> | undefined;
  /** Of all bytes so far; nothing may come after. */
  digest(): Promise<Digest>;
  /** Nobody will ask for the digest. Harmless after it, and more than once. */
  abandon(): void;
}

/** A thread is told of each hash, and the first needs to be started: below this it would take longer than hashing. */
const worthAThread = 2 * 2 ** 20;

/**
 * For a stream of about so many bytes. A long one is hashed in another thread: of what this process does with a blob on its way it is the
 * larger half, and everything else would wait for it.
 */
export function streamHash(expectedBytes: number): StreamHash {
  return expectedBytes < worthAThread ? hashHere() : hashApart();
}

export function hashHere(): StreamHash {
  const hash = createHash("sha256");
  return {
    update(chunk) {
      hash.update(chunk);
      return undefined;
    },
    digest: async () => `sha256:${hash.digest("hex")}`,
    abandon() {},
  };
}

export function hashApart(): StreamHash {
  const hash = beginInThread();
  return {
    update: (chunk) => hash.update(chunk),
    digest: async () => `sha256:${await hash.digest()}`,
    abandon: () => hash.abandon(),
  };
}
