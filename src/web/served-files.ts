/** A directory that is shown to the world: a lookaside. Reads regular files below it, whatever path is asked for. */
export interface ServedFiles {
  /** Exact bytes; undefined for everything that is not a regular file inside. Throws only when the disk fails. */
  findFile(path: string): Promise<Uint8Array | undefined>;
}
