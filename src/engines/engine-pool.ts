import { commonDialect, type DockerfileDialect } from "../domain/dockerfile-dialect.ts";
import { appError, isAppError } from "../domain/errors.ts";
import type { Platform } from "../domain/platform.ts";
import type { Engine, OpenOutcome } from "./engine.ts";

/** All engines of a site. A build of one platform stays with the engine that was chosen for it: only that one knows its key and has its image. */
export interface Engines extends Pick<Engine, "run" | "open" | "examine"> {
  readonly all: readonly Engine[];
  /** Of all engines together. Throws `engine.unreachable` when one of them is away: without it a build would silently lack its platforms. */
  platforms(): Promise<readonly Platform[]>;
  /** What every engine that may build one of these platforms understands. Throws `engine.unreachable`. */
  dialect(platforms: readonly Platform[]): Promise<DockerfileDialect>;
  /**
   * Name of the engine for a new build of a platform: of those that answer, the one with the least to do for its slots. Throws
   * `engine.platform-unsupported`, and `engine.unreachable` when none answers.
   */
  choose(platform: Platform): Promise<string>;
  /** Throws `engine.unknown`. */
  named(name: string): Engine;
  cleanUp: Engine["cleanUp"];
}

export interface PooledEngine {
  readonly engine: Engine;
  /** Builds at a time. */
  readonly slots: number;
  /** As the site gives them; the engine is asked when left out. */
  readonly platforms?: readonly Platform[];
}

/** Runs of builds that keep so many slots busy: while one is at the engine, another is checked, pushed or tested. */
export function runsForSlots(slots: number): number {
  return slots + Math.ceil(slots / 2);
}

export function enginePool(members: readonly PooledEngine[]): Engines {
  const busy = new Map<Engine, number>();
  const load = ({ engine, slots }: PooledEngine) => (busy.get(engine) ?? 0) / slots;
  /** For the choice only: a count in this process, of calls that take a slot or a test container. */
  async function counted<T>(engine: Engine, call: () => Promise<T>): Promise<T> {
    busy.set(engine, (busy.get(engine) ?? 0) + 1);
    try {
      return await call();
    } finally {
      busy.set(engine, (busy.get(engine) ?? 1) - 1);
    }
  }
  const pooled = members.map((member) => ({ ...member, engine: counting(member.engine, counted) }));

  async function serving(platform: Platform): Promise<readonly (typeof pooled)[number][]> {
    const found: (typeof pooled)[number][] = [];
    for (const member of pooled) if ((await platformsOf(member)).includes(platform)) found.push(member);
    if (found.length > 0) return found;
    throw appError("engine.platform-unsupported", `no engine serves ${platform}`, {
      hint: "Add an engine for it to engines in the settings",
    });
  }

  async function chooseMember(platform: Platform): Promise<(typeof pooled)[number]> {
    let away: unknown;
    // As many as there are, each asked only when those before it do not answer. `toSorted` keeps the order of the settings among equals.
    for (const member of (await serving(platform)).toSorted((a, b) => load(a) - load(b))) {
      try {
        await member.engine.platforms();
        return member;
      } catch (error) {
        if (!isAppError(error) || error.kind !== "transient") throw error;
        away ??= error;
      }
    }
    throw away;
  }

  return {
    all: pooled.map(({ engine }) => engine),
    platforms: async () => {
      const found = new Set<Platform>();
      for (const member of pooled) for (const platform of await platformsOf(member)) found.add(platform);
      return [...found];
    },
    dialect: async (platforms) => {
      const found = new Map<Engine, DockerfileDialect>();
      for (const platform of platforms) {
        for (const { engine } of await serving(platform)) if (!found.has(engine)) found.set(engine, await engine.capabilities());
      }
      return commonDialect([...found.values()]);
    },
    choose: async (platform) => (await chooseMember(platform)).engine.name,
    named: (name) => {
      const found = pooled.find(({ engine }) => engine.name === name);
      if (found !== undefined) return found.engine;
      throw appError("engine.unknown", `there is no engine "${name.slice(0, 100)}" in the settings any more`, {
        hint: "Put it back until the builds that it has begun are over, or ask for them again",
      });
    },
    run: async (key, request, sink, signal) => (await chooseMember(request.platform)).engine.run(key, request, sink, signal),
    examine: async (key, request, use, sink, signal) =>
      (await chooseMember(request.platform)).engine.examine(key, request, use, sink, signal),
    open: async (key, request, sink, signal) => (await chooseMember(request.platform)).engine.open(key, request, sink, signal),
    cleanUp: async (keep) => {
      const removed: string[] = [];
      let away: unknown;
      // One that is away does not keep the others from being cleaned.
      for (const { engine } of pooled) {
        try {
          removed.push(...(await engine.cleanUp(keep)));
        } catch (error) {
          away ??= error;
        }
      }
      if (away !== undefined) throw away;
      return removed;
    },
  };
}

function platformsOf({ engine, platforms }: PooledEngine): Promise<readonly Platform[]> {
  return platforms === undefined ? engine.platforms() : Promise.resolve(platforms);
}

/** The same engine; those of its calls that take a place on it are counted. */
function counting(engine: Engine, counted: <T>(engine: Engine, call: () => Promise<T>) => Promise<T>): Engine {
  const own: Engine = {
    name: engine.name,
    kind: engine.kind,
    checksLayers: () => engine.checksLayers(),
    capabilities: () => engine.capabilities(),
    platforms: () => engine.platforms(),
    build: (...call) => counted(own, () => engine.build(...call)),
    inspect: (...call) => engine.inspect(...call),
    push: (...call) => engine.push(...call),
    run: (...call) => counted(own, () => engine.run(...call)),
    examine: (...call) => counted(own, () => engine.examine(...call)),
    open: (...call) => countedUntilClosed(own, () => engine.open(...call), counted),
    cleanUp: (keep) => engine.cleanUp(keep),
  };
  return own;
}

/** A container has its place until it is closed. */
function countedUntilClosed(
  own: Engine,
  open: () => Promise<OpenOutcome>,
  counted: <T>(engine: Engine, call: () => Promise<T>) => Promise<T>,
): Promise<OpenOutcome> {
  const closed = Promise.withResolvers<void>();
  const outcome = open().then((opened): OpenOutcome => {
    if (opened.outcome !== "open") {
      closed.resolve();
      return opened;
    }
    const { container } = opened;
    return { outcome: "open", container: { ...container, close: () => container.close().finally(closed.resolve) } };
  });
  outcome.catch(() => closed.resolve());
  void counted(own, () => closed.promise);
  return outcome;
}
