import { errorKind, isAppError } from "../domain/errors.ts";

/** How often and after what pauses something transient is tried again. */
export interface BackOff {
  /** Tries in a row without progress, the first one included; then it has failed. */
  readonly tries: number;
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Eight tries over about ten minutes: a registry's restart is outlived, a maintainer does not wait for hours. */
export const usualBackOff: BackOff = { tries: 8, firstMs: 5000, longestMs: 300_000 };

/** Whoever asks for a longer pause has a clock that is wrong. */
const longestAskedMs = 2 * 3_600_000;

export interface Retry {
  readonly pauseMs: number;
  /** Failures in a row that count, this one among them unless it said when it passes. */
  readonly attempt: number;
}

/**
 * When something that threw is tried again, after `failed` failures that count; undefined when it is not, since the error is none that passes or the budget
 * is spent. What says with `retryAt` in its details when it passes is waited for and uses nothing up: an hour's requests of a forge come back in an
 * hour, and to try before that is in vain.
 */
export function planRetry(error: unknown, failed: number, backOff: BackOff, now: Date): Retry | undefined {
  if (errorKind(error) !== "transient") return undefined;
  const askedMs = retryTime(error) - now.getTime();
  // A time that is over, or almost, asks for nothing that the usual pause does not give; nor does none.
  if (askedMs > backOff.firstMs) return { pauseMs: Math.min(askedMs, longestAskedMs), attempt: failed };
  const pauseMs = pauseAfter(backOff, failed + 1);
  return pauseMs === undefined ? undefined : { pauseMs, attempt: failed + 1 };
}

function retryTime(error: unknown): number {
  const { retryAt } = isAppError(error) ? error.details : {};
  return typeof retryAt === "string" ? Date.parse(retryAt) : Number.NaN;
}

/** Pause after the `attempt`th failure (counted from one); undefined when the budget is spent. */
export function pauseAfter(backOff: BackOff, attempt: number): number | undefined {
  if (attempt >= backOff.tries) return undefined;
  return Math.min(backOff.longestMs, backOff.firstMs * 2 ** (attempt - 1));
}
