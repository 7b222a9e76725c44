import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import type { CallLimits } from "../call-limits.ts";
import { answers, dial, statusOf } from "./docker-client.ts";

/** Looks how much the containers of one call write on the engine's disk. */
export interface DiskWatch extends Disposable {
  /** From now on this one is looked at; what those before it had written at the last look still counts. */
  follow(container: string): void;
}

const everyMs = 2000;
const longestLookMs = 60_000;
/** The engine counts files one by one: its looks take at most a twentieth of the time. */
const restsPerLook = 20;

/**
 * Ends the call when its containers have written more than `mostBytes` together: what stands in their file systems beside their images, and in their volumes. The engine limits
 * nothing here (sizes of containers need XFS with quotas), so between two looks more can be written.
 */
export function diskWatch(docker: Docker, limits: Pick<CallLimits, "signal" | "stop">, mostBytes: number | undefined): DiskWatch {
  let before = 0;
  let last = 0;
  let following = new AbortController();

  async function look(id: string, signal: AbortSignal, most: number): Promise<void> {
    while (!signal.aborted) {
      const began = performance.now();
      const size = await writtenBytes(docker, id, signal);
      if (size === "gone" || signal.aborted) return;
      last = size ?? last;
      if (before + last > most) return limits.stop("disk-limit");
      await delay(Math.max(everyMs, restsPerLook * (performance.now() - began)), undefined, { signal, ref: false }).catch(() => {});
    }
  }

  return {
    follow(container) {
      if (mostBytes === undefined) return;
      following.abort();
      following = new AbortController();
      before += last;
      last = 0;
      void look(container, AbortSignal.any([limits.signal, following.signal]), mostBytes);
    },
    [Symbol.dispose]: () => following.abort(),
  };
}

/** Undefined when the engine did not say: the next look will tell. */
async function writtenBytes(docker: Docker, id: string, signal: AbortSignal): Promise<number | "gone" | undefined> {
  try {
    const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(longestLookMs)]);
    const asked = {
      path: `/containers/${id}/json?`,
      method: "GET",
      options: { size: true },
      abortSignal,
      statusCodes: answers(200),
    } as const;
    const { SizeRw, Mounts } = (await dial(docker, asked)) as Written;
    const volumes = (Mounts ?? []).flatMap(({ Type, Name }) => (Type === "volume" && Name !== undefined ? [Name] : []));
    if (SizeRw === undefined || volumes.length === 0) return SizeRw;
    return SizeRw + (await volumeBytes(docker, volumes, abortSignal));
  } catch (error) {
    return statusOf(error) === 404 ? "gone" : undefined;
  }
}

interface Written {
  readonly SizeRw?: number;
  readonly Mounts?: readonly { readonly Type: string; readonly Name?: string }[];
}

/** A VOLUME of the Dockerfile or of its base: the engine tells their sizes only of all at once. */
async function volumeBytes(docker: Docker, names: readonly string[], abortSignal: AbortSignal): Promise<number> {
  const { Volumes } = (await dial(docker, { path: "/system/df", method: "GET", abortSignal, statusCodes: answers(200) })) as {
    readonly Volumes?: readonly { readonly Name: string; readonly UsageData?: { readonly Size: number } }[] | null;
  };
  const own = (Volumes ?? []).filter(({ Name }) => names.includes(Name));
  return own.reduce((sum, { UsageData }) => sum + Math.max(0, UsageData?.Size ?? 0), 0);
}
