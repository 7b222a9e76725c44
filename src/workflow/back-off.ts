/** How often and after what pauses something transient is tried again. */
export interface BackOff {
  /** Tries in a row without progress, the first one included; then it has failed. */
  readonly tries: number;
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Eight tries over about ten minutes: a registry's restart is outlived, a maintainer does not wait for hours. */
export const usualBackOff: BackOff = { tries: 8, firstMs: 5000, longestMs: 300_000 };

/** Pause after the `attempt`th failure (counted from one); undefined when the budget is spent. */
export function pauseAfter(backOff: BackOff, attempt: number): number | undefined {
  if (attempt >= backOff.tries) return undefined;
  return Math.min(backOff.longestMs, backOff.firstMs * 2 ** (attempt - 1));
}
