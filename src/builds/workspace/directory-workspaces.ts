import { cp, lstat, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { appError } from "../../domain/errors.ts";
import type { Workspaces } from "../workspaces.ts";
import { removeTree } from "./remove-tree.ts";

/** Workspaces below one directory, which is made when it is first needed. */
export function directoryWorkspaces(root: string): Workspaces {
  const of = (run: string) => {
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(run)) throw appError("builds.workspace", `"${run.slice(0, 100)}" is no run`);
    return join(root, run);
  };
  const inTurn = oneAtATime();
  return {
    ensureTree: (run, write) => inTurn(run, () => ensureTree(run, "tree", write)),
    ensureBaseTree: (run, write) => inTurn(run, () => ensureTree(run, "base", write)),
    ensureOverlay: (run, paths, write) => inTurn(run, () => ensureOverlay(run, paths, write)),
    ensureFile: (run, name, bytes) => inTurn(run, () => ensureFile(run, name, bytes)),
    emptyDirectory: (run, name) => inTurn(run, () => emptyDirectory(run, name)),
    async remove(run) {
      await removeTree(of(run));
    },
  };

  async function ensureTree(run: string, name: "tree" | "base", write: (directory: string) => Promise<void>): Promise<string> {
    const directory = of(run);
    const tree = join(directory, name);
    if (await isDirectory(tree)) return tree;
    const partial = join(directory, "partial");
    await rm(partial, { recursive: true, force: true });
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await write(partial);
    await rename(partial, tree);
    return tree;
  }

  async function ensureOverlay(run: string, paths: readonly string[], write: (directory: string) => Promise<void>): Promise<string> {
    const directory = of(run);
    const overlay = join(directory, "overlay");
    if (await isDirectory(overlay)) return overlay;
    const over = join(directory, "over");
    const partial = join(directory, "partial");
    for (const left of [over, partial]) await rm(left, { recursive: true, force: true });
    await write(over);
    // Links stay links and are never followed: what they lead to is nobody's to read.
    await cp(join(directory, "tree"), partial, { recursive: true, verbatimSymlinks: true });
    for (const path of paths) {
      if (!isRootName(path)) throw appError("builds.workspace", `"${path.slice(0, 100)}" is no name at the root of a tree`);
      await rm(join(partial, path), { recursive: true, force: true });
      if (await isThere(join(over, path))) await rename(join(over, path), join(partial, path));
    }
    await rm(over, { recursive: true, force: true });
    await rename(partial, overlay);
    return overlay;
  }

  async function ensureFile(run: string, name: string, bytes: () => AsyncIterable<Uint8Array>): Promise<string> {
    const directory = join(of(run), "files");
    const path = join(directory, checkName(name));
    if (await isThere(path)) return path;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const partial = `${path}.partial`;
    const file = await open(partial, "w", 0o600);
    try {
      await file.writeFile(bytes());
      // Else a machine that dies could come back with the name and without the bytes.
      await file.sync();
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    } finally {
      await file.close();
    }
    await rename(partial, path);
    return path;
  }

  async function emptyDirectory(run: string, name: string): Promise<string> {
    const path = join(of(run), "directories", checkName(name));
    await removeTree(path);
    await mkdir(path, { recursive: true, mode: 0o700 });
    return path;
  }
}

function checkName(name: string): string {
  if (/^[A-Za-z0-9-]{1,200}$/.test(name)) return name;
  throw appError("builds.workspace", `"${name.slice(0, 100)}" is no name of a file`);
}

/** Two platforms of one run ask for the same: the second finds what the first has made. */
function oneAtATime(): <T>(run: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (run, work) => {
    const mine = (last.get(run) ?? Promise.resolve()).then(work, work);
    last.set(run, mine);
    try {
      return await mine;
    } finally {
      if (last.get(run) === mine) last.delete(run);
    }
  };
}

/** So that no directory on the way can be a link. */
function isRootName(path: string): boolean {
  return path !== "" && path !== "." && path !== ".." && !path.includes("/");
}

async function isThere(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
