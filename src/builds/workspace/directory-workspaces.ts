import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { appError } from "../../domain/errors.ts";
import type { Workspaces } from "../workspaces.ts";

/** Workspaces below one directory, which is made when it is first needed. */
export function directoryWorkspaces(root: string): Workspaces {
  const of = (run: string) => {
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(run)) throw appError("builds.workspace", `"${run.slice(0, 100)}" is no run`);
    return join(root, run);
  };
  return {
    async ensureTree(run, write) {
      const directory = of(run);
      const tree = join(directory, "tree");
      if (await isDirectory(tree)) return tree;
      const partial = join(directory, "partial");
      await rm(partial, { recursive: true, force: true });
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await write(partial);
      await rename(partial, tree);
      return tree;
    },
    async remove(run) {
      await rm(of(run), { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
