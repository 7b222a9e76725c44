import { readdir, readFile, stat } from "node:fs/promises";
import { formatBytes } from "../../domain/amounts.ts";
import { closedLimits } from "./closed-command.ts";

/** What one look takes at most; longer looks would leave time in between. */
const longestLookMs = 1000;

interface Seen {
  memoryBytes: number;
  descriptors: number;
  /** Of deleted files, by inode; undefined where the file is only mapped and flibs may not ask for it. */
  readonly deleted: Map<number, number | undefined>;
  /** Descriptors on their way, by inode of the socket that they wait in. */
  readonly waiting: Map<number, number>;
}

export interface Look {
  readonly problem?: string;
  /** It took longer than a second and was given up. */
  readonly slow?: true;
  /** Of files that stand in no directory and take room all the same. */
  readonly hiddenBytes: number;
}

/** Looks at the process `pid` and all below it: memory, open files, sockets, deleted files. What has ended in the meantime has nothing any more. */
export async function lookAtProcesses(pid: number): Promise<Look> {
  const until = performance.now() + longestLookMs;
  const seen: Seen = { memoryBytes: 0, descriptors: 0, deleted: new Map(), waiting: new Map() };
  const pending = [pid];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    seen.memoryBytes += memoryOf(await readProc(`${at}/status`));
    await lookAtDescriptors(at, seen);
    const problem = problemOf(seen) ?? (await lookAtMappings(at, seen));
    if (problem !== undefined) return { problem, hiddenBytes: 0 };
    if (performance.now() > until) return { slow: true, hiddenBytes: 0 };
    for (const task of await readdir(`/proc/${at}/task`).catch(() => [])) {
      pending.push(...(await readProc(`${at}/task/${task}/children`)).split(" ").filter(Boolean).map(Number));
    }
  }
  const problem = await findSocketProblem(pid);
  return { ...(problem === undefined ? {} : { problem }), hiddenBytes: hiddenBytesOf(seen) };
}

/** A shared mapping of no file: it keeps its pages when the process gives most of it back, and then nobody can see how many. */
const shared = " /dev/zero (deleted)\n";

function problemOf({ memoryBytes, descriptors }: Seen): string | undefined {
  if (memoryBytes > closedLimits.memoryBytes) return `it used more than ${formatBytes(closedLimits.memoryBytes)} of memory`;
  return descriptors > closedLimits.allOpenFiles ? `it had more than ${closedLimits.allOpenFiles} files open` : undefined;
}

/** Pure: from `/proc/<pid>/status`; what was swapped out and the tables of pages count too. */
export function memoryOf(status: string): number {
  const amounts = status.matchAll(/^(?:VmRSS|VmSwap|VmPTE|HugetlbPages):\s*(\d+) kB$/gm);
  return [...amounts].reduce((sum, [, kilobytes]) => sum + Number(kilobytes) * 1024, 0);
}

async function lookAtDescriptors(pid: number, seen: Seen): Promise<void> {
  const names = await readdir(`/proc/${pid}/fd`).catch(() => []);
  seen.descriptors += names.length;
  if (problemOf(seen) !== undefined) return;
  for (const name of names) {
    const found = await stat(`/proc/${pid}/fd/${name}`).catch(() => undefined);
    if (found?.isFile() && found.nlink === 0) seen.deleted.set(found.ino, found.blocks * 512);
    if (found?.isSocket()) {
      const waiting = /^scm_fds:\s*(\d+)$/m.exec(await readProc(`${pid}/fdinfo/${name}`))?.[1];
      seen.waiting.set(found.ino, Number(waiting ?? 0));
    }
  }
}

/** A deleted file that was closed is known by its mappings only. Those below /tmp and /dev/shm are bounded by these. */
async function lookAtMappings(pid: number, { deleted }: Seen): Promise<string | undefined> {
  const maps = await readProc(`${pid}/maps`);
  if (maps.includes(shared)) return "it shared memory that cannot be counted";
  for (const [, range, inode, path = ""] of maps.matchAll(/^(\S+) \S+ \S+ \S+ (\d+) +(\/.*) \(deleted\)$/gm)) {
    if (deleted.get(Number(inode)) !== undefined || /^\/(?:tmp|dev\/shm)\//.test(path)) continue;
    const found = await stat(`/proc/${pid}/map_files/${range}`).catch(() => undefined);
    deleted.set(Number(inode), found === undefined ? undefined : found.blocks * 512);
  }
  return undefined;
}

/** What cannot be measured counts as the largest file that there can be. */
function hiddenBytesOf({ deleted, waiting }: Seen): number {
  const known = [...deleted.values()].reduce<number>((sum, bytes) => sum + (bytes ?? closedLimits.fileBytes), 0);
  return known + closedLimits.fileBytes * [...waiting.values()].reduce((sum, count) => sum + count, 0);
}

/** All of the network namespace, also those that nobody has accepted or that are on their way: what they hold is nobody's memory. */
async function findSocketProblem(pid: number): Promise<string | undefined> {
  let sockets = 0;
  for (const kind of ["unix", "tcp", "tcp6", "udp", "udp6"]) {
    sockets += Math.max(0, (await readProc(`${pid}/net/${kind}`)).split("\n").length - 2);
  }
  return sockets > closedLimits.sockets ? `it had more than ${closedLimits.sockets} sockets` : undefined;
}

function readProc(path: string): Promise<string> {
  return readFile(`/proc/${path}`, "utf8").catch(() => "");
}
