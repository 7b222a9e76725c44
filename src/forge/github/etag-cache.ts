/** An answer and its entity tag, to ask with: "304 Not Modified" costs nothing of the hourly requests. */
export interface Remembered<T> {
  readonly etag: string;
  readonly response: T;
}

export interface EtagCache<T> {
  find(key: string): Remembered<T> | undefined;
  remember(key: string, entry: Remembered<T>, bytes: number): void;
}

/** The least recently asked for goes first when `maxBytes` (of the bodies) is exceeded; an answer over a tenth of it is not kept. */
export function openEtagCache<T>(maxBytes: number): EtagCache<T> {
  const entries = new Map<string, { entry: Remembered<T>; bytes: number }>();
  let total = 0;
  function forget(key: string): void {
    total -= entries.get(key)?.bytes ?? 0;
    entries.delete(key);
  }
  return {
    find(key) {
      const found = entries.get(key);
      if (found === undefined) return undefined;
      entries.delete(key);
      entries.set(key, found);
      return found.entry;
    },
    remember(key, entry, bytes) {
      forget(key);
      if (bytes > maxBytes / 10) return;
      entries.set(key, { entry, bytes });
      total += bytes;
      for (const oldest of entries.keys()) {
        if (total <= maxBytes) break;
        forget(oldest);
      }
    },
  };
}
