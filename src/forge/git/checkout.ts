import { createHash } from "node:crypto";
import { closeSync, openSync, symlinkSync, writeSync } from "node:fs";
import { lstat, mkdir, readdir, readFile, readlink, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { formatBytes } from "../../domain/amounts.ts";
import { appError, isAppError } from "../../domain/errors.ts";
import { replyReader } from "./cat-file.ts";
import type { Git } from "./git.ts";
import { isTreePath } from "./names.ts";
import { parseTree, type TreeEntry } from "./tree-listing.ts";

/** A listing longer than this is some hundred thousand files, or a tree made to unfold without end. */
const longestListing = 64 * 2 ** 20;
/** One small tree may stand under many names, level below level: what is counted is what would be made on the disk. */
const mostParts = 200_000;

/**
 * Writes a commit's files without git's own checkout: no filter, no attribute and no hook of the repository is obeyed. The tree is written
 * beside its place and then moved there, so a directory that exists is whole; asked again for the same commit, nothing is changed.
 */
export async function checkoutTree(git: Git, path: string, commit: string, directory: string, maxBytes: number): Promise<void> {
  const entries = await listTree(git, path, commit);
  checkSize(entries, commit, maxBytes);
  checkDepth(entries, commit);
  checkPaths(entries, commit);
  if (await isOccupied(directory)) {
    if (await holdsTree(directory, entries)) return;
    throw appError("forge.checkout-occupied", `${commit.slice(0, 12)} is not checked out: the directory holds something else`, {
      details: { directory },
    });
  }
  const partial = `${directory}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  try {
    await writeTree(git, path, entries, partial);
    await rmdir(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
    await rename(partial, directory);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

async function listTree(git: Git, path: string, commit: string): Promise<readonly TreeEntry[]> {
  try {
    const { output } = await git.recall(path, ["ls-tree", "-r", "-l", "-z", "--full-tree", commit], { maxBytes: longestListing });
    return parseTree(output);
  } catch (cause) {
    if (!isAppError(cause) || cause.code !== "forge.output-too-large") throw cause;
    throw appError("forge.tree-too-large", `commit ${commit.slice(0, 12)} has more files than flibs reads`, {
      hint: "Remove generated files",
      cause,
    });
  }
}

function checkSize(entries: readonly TreeEntry[], commit: string, maxBytes: number): void {
  let total = 0;
  let biggest: TreeEntry | undefined;
  for (const entry of entries) {
    total += entry.size;
    if (biggest === undefined || entry.size > biggest.size) biggest = entry;
  }
  if (total <= maxBytes || biggest === undefined) return;
  throw appError(
    "forge.tree-too-large",
    `the files of commit ${commit.slice(0, 12)} are ${formatBytes(total)}, the limit is ${formatBytes(maxBytes)}; the biggest is ${biggest.path} with ${formatBytes(biggest.size)}`,
    { hint: `Remove ${biggest.path} from the repository`, file: biggest.path, details: { total, maxBytes } },
  );
}

/** A tree of few bytes can unfold into millions of directories; asked before anything walks over them. */
function checkDepth(entries: readonly TreeEntry[], commit: string): void {
  let total = 0;
  let [deepest, depth] = ["", 0];
  for (const { path } of entries) {
    let parts = 1;
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) parts += 1;
    total += parts;
    if (parts > depth) [deepest, depth] = [path, parts];
  }
  if (total <= mostParts) return;
  const shown = deepest.length > 200 ? `${deepest.slice(0, 200)}…` : deepest;
  throw appError(
    "forge.tree-too-large",
    `the paths of commit ${commit.slice(0, 12)} have ${total} parts, the limit is ${mostParts}; the deepest is ${JSON.stringify(shown)} with ${depth}`,
    { hint: "Remove generated files and directories that repeat themselves", file: shown, details: { total, mostParts } },
  );
}

/** Names at one level; a leaf (file, link, submodule) has nothing below. */
type Level = Map<string, Level | "leaf">;

/** Trees are made by strangers: nothing may be written through a link or beside the directory. */
function checkPaths(entries: readonly TreeEntry[], commit: string): void {
  const root: Level = new Map();
  for (const { path, kind, size } of entries) {
    const fits = isTreePath(path) && (kind !== "link" || (size > 0 && size <= 4095)) && addLeaf(root, path.split("/"));
    if (fits) continue;
    throw appError(
      "forge.tree-unsafe",
      `commit ${commit.slice(0, 12)} has the path ${JSON.stringify(path.slice(0, 200))}, which is not written`,
      { file: path.slice(0, 300), hint: "Remove it from the repository; no part of a path may have more than 255 bytes" },
    );
  }
}

/** False when the path is there already, or leads through a leaf. */
function addLeaf(root: Level, parts: readonly string[]): boolean {
  let level = root;
  for (const part of parts.slice(0, -1)) {
    const below = level.get(part) ?? new Map();
    if (below === "leaf") return false;
    level.set(part, below);
    level = below;
  }
  const name = parts.at(-1) ?? "";
  if (level.has(name)) return false;
  level.set(name, "leaf");
  return true;
}

async function writeTree(git: Git, path: string, entries: readonly TreeEntry[], directory: string): Promise<void> {
  const directories = new Set(entries.map((entry) => (entry.kind === "submodule" ? entry.path : dirname(entry.path))));
  for (const one of directories) await mkdir(join(directory, one), { recursive: true });
  const blobs = entries.filter((entry) => entry.kind !== "submodule");
  const sink = blobSink(blobs, directory);
  const input = blobs.map((entry) => `${entry.blob}\n`).join("");
  try {
    await git.run(path, ["cat-file", "--batch", "--buffer"], { input, onOutput: sink.take, timeoutMs: 600_000 });
    sink.finish();
  } finally {
    sink.close();
  }
}

/** Takes what `git cat-file --batch` gives apart into files, holding no file in memory. */
function blobSink(entries: readonly TreeEntry[], directory: string): { take(chunk: Buffer): void; finish(): void; close(): void } {
  let next = 0;
  let file: number | undefined;
  let link: Buffer[] = [];

  function close(): void {
    if (file !== undefined) closeSync(file);
    file = undefined;
  }
  const ids = entries.map(({ blob }) => blob);
  const read = replyReader(ids, true, {
    begin(found) {
      const entry = entries[next];
      if (entry === undefined || found?.type !== "blob" || found.size !== entry.size) throw new Error(`there is no blob ${entry?.blob}`);
      if (entry.kind !== "link") file = openSync(join(directory, entry.path), "wx", entry.kind === "program" ? 0o755 : 0o644);
    },
    piece(part) {
      if (file === undefined) link.push(Buffer.from(part));
      else for (let done = 0; done < part.length; ) done += writeSync(file, part, done);
    },
    end() {
      const entry = entries[next];
      if (entry?.kind === "link") symlinkSync(Buffer.concat(link), join(directory, entry.path));
      close();
      link = [];
      next += 1;
    },
  });
  return {
    take: read,
    finish() {
      if (next !== entries.length) throw appError("forge.git-failed", `git gave ${next} of ${entries.length} files`);
    },
    close,
  };
}

async function isOccupied(directory: string): Promise<boolean> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names.length > 0;
}

/** Is this the same tree, byte for byte? Then a killed step had finished its checkout already. */
async function holdsTree(directory: string, entries: readonly TreeEntry[]): Promise<boolean> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  const leaves = entries.filter((entry) => entry.kind !== "submodule");
  if (found.filter((one) => !one.isDirectory()).length !== leaves.length) return false;
  for (const entry of leaves) {
    const path = join(directory, entry.path);
    const stat = await lstat(path).catch(() => undefined);
    if (stat === undefined || stat.isSymbolicLink() !== (entry.kind === "link")) return false;
    if (
      !stat.isSymbolicLink() &&
      (!stat.isFile() || stat.size !== entry.size || (stat.mode & 0o100) !== (entry.kind === "program" ? 0o100 : 0))
    )
      return false;
    const content = stat.isSymbolicLink() ? await readlink(path, { encoding: "buffer" }) : await readFile(path);
    const hash = createHash(entry.blob.length === 64 ? "sha256" : "sha1")
      .update(`blob ${content.length}\0`)
      .update(content);
    if (hash.digest("hex") !== entry.blob) return false;
  }
  return true;
}
