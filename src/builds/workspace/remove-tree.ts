import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * Removes a directory with everything below it; absent is fine. What a test has made may be locked by its mode, or deeper than a path can be long:
 * the programs of the system go down step by step where Node writes out whole paths.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    // What chmod cannot open, rm will name.
    await run("chmod", ["-R", "u+rwX", "--", path]).catch(() => {});
    await run("rm", ["-rf", "--", path]);
  }
}
