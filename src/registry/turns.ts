/** One after the other, in all replicas: registries cannot compare and swap, so whoever changes a tag that others change too takes its turn. */
export interface Turns {
  /** Waits for everybody who took a turn of that name before, then works; the turn ends with the work, however it ends. */
  take<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/** Of one process: what commands and tests need. */
export function turnsOfOneProcess(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return {
    async take(name, work) {
      const own = (last.get(name) ?? Promise.resolve()).then(work, work);
      last.set(name, own);
      try {
        return await own;
      } finally {
        if (last.get(name) === own) last.delete(name);
      }
    },
  };
}
