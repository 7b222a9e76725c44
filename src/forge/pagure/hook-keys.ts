import type { Log } from "../../log.ts";
import { oneAtATime } from "../one-at-a-time.ts";

export interface HookKeys {
  /** Keys that may have signed what a project sends; none when nothing is known. */
  keysOf(project: string): readonly string[];
  /** Asks Pagure for the key again, seldom enough that nobody can make flibs ask all the time. False when there is nothing new to try. */
  refresh(project: string): Promise<boolean>;
}

export interface HookKeysOptions {
  /** By project; what stands here is not asked for. */
  readonly given: Readonly<Record<string, readonly string[]>>;
  /** Key of a project as Pagure tells it to members; undefined when keys are not to be asked for. */
  readonly read: ((project: string) => Promise<string>) | undefined;
  /** Projects that are there, as the last sweep found them: these are always asked about. All that others name share one rate. */
  readonly isThere?: (project: string) => boolean;
  readonly log: Log;
  readonly now: () => Date;
}

/** Least time between two looks at one project's key, and most looks in that time at all projects together that nobody has seen yet. */
const everyMs = 60_000;
const mostLooks = 20;
/** A key that was made anew, since somebody had it who should not, is believed no longer than this. */
const lifetimeMs = 600_000;

/** Each project has a key of its own, which its admins make anew whenever they like, and an administrator for all of them at once. */
export function openHookKeys({ given, read, isThere = () => false, log, now }: HookKeysOptions): HookKeys {
  const found = new Map<string, { readonly key: string; readonly readAt: number }>();
  const lookedAt = new Map<string, number>();
  const inTurn = oneAtATime();
  /** Undefined when it is too old, too. */
  const keyOf = (project: string) => {
    const known = found.get(project);
    return known !== undefined && now().getTime() - known.readAt < lifetimeMs ? known.key : undefined;
  };
  const isGiven = (project: string) => Object.hasOwn(given, project);

  async function look(project: string, ask: (project: string) => Promise<string>): Promise<boolean> {
    const at = now().getTime();
    for (const [name, when] of lookedAt) if (at - when >= everyMs) lookedAt.delete(name);
    if (lookedAt.has(project)) return false;
    if (!isThere(project) && [...lookedAt.keys()].filter((name) => !isThere(name)).length >= mostLooks) return false;
    lookedAt.set(project, at);
    try {
      const key = await ask(project);
      const isNew = keyOf(project) !== key;
      found.set(project, { key, readAt: at });
      return isNew;
    } catch (error) {
      // Until somebody mends it the sweeps find what happens there.
      log.warn({ project, error }, "the hook key of a project could not be read from Pagure");
      return false;
    }
  }

  return {
    keysOf(project) {
      if (isGiven(project)) return given[project] ?? [];
      const key = keyOf(project);
      return key === undefined ? [] : [key];
    },
    async refresh(project) {
      if (read === undefined || isGiven(project)) return false;
      const before = keyOf(project);
      // Whoever waited for another's look uses what that one brought.
      return await inTurn(project, async () => keyOf(project) !== before || (await look(project, read)));
    },
  };
}
