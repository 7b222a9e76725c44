import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import type { FileContent } from "../fakes/github/person-git.ts";

/** Every file below a directory, absolute. */
export async function readdirRecursive(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** A directory of texts as a person of the GitHub double commits it, relative path to content; programs stay executable. */
export async function readFiles(directory: string): Promise<Readonly<Record<string, FileContent>>> {
  const files: Record<string, FileContent> = {};
  for (const path of await readdirRecursive(directory)) {
    const text = await readFile(path, "utf8");
    const isProgram = ((await stat(path)).mode & 0o100) !== 0;
    files[relative(directory, path)] = isProgram ? { text, executable: true } : text;
  }
  return files;
}
