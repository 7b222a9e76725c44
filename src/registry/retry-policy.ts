import { setTimeout as sleep } from "node:timers/promises";

/** How often and how long the client tries again by itself before the run's own budget takes over. */
export interface RetryPolicy {
  /** Tries after the first one; 4 when left out. */
  readonly retries: number;
  /** All waiting of one operation together; a `Retry-After` beyond it is not waited for. */
  readonly budgetMs: number;
  readonly delay: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** 0 to 1. */
  readonly random: () => number;
  readonly now: () => number;
}

const firstDelayMs = 250;
const longestDelayMs = 10_000;

/** Waits that the tests replace; ends early, rejecting, when the signal is aborted. */
export async function realDelay(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, signal === undefined ? {} : { signal });
}

/** Milliseconds that `Retry-After` asks for, given in seconds or as an HTTP date; undefined when absent or unreadable. */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  // Date.parse alone would take "-5" or "2" for dates.
  if (!/^[A-Za-z]{3,9},? /.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/** Exponential back-off with full jitter on the upper half, so that many runs do not come back together; never under `Retry-After`. */
export function retryDelay(attempt: number, retryAfterMs: number | undefined, random: () => number): number {
  const step = Math.min(longestDelayMs, firstDelayMs * 2 ** attempt);
  const jittered = step / 2 + (step / 2) * random();
  return Math.round(retryAfterMs === undefined ? jittered : Math.max(retryAfterMs + jittered / 4, jittered));
}

/** Statuses that another try may mend. */
export function isRetryableStatus(status: number): boolean {
  return status === 408 || status === 429 || status === 500 || status === 502 || status === 503 || status === 504;
}
