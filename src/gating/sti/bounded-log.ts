import type { WriteStream } from "node:fs";
import { finished } from "node:stream/promises";

const maxBytes = 16 * 2 ** 20;

export interface BoundedLog {
  /** What is beyond the bound is thrown away, and the file says so. */
  write(bytes: Uint8Array): void;
  /** Everything is on disk. */
  close(): Promise<void>;
}

/** A file that a program of others writes, as fast as it likes: never longer than 16 MiB and a line. */
export function boundedLog(file: WriteStream): BoundedLog {
  let left = maxBytes;
  // Nobody waits for a single write; `close` tells what went wrong.
  const written = finished(file);
  written.catch(() => {});
  return {
    write: (bytes) => {
      if (left <= 0) return;
      file.write(bytes.subarray(0, left));
      left -= bytes.length;
      if (left <= 0) file.write(`\n[flibs: the rest is left out; more than ${maxBytes / 2 ** 20} MiB]\n`);
    },
    close: () => {
      file.end();
      return written;
    },
  };
}
