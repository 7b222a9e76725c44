import { readFileSync } from "node:fs";

/** Whether a process of this machine lives, whoever it belongs to. One that has ended and whose parent has not asked how is as dead as it gets. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  return !isZombie(pid);
}

/** The third field of its state, behind its name in brackets, which may hold anything. Where there is no /proc nobody knows. */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return false;
  }
}
