import { access, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { appError } from "../../domain/errors.ts";
import type { Limits } from "../engine.ts";
import type { HeldBuild, HeldLimits } from "./held-limits.ts";

export interface BuildCgroupOptions {
  /** The cgroup below which the daemon puts the RUN lines of builds: the value of `dockerd --cgroup-parent`, as in `/flibs-builds`. */
  readonly path: string;
  /** Builds at a time; the cgroup gets the limits of one build as many times. */
  readonly slots: number;
  /** Where the kernel shows cgroups; `/sys/fs/cgroup` when left out. */
  readonly root?: string;
  /** A RUN line at work so long must have used some of the cgroup's processor time; 2 s when left out. */
  readonly patienceMs?: number;
}

/**
 * Limits of a daemon's builds by a cgroup (version 1 or 2) on this machine, which flibs makes. BuildKit puts each RUN line into `<path>/buildkit/…`,
 * and limits hold for everything below, from the first instruction on. Whether the daemon really does so is seen by the processor time that is counted there.
 */
export function buildCgroup({ path, slots, root = "/sys/fs/cgroup", patienceMs = 2000 }: BuildCgroupOptions): HeldLimits {
  return {
    async prepare(limits) {
      try {
        const version = await cgroupVersion(root);
        await (version === 2 ? limitUnified(root, path, slots, limits) : limitByController(root, path, slots, limits));
        return heldBuild(root, path, patienceMs, await processorTime(root, path));
      } catch (cause) {
        throw appError("engine.limits-unavailable", `the cgroup ${path} of the builds cannot be limited: ${(cause as Error).message}`, {
          hint: "Let flibs run where it may write to /sys/fs/cgroup, or leave buildCgroup out to build with the classic builder",
          cause,
        });
      }
    },
  };
}

/** `before`: the processor time when this build began; with more slots than one, another build may begin meanwhile. */
function heldBuild(root: string, path: string, patienceMs: number, before: bigint): HeldBuild {
  return {
    watch(isRunning, unheld) {
      const stop = new AbortController();
      let isSeen = false;
      let hasRun = false;
      const look = async () => {
        if (isSeen || stop.signal.aborted) return;
        isSeen = (await processorTime(root, path).catch(() => before)) > before;
      };
      const complain = () => {
        if (isSeen || stop.signal.aborted) return;
        stop.abort();
        unheld(
          appError("engine.limits-unavailable", `the engine does not put RUN lines into the cgroup ${path}, so nothing limits them`, {
            hint: `Start that dockerd with --cgroup-parent ${path}, or leave buildCgroup out to build with the classic builder`,
          }),
        );
      };
      return {
        async look() {
          if (isSeen || stop.signal.aborted) return;
          if (isRunning()) {
            if (hasRun) return;
            hasRun = true;
            void wait(patienceMs, undefined, { signal: stop.signal, ref: false })
              .then(look)
              .then(complain, () => {});
            return;
          }
          if (!hasRun) return;
          await look();
          complain();
        },
        [Symbol.dispose]: () => stop.abort(),
      };
    },
  };
}

async function cgroupVersion(root: string): Promise<1 | 2> {
  return (await exists(join(root, "cgroup.controllers"))) ? 2 : 1;
}

async function limitUnified(root: string, path: string, slots: number, { memoryBytes, processes, cpus }: Limits): Promise<void> {
  const parts = path.split("/").filter((part) => part !== "");
  for (const index of parts.keys()) {
    const parent = join(root, ...parts.slice(0, index));
    await writeFile(join(parent, "cgroup.subtree_control"), "+memory +pids +cpu");
    await mkdir(join(parent, parts[index] ?? ""), { recursive: true });
  }
  const own = join(root, ...parts);
  await writeFile(join(own, "memory.max"), String(slots * memoryBytes));
  // Without swap accounting there is no such file, and no swap to limit by it.
  if (await exists(join(own, "memory.swap.max"))) await writeFile(join(own, "memory.swap.max"), "0");
  await writeFile(join(own, "pids.max"), String(slots * processes));
  await writeFile(join(own, "cpu.max"), `${cpus === undefined ? "max" : Math.round(slots * cpus * period)} ${period}`);
}

async function limitByController(root: string, path: string, slots: number, { memoryBytes, processes, cpus }: Limits): Promise<void> {
  const own = (controller: string, file = "") => join(root, controller, path, file);
  for (const controller of ["memory", "pids", "cpu", "cpuacct"]) await mkdir(own(controller), { recursive: true });
  const bytes = String(slots * memoryBytes);
  const both = own("memory", "memory.memsw.limit_in_bytes");
  const hasBoth = await exists(both);
  // Memory must never be above memory and swap together, so one of the two orders is refused, depending on what stood there before.
  await writeFile(own("memory", "memory.limit_in_bytes"), bytes).catch(async (error: unknown) => {
    if (!hasBoth) throw error;
    await writeFile(both, bytes);
    await writeFile(own("memory", "memory.limit_in_bytes"), bytes);
  });
  if (hasBoth) await writeFile(both, bytes);
  await writeFile(own("pids", "pids.max"), String(slots * processes));
  await writeFile(own("cpu", "cpu.cfs_quota_us"), String(cpus === undefined ? -1 : Math.round(slots * cpus * period)));
}

/** Microseconds, the kernel's own default. */
const period = 100_000;

/** Of everything that ever ran in the cgroup; it only grows. Without a unit: it is only compared with itself. */
async function processorTime(root: string, path: string): Promise<bigint> {
  if ((await cgroupVersion(root)) === 1) return BigInt((await readFile(join(root, "cpuacct", path, "cpuacct.usage"), "utf8")).trim());
  const text = await readFile(join(root, path, "cpu.stat"), "utf8");
  return BigInt(/^usage_usec (\d+)$/m.exec(text)?.[1] ?? 0);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
