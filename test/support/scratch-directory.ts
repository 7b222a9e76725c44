import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface ScratchDirectory extends AsyncDisposable {
  /** Absolute; exists, is empty, mode 700. */
  readonly path: string;
  /** Removes it with everything below; may be called twice. */
  remove(): Promise<void>;
}

/**
 * A directory of a test's own below the system's temporary directory. The path is kept short (under 30 characters with the default
 * TMPDIR), so that sockets of gpg-agent and PostgreSQL fit their limit of about 100 bytes.
 */
export async function scratchDirectory(prefix = "flibs-"): Promise<ScratchDirectory> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 3 });
  return { path, remove, [Symbol.asyncDispose]: remove };
}
