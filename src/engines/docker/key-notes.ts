import { appendFile, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { decodeKey, encodeKey } from "./names.ts";

/**
 * What was made on the engine for a key and cannot carry a name of ours, one line each, in one file a key: written before the thing is used,
 * so that it is found after a crash.
 */
export interface KeyNotes {
  /** `line`: without a line end. */
  add(key: string, line: string): Promise<void>;
  /** The last line may be torn, the process may have died while it wrote: the reader must judge each. Empty when there are none. */
  read(key: string): Promise<readonly string[]>;
  forget(key: string): Promise<void>;
  keys(): Promise<readonly string[]>;
}

/** `directory`: its own; made when it is first needed. */
export function keyNotes(directory: string): KeyNotes {
  const file = (key: string) => join(directory, encodeKey(key));
  return {
    async add(key, line) {
      await mkdir(directory, { recursive: true });
      // A line of its own, also after one that was torn.
      await appendFile(file(key), `\n${line}\n`);
    },
    async read(key) {
      const text = await readFile(file(key), "utf8").catch(() => "");
      return text.split("\n").filter((line) => line !== "");
    },
    forget: (key) => rm(file(key), { force: true }),
    async keys() {
      const names = await readdir(directory).catch(() => []);
      return names.map(decodeKey).filter((key) => key !== undefined);
    },
  };
}
