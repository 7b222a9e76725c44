import { StringDecoder } from "node:string_decoder";
import type { LogSink } from "../engines/engine.ts";
import type { LogStore } from "./log-store.ts";

const flushBytes = 4096;
const flushMs = 200;
/** A line that never ends is written in pieces of this size. */
const maxHeld = 65_536;

/** Takes what an engine prints and writes it in batches; the engine never waits for the database. */
export interface LogWriter {
  readonly sink: LogSink;
  /** The limit was reached and `sink` said so. */
  isFull(): boolean;
  /** Writes the rest and closes the log; throws what the store threw. */
  close(): Promise<void>;
}

/** Starts the log over: a step that runs again after a crash writes from the beginning. Secrets are masked before anything is stored. */
export async function openLog(
  logs: LogStore,
  run: string,
  name: string,
  maxBytes: number,
  mask: (text: string) => string,
): Promise<LogWriter> {
  const fence = await logs.restart(run, name);
  let held = "";
  let taken = 0;
  let full = false;
  let timer: NodeJS.Timeout | undefined;
  let failure: unknown;
  let writing: Promise<void> = Promise.resolve();

  const flush = (all: boolean) => {
    clearTimeout(timer);
    timer = undefined;
    // Whole lines only, so that a secret is never cut in two before it is masked.
    const end = all || held.length > maxHeld ? held.length : held.lastIndexOf("\n") + 1;
    if (end === 0) return;
    const text = mask(held.slice(0, end));
    held = held.slice(end);
    writing = writing
      .then(() => logs.append(run, name, fence, text))
      .catch((error: unknown) => {
        failure ??= error;
      });
  };

  return {
    sink: (text) => {
      if (full) return false;
      const bytes = Buffer.byteLength(text);
      if (taken + bytes > maxBytes) {
        full = true;
        const cut = new StringDecoder("utf8").write(Buffer.from(text).subarray(0, maxBytes - taken));
        held += `${cut}\nflibs: the log has reached its limit of ${maxBytes} bytes\n`;
        flush(true);
        return false;
      }
      taken += bytes;
      held += text;
      // Only where there is a line end: looking for one in all that is held, with each letter of a long line, would take the square of its length.
      if (held.length > maxHeld || (held.length >= flushBytes && text.includes("\n"))) flush(false);
      else timer ??= setTimeout(() => flush(false), flushMs).unref();
      return true;
    },
    isFull: () => full,
    close: async () => {
      flush(true);
      await writing;
      if (failure !== undefined) throw failure;
      await logs.close(run, name, fence);
    },
  };
}
