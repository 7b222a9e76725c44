import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import type { ServedFiles } from "../served-files.ts";

const absent = new Set(["ENOENT", "ENOTDIR", "ELOOP", "EISDIR", "EACCES", "ENAMETOOLONG", "ENXIO"]);

/** Serves files below `directory`; nothing that a path or a symbolic link leads out of it, nothing hidden, nothing larger than `maxBytes`. */
export function servedDirectory(directory: string, maxBytes: number): ServedFiles {
  const root = resolve(directory);
  return {
    async findFile(path) {
      const parts = path.split("/");
      if (path.includes("\0") || path.includes("\\") || parts.some((part) => part === "" || part.startsWith("."))) return undefined;
      try {
        const inside = await realpath(root);
        const wanted = join(inside, ...parts);
        // The file may not exist a moment later, but it cannot become another one: the last part is opened without following links.
        if ((await realpath(wanted)) !== wanted || !wanted.startsWith(inside + sep)) return undefined;
        const file = await open(wanted, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
        try {
          const found = await file.stat();
          return found.isFile() && found.size <= maxBytes ? await file.readFile() : undefined;
        } finally {
          await file.close();
        }
      } catch (error) {
        if (absent.has((error as NodeJS.ErrnoException).code ?? "")) return undefined;
        throw error;
      }
    },
  };
}
