import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ConsumerFiles } from "../consumer-files.ts";

/** Writes each file whole or not at all; what consumers fetch is never half a key. Returns nothing; may be called at every start. */
export async function writeConsumerFiles(directory: string, files: ConsumerFiles): Promise<void> {
  for (const [name, bytes] of Object.entries(files)) {
    const path = join(directory, name);
    const temporary = `${path}.new-${process.pid}`;
    await mkdir(dirname(path), { recursive: true });
    try {
      await writeFile(temporary, bytes, { mode: 0o644 });
      await rename(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
  }
}
