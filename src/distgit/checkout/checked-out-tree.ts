import { constants } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { Tree, TreeEntry } from "../tree.ts";

/** Repositories with more entries are cut here; the byte limit of the checkout has spoken long before. */
const maxEntries = 200_000;

/** A tree out of a directory that a commit was checked out into. `.git` is no part of it. */
export async function checkedOutTree(directory: string): Promise<Tree> {
  const entries: TreeEntry[] = [];
  const pending = [""];
  for (let at = pending.pop(); at !== undefined && entries.length < maxEntries; at = pending.pop()) {
    for (const found of await readdir(join(directory, at), { withFileTypes: true })) {
      const path = at === "" ? found.name : `${at}/${found.name}`;
      if (path === ".git") continue;
      if (found.isDirectory()) pending.push(path);
      else if (found.isSymbolicLink()) entries.push({ kind: "link", path, target: await readlink(join(directory, path)) });
      else if (found.isFile()) entries.push({ kind: "file", path, size: (await lstat(join(directory, path))).size });
    }
  }
  entries.sort((a, b) => (a.path < b.path ? -1 : 1));
  const files = new Set(entries.filter((one) => one.kind === "file").map((one) => one.path));
  return {
    entries,
    readFile: async (path, maxBytes) => {
      // Only what was listed as a regular file, below directories that are none of them links, is opened.
      if (!files.has(path)) return undefined;
      const file = await open(join(directory, path), constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        const { size } = await file.stat();
        const buffer = Buffer.alloc(Math.min(size, maxBytes));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
        return buffer.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    },
  };
}
