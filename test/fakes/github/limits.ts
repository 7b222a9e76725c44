import { Refusal } from "./world.ts";

/** Budgets of an installation; GitHub's own when left out. */
export interface LimitOptions {
  /** Requests an hour: 5000 for a small installation. */
  readonly primary?: number;
  /** Content-creating requests a minute and an hour: 80 and 500. */
  readonly contentPerMinute?: number;
  readonly contentPerHour?: number;
}

export interface Limits {
  /** Counts a request and throws 403 when a budget is spent. Returns the headers of the answer. */
  spend(who: string, creates: boolean): Readonly<Record<string, string>>;
  /** A conditional request that found nothing new costs nothing. */
  refund(who: string): Readonly<Record<string, string>>;
  state(who: string): { readonly limit: number; readonly remaining: number; readonly used: number; readonly reset: number };
  /** Leaves only so many requests until the window ends. */
  leave(who: string, remaining: number): void;
}

interface Window {
  start: number;
  used: number;
}

const hour = 3_600_000;

export function createLimits(now: () => Date, options: LimitOptions = {}): Limits {
  const limit = options.primary ?? 5000;
  const windows = new Map<string, Window>();
  const created = new Map<string, number[]>();
  const window = (who: string): Window => {
    const at = now().getTime();
    const found = windows.get(who);
    if (found && at - found.start < hour) return found;
    const fresh = { start: at, used: 0 };
    windows.set(who, fresh);
    return fresh;
  };
  const state = (who: string) => {
    const { start, used } = window(who);
    return { limit, remaining: Math.max(0, limit - used), used: Math.min(used, limit), reset: Math.ceil((start + hour) / 1000) };
  };
  const headers = (who: string): Readonly<Record<string, string>> => {
    const { remaining, used, reset } = state(who);
    return {
      "x-ratelimit-limit": String(limit),
      "x-ratelimit-remaining": String(remaining),
      "x-ratelimit-used": String(used),
      "x-ratelimit-reset": String(reset),
      "x-ratelimit-resource": "core",
    };
  };
  function createContent(who: string): void {
    const at = now().getTime();
    const times = (created.get(who) ?? []).filter((time) => at - time < hour);
    const inMinute = times.filter((time) => at - time < 60_000);
    const perHour = options.contentPerHour ?? 500;
    const perMinute = options.contentPerMinute ?? 80;
    const from =
      inMinute.length >= perMinute ? (inMinute[0] ?? at) + 60_000 : times.length >= perHour ? (times[0] ?? at) + hour : undefined;
    if (from !== undefined) throw secondaryLimit(Math.max(1, Math.ceil((from - at) / 1000)), headers(who));
    created.set(who, [...times, at]);
  }

  return {
    state,
    spend(who, creates) {
      const mine = window(who);
      if (mine.used >= limit) throw new Refusal(403, `API rate limit exceeded for ${who}.`, undefined, headers(who));
      if (creates) createContent(who);
      mine.used += 1;
      return headers(who);
    },
    refund(who) {
      window(who).used -= 1;
      return headers(who);
    },
    leave(who, remaining) {
      window(who).used = limit - remaining;
    },
  };
}

export function secondaryLimit(seconds: number, headers: Readonly<Record<string, string>> = {}): Refusal {
  const message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
  return new Refusal(403, message, undefined, { ...headers, "retry-after": String(seconds) });
}
