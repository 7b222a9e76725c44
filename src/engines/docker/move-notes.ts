import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";

/**
 * Before there were several engines, the notes of the one stood in `directory` itself; now each has a directory of its own name there. What was noted
 * becomes the first engine's, else containers and images from before the upgrade would stay on it for ever. Does nothing the second time.
 */
export function moveNotes(directory: string, engines: readonly string[]): void {
  const [first] = engines;
  if (first === undefined) return;
  for (const notes of ["build-steps", "pulled-images"]) {
    const [before, now] = [join(directory, notes), join(directory, first, notes)];
    // An engine may be called so.
    if (engines.includes(notes) || !existsSync(before) || existsSync(now)) continue;
    try {
      mkdirSync(join(directory, first), { recursive: true });
      renameSync(before, now);
    } catch {
      // Another process was quicker, or this one may not write here: a command that only looks. The service does it then.
    }
  }
}
