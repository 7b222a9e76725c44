import type { LogSink } from "./engine.ts";
import { plainText } from "./plain-text.ts";

export type EarlyEnd = "timed-out" | "log-limit" | "disk-limit" | "cancelled";

/** What may end a build or test before its time, brought together in one signal that remembers which of them came first. */
export interface CallLimits extends Disposable {
  /** Aborts when the time is over, the log is full, too much was written or the caller's signal aborts. */
  readonly signal: AbortSignal;
  ended(): EarlyEnd | undefined;
  /** For whoever looks at the disk. */
  stop(why: "disk-limit"): void;
  /** Writes to the log as plain text; after the log is full nothing is written any more. */
  say(text: string): void;
}

export function limitCall(sink: LogSink, caller: AbortSignal, timeoutMs: number): CallLimits {
  const controller = new AbortController();
  const plain = plainText();
  let ended: EarlyEnd | undefined;
  const end = (why: EarlyEnd, reason?: unknown) => {
    if (ended !== undefined) return;
    ended = why;
    controller.abort(reason);
  };
  const cancel = () => end("cancelled", caller.reason);
  caller.addEventListener("abort", cancel);
  if (caller.aborted) cancel();
  const timer = setTimeout(() => end("timed-out"), Math.min(timeoutMs, 2 ** 31 - 1));
  return {
    signal: controller.signal,
    ended: () => ended,
    stop: (why) => end(why),
    say: (text) => {
      if (ended === "log-limit") return;
      const harmless = plain(text);
      if (harmless !== "" && !sink(harmless)) end("log-limit");
    },
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      caller.removeEventListener("abort", cancel);
    },
  };
}
