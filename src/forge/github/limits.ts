import { setTimeout as sleep } from "node:timers/promises";
import PQueue from "p-queue";
import { type AppError, appError } from "../../domain/errors.ts";
import { isResponseError } from "./request-errors.ts";

/** Rules that GitHub writes down in "Rate limits for the REST API" and "Best practices", and how much of them flibs takes. */
export const githubRules = {
  /** At once, of 100 that are allowed for all of an App. */
  requestsAtOnce: 10,
  /** Requests that create something: the published limits. */
  createdPerMinute: 80,
  createdPerHour: 500,
  /** Part of what an hour allows that only releases may use. */
  reservedPart: 0.1,
  /** Nobody waits longer within a request; whoever must, comes back later. */
  longestWaitMs: 10_000,
  /** Without a header that says so, at least a minute, doubled each time. */
  secondaryWaitMs: 60_000,
  longestSecondaryWaitMs: 900_000,
} as const;

export interface Call {
  /** One budget each: an installation, or the App itself. */
  readonly lane: string;
  readonly writes: boolean;
  /** Counts as creating content. */
  readonly creates: boolean;
  /** May use what is kept for releases. */
  readonly release: boolean;
}

export interface Limits {
  /** Sends when it may be sent. Throws `forge.rate-limited` with `retryAt` (ISO 8601) in its details, and whatever `send` throws. */
  run<T extends { readonly headers: Headers }>(call: Call, send: () => Promise<T>): Promise<T>;
}

type Headers = Readonly<Record<string, string | number | undefined>>;

interface Lane {
  readonly writes: PQueue;
  /** When things were created, the last hour. */
  created: number[];
  blockedUntil: number;
  /** Refusals in a row. */
  refusals: number;
  remaining: number;
  limit: number;
  resetAt: number;
}

export interface LimitsOptions {
  readonly now: () => number;
  readonly delay?: (ms: number) => Promise<unknown>;
}

export function openLimits({ now, delay = sleep }: LimitsOptions): Limits {
  const all = new PQueue({ concurrency: githubRules.requestsAtOnce });
  const lanes = new Map<string, Lane>();

  function laneOf(name: string): Lane {
    const known = lanes.get(name);
    if (known) return known;
    const lane: Lane = {
      ...{ writes: new PQueue({ concurrency: 1 }), created: [], blockedUntil: 0, refusals: 0 },
      ...{ remaining: Number.POSITIVE_INFINITY, limit: 0, resetAt: 0 },
    };
    lanes.set(name, lane);
    return lane;
  }

  async function admit(lane: Lane, call: Call): Promise<void> {
    for (;;) {
      const until = openAt(lane, call, now());
      const wait = until - now();
      if (wait <= 0) break;
      if (wait > githubRules.longestWaitMs) throw rateLimited(until);
      await delay(wait);
    }
    // Counted before it is sent: an answer that is lost may have created something.
    if (call.creates) lane.created.push(now());
  }

  async function attempt<T extends { readonly headers: Headers }>(lane: Lane, call: Call, send: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      await admit(lane, call);
      try {
        const answer = await send();
        lane.refusals = 0;
        note(lane, answer.headers);
        return answer;
      } catch (error) {
        if (!isResponseError(error) || error.response === undefined) throw error;
        note(lane, error.response.headers);
        const until = refusedUntil(error.status, error.response, lane, now());
        if (until === undefined) throw error;
        lane.refusals += 1;
        lane.blockedUntil = Math.max(lane.blockedUntil, until);
        // A refusal means that nothing was done, so even what creates may be sent again.
        if (tries === 2 || until - now() > githubRules.longestWaitMs) throw rateLimited(until, error);
      }
    }
  }

  return {
    async run(call, send) {
      const lane = laneOf(call.lane);
      const turn = { priority: call.release ? 1 : 0 };
      const inTurn = () => all.add(() => attempt(lane, call, send), turn);
      return call.writes ? lane.writes.add(inTurn, turn) : inTurn();
    },
  };
}

/** When a call may be sent; in the past = now. */
function openAt(lane: Lane, call: Call, now: number): number {
  let until = lane.blockedUntil;
  if (!call.release && lane.resetAt > now && lane.remaining <= lane.limit * githubRules.reservedPart) until = Math.max(until, lane.resetAt);
  if (!call.creates) return until;
  lane.created = lane.created.filter((at) => at > now - 3_600_000);
  const { created } = lane;
  const hourly = call.release ? githubRules.createdPerHour : githubRules.createdPerHour * (1 - githubRules.reservedPart);
  const windows = [
    [githubRules.createdPerMinute, 60_000],
    [hourly, 3_600_000],
  ] as const;
  for (const [most, ms] of windows) {
    const oldest = created.at(-most);
    if (created.length >= most && oldest !== undefined) until = Math.max(until, oldest + ms);
  }
  return until;
}

function note(lane: Lane, headers: Headers): void {
  const [limit, remaining, reset] = ["limit", "remaining", "reset"].map((name) => numberIn(headers, `x-ratelimit-${name}`));
  const resource = headers["x-ratelimit-resource"] ?? "core";
  if (resource !== "core" || limit === undefined || remaining === undefined || reset === undefined) return;
  lane.limit = limit;
  lane.remaining = remaining;
  lane.resetAt = reset * 1000;
}

/** Undefined when the refusal has another reason. */
function refusedUntil(status: number, response: { headers: Headers; data: unknown }, lane: Lane, now: number): number | undefined {
  if (status !== 403 && status !== 429) return undefined;
  const { headers } = response;
  const after = numberIn(headers, "retry-after");
  if (after !== undefined) return now + after * 1000;
  const reset = numberIn(headers, "x-ratelimit-reset");
  if (numberIn(headers, "x-ratelimit-remaining") === 0 && reset !== undefined) return reset * 1000;
  if (status !== 429 && !/rate limit|abuse detection/i.test(JSON.stringify(response.data ?? ""))) return undefined;
  return now + Math.min(githubRules.secondaryWaitMs * 2 ** lane.refusals, githubRules.longestSecondaryWaitMs);
}

function numberIn(headers: Headers, name: string): number | undefined {
  const value = headers[name];
  return value === undefined || value === "" || Number.isNaN(Number(value)) ? undefined : Number(value);
}

function rateLimited(until: number, cause?: unknown): AppError {
  const retryAt = new Date(until).toISOString();
  return appError("forge.rate-limited", `GitHub takes no more requests of this kind before ${retryAt}`, { details: { retryAt }, cause });
}
