import { access, constants, lstat, mkdir, mkdtemp, open } from "node:fs/promises";
import { join } from "node:path";
import { appError } from "../domain/errors.ts";

/** Before secrets are asked for: the directory takes files, and none of these is there. Throws `cli.file-exists` and `cli.usage`. */
export async function prepareSecretFiles(directory: string, paths: readonly string[]): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await access(directory, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw appError("cli.usage", `files cannot be written to ${directory}`, { hint: "Name another directory with --directory", cause });
  }
  for (const path of paths) {
    // A symbolic link counts, wherever it leads.
    if ((await lstat(path).catch(() => undefined)) === undefined) continue;
    throw appError("cli.file-exists", `${path} is there already`, {
      hint: "Name another directory with --directory, or move the file away if its App is gone",
    });
  }
}

/** A new file that only its owner reads, on the disk when this returns; never over a file that is there. */
export async function writeSecretFile(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * For a text that comes only once and could not be put where it belongs: writes it into a directory of its own (0700) at the first place that takes
 * it, and returns the file's path; undefined when none did.
 */
export async function rescueSecret(places: readonly string[], name: string, text: string): Promise<string | undefined> {
  for (const place of places) {
    try {
      const path = join(await mkdtemp(join(place, "flibs-rescued-")), name);
      await writeSecretFile(path, text);
      return path;
    } catch {
      // The next place may have room.
    }
  }
  return undefined;
}
