import { setTimeout as delay } from "node:timers/promises";
import { appError } from "../domain/errors.ts";
import type { BuildNetwork } from "./build-network.ts";
import type { BuildRequest, Engine, LogSink } from "./engine.ts";

/** How often the network is looked at while a build runs. */
const lookEveryMs = 5000;

/**
 * An engine whose builds begin only on a closed network, and end when it is closed no longer. A build that ends on an open network is not believed: it may
 * have had company. Tests run without any network, so they need no watch.
 */
export function confinedEngine(engine: Engine, network: BuildNetwork, everyMs = lookEveryMs): Engine {
  return {
    ...engine,
    async build(key: string, request: BuildRequest, sink: LogSink, signal: AbortSignal) {
      await network.demandClosed();
      sink("RUN instructions reach only the hosts that the settings' network.allow names\n");
      const stop = new AbortController();
      const over = new AbortController();
      const watching = watch(network, everyMs, over.signal, stop);
      try {
        return await engine.build(key, request, sink, AbortSignal.any([signal, stop.signal]));
      } finally {
        over.abort();
        await watching;
        stop.signal.throwIfAborted();
        await stillClosed(network);
      }
    },
  };
}

async function watch(network: BuildNetwork, everyMs: number, over: AbortSignal, stop: AbortController): Promise<void> {
  while (!over.aborted) {
    await delay(everyMs, undefined, { signal: over }).catch(() => {});
    if (over.aborted) return;
    try {
      await stillClosed(network);
    } catch (error) {
      stop.abort(error);
      return;
    }
  }
}

/** Throws `engine.network-open` or `engine.network-unknown`. The engine's own absence is for whoever speaks to it. */
async function stillClosed(network: BuildNetwork): Promise<void> {
  const { findings } = await network.check();
  const worst = findings.find(({ state, code }) => state === "bad" && code !== "engine.unreachable");
  if (worst === undefined) return;
  throw appError(
    worst.code ?? "engine.network-unknown",
    `the build network did not stay closed, so the build is not used: ${worst.message}`,
    {
      hint: worst.hint ?? "Run flibs network check",
    },
  );
}
