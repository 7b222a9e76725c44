import type { Stats } from "node:fs";
import { chmod, lstat, readdir, readFile, stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { formatBytes } from "../../domain/amounts.ts";
import { closedLimits } from "./closed-command.ts";

const everyMs = 250;
const maxDepth = 40;
const pageBytes = 4096;

/**
 * Looks at what the processes below `pid` have in memory and at the files of the workspace, again and again until `over` aborts, and tells once what
 * is more than the limits allow. In between little can happen: each file and each process has a limit of its own.
 */
export async function watchUsage(pid: number, workspace: string, over: AbortSignal, tell: (problem: string) => void): Promise<void> {
  while (!over.aborted) {
    const used = await usedBy(pid);
    const problem = problemOf(used) ?? (await findDiskProblem(workspace, used.deletedBytes));
    if (problem !== undefined && !over.aborted) return tell(problem);
    await delay(everyMs, undefined, { signal: over }).catch(() => {});
  }
}

interface Used {
  readonly memoryBytes: number;
  /** Of files that were deleted and are still open: they take room and stand in no directory. */
  readonly deletedBytes: number;
}

function problemOf({ memoryBytes }: Used): string | undefined {
  return memoryBytes > closedLimits.memoryBytes ? `it used more than ${formatBytes(closedLimits.memoryBytes)} of memory` : undefined;
}

async function usedBy(pid: number): Promise<Used> {
  let memoryBytes = 0;
  const deleted = new Map<string, number>();
  const pending = [pid];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const [, resident = "0"] = (await readProc(`${at}/statm`)).split(" ");
    memoryBytes += Number(resident) * pageBytes;
    for (const descriptor of await readdir(`/proc/${at}/fd`).catch(() => [])) {
      const found = await stat(`/proc/${at}/fd/${descriptor}`).catch(() => undefined);
      if (found?.isFile() && found.nlink === 0) deleted.set(`${found.dev}:${found.ino}`, bytesOf(found));
    }
    for (const task of await readdir(`/proc/${at}/task`).catch(() => [])) {
      pending.push(...(await readProc(`${at}/task/${task}/children`)).split(" ").filter(Boolean).map(Number));
    }
  }
  return { memoryBytes, deletedBytes: [...deleted.values()].reduce((sum, bytes) => sum + bytes, 0) };
}

/** What has ended in the meantime has nothing any more. */
function readProc(path: string): Promise<string> {
  return readFile(`/proc/${path}`, "utf8").catch(() => "");
}

/** Undefined when the workspace keeps to its limits. Paths are bytes: names need not be UTF-8. */
export async function findDiskProblem(workspace: string, otherBytes = 0): Promise<string | undefined> {
  let bytes = otherBytes;
  let entries = 0;
  const pending: { readonly path: Buffer; readonly depth: number }[] = [{ path: Buffer.from(workspace), depth: 0 }];
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
    // Never as root, who needs no such thing: chmod follows a link that may have come into the place of the directory by now.
    if (codeOf(error) !== "EACCES" || process.getuid?.() === 0) throw error;
    await chmod(path, 0o700);
    return await read();
  });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function bytesOf({ blocks }: Stats): number {
  return blocks * 512;
}
