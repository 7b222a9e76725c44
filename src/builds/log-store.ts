/**
 * Live logs, in the database so that every replica can show them. A log belongs to a run and has a name (`linux/amd64`, `push`,
 * `test smoke`); it grows only, offsets are in bytes of UTF-8.
 */
export interface LogStore {
  append(run: string, name: string, text: string): Promise<void>;
  /** Starts a log over: a step that runs again after a crash. */
  restart(run: string, name: string): Promise<void>;
  list(run: string): Promise<readonly { readonly name: string; readonly bytes: number; readonly closed: boolean }[]>;
  /** Text from an offset, at most `maxBytes`; `closed` when nothing will follow after `next`. */
  read(
    run: string,
    name: string,
    offset: number,
    maxBytes: number,
  ): Promise<{ readonly text: string; readonly next: number; readonly closed: boolean }>;
  close(run: string, name: string): Promise<void>;
}
