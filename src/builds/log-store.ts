/**
 * Live logs, in the database so that every replica can show them. A log belongs to a run and has a name (`linux/amd64`, `push`,
 * `test smoke`); it grows only, offsets are in bytes of UTF-8.
 */
export interface LogStore {
  /**
   * Starts a log, or starts it over: a step that runs again after a crash. Returns its fence, which grows with each start: a worker that lost
   * its run, and does not know yet, writes and ends nothing of its successor's.
   */
  restart(run: string, name: string): Promise<number>;
  /** Dropped when it comes under an older fence, or after the end. */
  append(run: string, name: string, fence: number, text: string): Promise<void>;
  list(run: string): Promise<readonly LogEntry[]>;
  /** Text from an offset, at most `maxBytes`; `closed` when nothing will follow after `next`. A pruned log has no text and ends at once. */
  read(
    run: string,
    name: string,
    offset: number,
    maxBytes: number,
  ): Promise<{ readonly text: string; readonly next: number; readonly closed: boolean }>;
  /** Nothing is written to it any more. Without a fence it is ended whoever wrote it. */
  close(run: string, name: string, fence?: number): Promise<void>;
  /** Removes the text of logs that nothing was written to since then, and keeps that they were; returns how many. */
  prune(before: Date): Promise<number>;
}

export interface LogEntry {
  readonly name: string;
  /** Length, also of a pruned one. */
  readonly bytes: number;
  readonly closed: boolean;
  /** When its text was removed (ISO 8601); absent while it is there. */
  readonly prunedAt?: string;
}
