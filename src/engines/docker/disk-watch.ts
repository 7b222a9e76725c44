import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import type { CallLimits } from "../call-limits.ts";
import { answers, dial, statusOf } from "./docker-client.ts";

/** Looks how much one call writes on the engine's disk. */
export interface DiskWatch extends Disposable {
  /** From now on this container is looked at; what those before it had written still counts. */
  follow(container: string): void;
  /** An image was made on the way: what it has beyond the bases counts, also of a container that ended before any look. */
  made(image: string): Promise<void>;
}

const timing = {
  everyMs: 2000,
  longestLookMs: 120_000,
};
/** The engine counts files one by one: its looks take at most a twentieth of the time. */
const restsPerLook = 20;
/** So often in a row an engine that answers everything else may leave a size untold. */
const mostUntold = 2;

/**
 * Ends the call when it has written more than `mostBytes`: what stands in the file systems of its containers beside their images, in their volumes, and in the images that it
 * makes upon `bases`. The engine limits nothing here (sizes of containers need XFS with quotas), so between two looks more can be written.
 */
export function diskWatch(
  docker: Docker,
  limits: Pick<CallLimits, "signal" | "stop" | "say">,
  mostBytes: number | undefined,
  bases: readonly string[],
  { everyMs, longestLookMs } = timing,
): DiskWatch {
  const layers = new Map<string, number>();
  let baseIds: ReadonlySet<string> | undefined;
  let before = 0;
  let last = { own: 0, volumes: 0 };
  let following = new AbortController();
  const written = () => before + last.own + last.volumes;
  const layerBytes = () => layers.values().reduce((sum, bytes) => sum + bytes, 0);

  async function look(id: string, signal: AbortSignal, most: number): Promise<void> {
    let untold = 0;
    while (!signal.aborted) {
      const began = performance.now();
      const found = await writtenBytes(docker, id, signal, longestLookMs);
      if (found === "gone" || signal.aborted) return;
      untold = found === "untold" ? untold + 1 : 0;
      if (typeof found === "object") last = { ...last, ...found };
      if (untold === mostUntold) {
        limits.say("flibs: the engine can't tell how much was written on its disk (very many files, or paths of more than 4096 bytes)\n");
      }
      if (untold === mostUntold || written() > most) return limits.stop("disk-limit");
      const restMs = untold > 0 ? everyMs : Math.max(everyMs, restsPerLook * (performance.now() - began));
      await delay(restMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  return {
    follow(container) {
      if (mostBytes === undefined) return;
      following.abort();
      following = new AbortController();
      before = Math.max(written(), layerBytes());
      last = { own: 0, volumes: 0 };
      void look(container, AbortSignal.any([limits.signal, following.signal]), mostBytes);
    },
    async made(image) {
      if (mostBytes === undefined) return;
      const signal = within(limits.signal, longestLookMs);
      try {
        baseIds ??= await idsOf(docker, bases, signal);
        for (const [id, bytes] of await layersUpon(docker, baseIds, image, signal)) layers.set(id, bytes);
      } catch {
        // The engine did not say; the next image stands on this one.
      }
      if (layerBytes() > mostBytes) limits.stop("disk-limit");
    },
    [Symbol.dispose]: () => following.abort(),
  };
}

interface Written {
  readonly own: number;
  /** Left out when the engine did not say: it tells the sizes of all volumes at once, to one who asks at a time. */
  readonly volumes?: number;
}

/** "untold" when the engine is there and does not know; undefined when it did not answer: the next look will tell. */
async function writtenBytes(
  docker: Docker,
  id: string,
  signal: AbortSignal,
  longestMs: number,
): Promise<Written | "gone" | "untold" | undefined> {
  const late = AbortSignal.timeout(longestMs);
  const abortSignal = AbortSignal.any([signal, late]);
  try {
    const { State, SizeRw = 0, Mounts } = await get<Inspected>(docker, `/containers/${id}/json?size=true`, abortSignal);
    if (State.Status === "removing" || State.Status === "dead") return "gone";
    // What moby says when it can't count.
    if (SizeRw < 0) return "untold";
    const names = (Mounts ?? []).flatMap(({ Type, Name }) => (Type === "volume" && Name !== undefined ? [Name] : []));
    const volumes = names.length === 0 ? 0 : await volumeBytes(docker, names, abortSignal).catch(() => undefined);
    return { own: SizeRw, ...(volumes === undefined ? {} : { volumes }) };
  } catch (error) {
    if (statusOf(error) === 404) return "gone";
    return late.aborted && (await isThere(docker, signal, longestMs)) ? "untold" : undefined;
  }
}

interface Inspected {
  readonly State: { readonly Status: string };
  readonly SizeRw?: number;
  readonly Mounts?: readonly { readonly Type: string; readonly Name?: string }[];
}

interface VolumesUsed {
  readonly Volumes?: readonly { readonly Name: string; readonly UsageData?: { readonly Size: number } }[] | null;
}

/** A VOLUME of the Dockerfile or of its base: the engine tells their sizes only of all at once. */
async function volumeBytes(docker: Docker, names: readonly string[], abortSignal: AbortSignal): Promise<number> {
  const { Volumes } = await get<VolumesUsed>(docker, "/system/df", abortSignal);
  const own = (Volumes ?? []).filter(({ Name }) => names.includes(Name));
  return own.reduce((sum, { UsageData }) => sum + Math.max(0, UsageData?.Size ?? 0), 0);
}

function isThere(docker: Docker, signal: AbortSignal, longestMs: number): Promise<boolean> {
  return get(docker, "/_ping", within(signal, longestMs)).then(
    () => true,
    () => false,
  );
}

async function idsOf(docker: Docker, images: readonly string[], abortSignal: AbortSignal): Promise<ReadonlySet<string>> {
  const found = await Promise.all(images.map((image) => get<{ readonly Id: string }>(docker, `/images/${image}/json`, abortSignal)));
  return new Set(found.map(({ Id }) => Id));
}

/** Sizes of the layers above the bases, by image id. */
async function layersUpon(
  docker: Docker,
  bases: ReadonlySet<string>,
  image: string,
  abortSignal: AbortSignal,
): Promise<[string, number][]> {
  const history = await get<readonly { readonly Id: string; readonly Size: number }[]>(docker, `/images/${image}/history`, abortSignal);
  const end = history.findIndex(({ Id }) => bases.has(Id) || Id === "<missing>");
  return history.slice(0, end < 0 ? undefined : end).map(({ Id, Size }) => [Id, Size]);
}

function within(signal: AbortSignal, ms: number): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(ms)]);
}

async function get<T>(docker: Docker, path: string, abortSignal: AbortSignal): Promise<T> {
  return (await dial(docker, { path, method: "GET", abortSignal, statusCodes: answers(200) })) as T;
}
