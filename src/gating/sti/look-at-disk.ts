import { constants, type Stats } from "node:fs";
import { chmod, lstat, open, readdir, readlink, realpath, statfs } from "node:fs/promises";
import { formatBytes } from "../../domain/amounts.ts";
import { closedLimits } from "./closed-command.ts";

const maxDepth = 40;
/**
 * What others may write on the same file system while a suite runs: images that are built and pulled, logs. Far less would end suites for what others
 * do; the look counts what it can see, and this is for what it cannot.
 */
const othersBytes = 4 * 2 ** 30;

export async function freeBytes(workspace: string): Promise<number> {
  const { bfree, bsize } = await statfs(workspace);
  return bfree * bsize;
}

/** Pure: two values of {@link freeBytes}. */
export function findLostRoom(atStart: number, now: number): string | undefined {
  const lost = atStart - now;
  if (lost <= closedLimits.workspaceBytes + othersBytes) return undefined;
  const limit = formatBytes(closedLimits.workspaceBytes);
  return `while it ran, ${formatBytes(lost)} went from the file system of its workspace, by whomever; it may take ${limit}`;
}

/** Undefined when the workspace keeps to its limits. Paths are bytes: names need not be UTF-8. */
export async function findDiskProblem(workspace: string, otherBytes = 0): Promise<string | undefined> {
  let bytes = otherBytes;
  let entries = 0;
  const pending: { readonly path: Buffer; readonly depth: number }[] = [
    { path: await realpath(workspace, { encoding: "buffer" }), depth: 0 },
  ];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (at.depth > maxDepth) return `it made directories more than ${maxDepth} deep`;
    const names = await namesIn(at.path).catch(unlessGone);
    if (names === "hidden") return hidden;
    for (const name of names ?? []) {
      const path = Buffer.concat([at.path, Buffer.from("/"), name]);
      const found = await lstat(path).catch(unlessGone);
      if (found === "hidden") return hidden;
      entries += 1;
      if (found?.isDirectory()) pending.push({ path, depth: at.depth + 1 });
      else if (found !== undefined) bytes += bytesOf(found);
      if (entries > closedLimits.workspaceEntries) return `it made more than ${closedLimits.workspaceEntries} files`;
      if (bytes > closedLimits.workspaceBytes) return tooMuch;
    }
  }
  return bytes > closedLimits.workspaceBytes ? tooMuch : undefined;
}

const tooMuch = `it wrote more than ${formatBytes(closedLimits.workspaceBytes)}`;
const hidden = "it made files that cannot be looked at";

/** What cannot be read (deeper than a path can be long, for one) would be a hiding place; what is gone is nothing. */
function unlessGone(error: unknown): "hidden" | undefined {
  return ["ENOENT", "ENOTDIR"].includes(codeOf(error) ?? "") ? undefined : "hidden";
}

/** A directory that its owner has locked is opened again: else much could be hidden in it. */
async function namesIn(path: Buffer): Promise<readonly Buffer[]> {
  const read = () => readdir(path, { encoding: "buffer" });
  return await read().catch(async (error: unknown) => {
    // Never as root, who needs no such thing.
    if (codeOf(error) !== "EACCES" || process.getuid?.() === 0) throw error;
    await unlockDirectory(path);
    return await read();
  });
}

/** `O_PATH` of Linux, which Node has no name for: opens what may not be read. */
const pathOnly = 0o10000000;

/** For its owner alone. Rejects where a link has come into the place of the directory or of one above: what that leads to is not the suite's. */
export async function unlockDirectory(path: Buffer): Promise<void> {
  const handle = await open(path, pathOnly | constants.O_NOFOLLOW | constants.O_DIRECTORY);
  try {
    const opened = `/proc/self/fd/${handle.fd}`;
    if (!(await readlink(opened, { encoding: "buffer" })).equals(path)) throw new Error("a link is on the way to the directory");
    await chmod(opened, 0o700);
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function bytesOf({ blocks }: Stats): number {
  return blocks * 512;
}
