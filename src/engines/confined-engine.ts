import { setTimeout as delay } from "node:timers/promises";
import { appError, isAppError } from "../domain/errors.ts";
import type { BuildNetwork, NetworkFinding } from "./build-network.ts";
import type { BuildRequest, Engine, LogSink } from "./engine.ts";

export interface Watching {
  /** How often the network is looked at while a build runs; 5 s when left out. */
  readonly everyMs?: number;
  /** How long after rules were found wrong they are looked at once more; 1 s when left out. */
  readonly againMs?: number;
}

/**
 * An engine whose builds begin only on a closed network, and end when it is closed no longer. A build that ends on an open network is not believed: it may
 * have had company. Tests run without any network, so they need no watch.
 *
 * Another process that renews the rules (`flibs network ensure`) writes down the addresses first: a look in between finds rules that do not fit. So what is wrong
 * with rules alone counts when it is found twice.
 */
export function confinedEngine(engine: Engine, network: BuildNetwork, { everyMs = 5000, againMs = 1000 }: Watching = {}): Engine {
  return {
    ...engine,
    async build(key: string, request: BuildRequest, sink: LogSink, signal: AbortSignal) {
      await demandClosed(network, againMs);
      sink("RUN instructions reach only the hosts that the settings' network.allow names\n");
      const stop = new AbortController();
      const over = new AbortController();
      const watching = watch(network, everyMs, againMs, over.signal, stop);
      try {
        return await engine.build(key, request, sink, AbortSignal.any([signal, stop.signal]));
      } finally {
        over.abort();
        await watching;
        stop.signal.throwIfAborted();
        await stillClosed(network, againMs);
      }
    },
  };
}

async function demandClosed(network: BuildNetwork, againMs: number): Promise<void> {
  try {
    await network.demandClosed();
  } catch (error) {
    if (!isAppError(error) || error.code !== "engine.network-open") throw error;
    await delay(againMs);
    await network.demandClosed();
  }
}

async function watch(network: BuildNetwork, everyMs: number, againMs: number, over: AbortSignal, stop: AbortController): Promise<void> {
  while (!over.aborted) {
    await delay(everyMs, undefined, { signal: over }).catch(() => {});
    if (over.aborted) return;
    try {
      await stillClosed(network, againMs);
    } catch (error) {
      stop.abort(error);
      return;
    }
  }
}

/** Throws `engine.network-open` or `engine.network-unknown`. */
async function stillClosed(network: BuildNetwork, againMs: number): Promise<void> {
  let bad = await findBad(network);
  if (bad.length > 0 && bad.every(({ name }) => name === "rules")) {
    await delay(againMs);
    bad = await findBad(network);
  }
  const [worst] = bad;
  if (worst === undefined) return;
  throw appError(
    worst.code ?? "engine.network-unknown",
    `the build network did not stay closed, so the build is not used: ${worst.message}`,
    {
      hint: worst.hint ?? "Run flibs network check",
    },
  );
}

/** The engine's own absence is for whoever speaks to it. */
async function findBad(network: BuildNetwork): Promise<readonly NetworkFinding[]> {
  const { findings } = await network.check();
  return findings.filter(({ state, code }) => state === "bad" && code !== "engine.unreachable");
}
