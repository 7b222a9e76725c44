import type { Digest } from "../domain/digest.ts";

/**
 * Runs `work` while nobody else, in no replica, works on the signatures of this digest in this repository. Throws
 * `signing.lookaside-unwritable` (transient) when it is not free in time.
 */
export type DigestLock = <T>(repository: string, digest: Digest, work: () => Promise<T>) => Promise<T>;
