import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks of `/proc` in a second: Linux shows 100 on all its architectures. */
const ticks = 100;

/** Seconds of both kinds that a process and its children, living or reaped, have computed for; zero for one that is gone. */
export function processorSeconds(pid: number): number {
  const own = statOf(pid);
  if (!own) return 0;
  let sum = own.ticks + own.childTicks;
  for (const entry of readdirSync("/proc")) {
    const child = /^\d+$/.test(entry) ? statOf(Number(entry)) : undefined;
    if (child?.parent === pid) sum += child.ticks;
  }
  return sum / ticks;
}

function statOf(pid: number): { readonly parent: number; readonly ticks: number; readonly childTicks: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // What stands before is the name, which may hold blanks and brackets.
    const fields = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const [parent = 0, user = 0, system = 0, childUser = 0, childSystem = 0] = [fields[1], ...fields.slice(11, 15)];
    return { parent, ticks: user + system, childTicks: childUser + childSystem };
  } catch {
    return undefined;
  }
}
