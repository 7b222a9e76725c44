/**
 * Working copies of runs on this machine. What stands there is never the truth: after a restart elsewhere it is made again from the commit.
 */
export interface Workspaces {
  /**
   * The directory of a run's tree. When there is none that is whole, `write` fills an absent directory, which then takes the place at once, so that
   * a half-written tree is never taken for one.
   */
  ensureTree(run: string, write: (directory: string) => Promise<void>): Promise<string>;
  /** As `ensureTree`, for another tree of the run: all of the commit that tests come from, when that is not its own. */
  ensureBaseTree(run: string, write: (directory: string) => Promise<void>): Promise<string>;
  /**
   * The directory of a second tree of a run: its own one, in which what stands at `paths` (names at the root) is taken out, and put in as `write`
   * gives it. The run's tree must be there; it stays as it is.
   */
  ensureOverlay(run: string, paths: readonly string[], write: (directory: string) => Promise<void>): Promise<string>;
  /**
   * The path of a file beside a run's trees, known by `name`: letters, digits and dashes. When it is not there `bytes` gives what it holds; it
   * is there whole, also after a crash, or not at all, as when `bytes` throws.
   */
  ensureFile(run: string, name: string, bytes: () => AsyncIterable<Uint8Array>): Promise<string>;
  /** A directory beside a run's trees, known by `name` (letters, digits and dashes) and empty: what a former try left in it is gone. */
  emptyDirectory(run: string, name: string): Promise<string>;
  /** Removes everything of a run; nothing there is fine. */
  remove(run: string): Promise<void>;
}
