import type { Digest } from "../domain/digest.ts";

/** Which repositories of a registry are known to have a blob: a hint only, so it may be forgotten or wrong without harm. */
export interface MountMemory {
  remember(endpoint: string, digest: Digest, repository: string): void;
  /** Newest first. */
  repositoriesWith(endpoint: string, digest: Digest): readonly string[];
  /** After a mount from there was refused. */
  forget(endpoint: string, digest: Digest, repository: string): void;
}

const repositoriesPerBlob = 4;

/** Keeps the `capacity` blobs used last; about 200 bytes each. */
export function inMemoryMountMemory(capacity = 20_000): MountMemory {
  const known = new Map<string, readonly string[]>();
  const keyOf = (endpoint: string, digest: Digest) => `${endpoint} ${digest}`;
  const keep = (key: string, repositories: readonly string[]) => {
    // Deleting first moves the entry to the end: a Map's order is the order of use.
    known.delete(key);
    if (repositories.length > 0) known.set(key, repositories);
    if (known.size > capacity) known.delete(known.keys().next().value ?? key);
  };
  return {
    remember(endpoint, digest, repository) {
      const key = keyOf(endpoint, digest);
      const others = (known.get(key) ?? []).filter((one) => one !== repository);
      keep(key, [repository, ...others].slice(0, repositoriesPerBlob));
    },
    repositoriesWith: (endpoint, digest) => known.get(keyOf(endpoint, digest)) ?? [],
    forget(endpoint, digest, repository) {
      const key = keyOf(endpoint, digest);
      const had = known.get(key);
      if (had !== undefined)
        keep(
          key,
          had.filter((one) => one !== repository),
        );
    },
  };
}
