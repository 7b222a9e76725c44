import { setTimeout as delay } from "node:timers/promises";
import { findDiskProblem, findLostRoom, freeBytes } from "./look-at-disk.ts";
import { lookAtProcesses } from "./look-at-processes.ts";

const everyMs = 250;

/**
 * Looks at the processes below `pid` and at the files of the workspace, again and again until `over` aborts, and tells once what is more than the
 * limits allow. In between little can happen: each file and each process has a limit of its own. Many files must not hold up the look at memory, so
 * the two go on beside each other.
 */
export async function watchUsage(pid: number, workspace: string, over: AbortSignal, tell: (problem: string) => void): Promise<void> {
  const enough = new AbortController();
  const ends = AbortSignal.any([over, enough.signal]);
  const free = await freeBytes(workspace);
  let hiddenBytes = 0;
  let slowLooks = 0;
  const processes = async () => {
    const look = await lookAtProcesses(pid);
    slowLooks = look.slow === true ? slowLooks + 1 : 0;
    if (look.slow !== true) hiddenBytes = look.hiddenBytes;
    // Once may be this machine's own doing.
    return look.problem ?? (slowLooks > 1 ? "it had more than can be looked at in a second" : undefined);
  };
  const files = async () => (await findDiskProblem(workspace, hiddenBytes)) ?? findLostRoom(free, await freeBytes(workspace));
  const again = async (look: () => Promise<string | undefined>) => {
    try {
      while (!ends.aborted) {
        const problem = await look();
        if (problem !== undefined && !ends.aborted) return tell(problem);
        await delay(everyMs, undefined, { signal: ends }).catch(() => {});
      }
    } finally {
      enough.abort();
    }
  };
  await Promise.all([again(processes), again(files)]);
}
