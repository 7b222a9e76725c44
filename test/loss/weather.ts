import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { bundleProgram, shortLived } from "../support/bundle-program.ts";
import type { GithubInstallation } from "../support/github-installation.ts";
import { type ServeProcess, startServe } from "../support/serve-process.ts";

/** What the service lives through while people do what they do. */
export interface Weather extends AsyncDisposable {
  /** Something that people do together: in bad weather nothing of it is heard of before all of it is done. */
  stage<T>(act: () => Promise<T>): Promise<T>;
  /** Rejects when the service does not come up again. */
  readonly trouble: Promise<never>;
  /** Nothing more is lost and the service dies no more; it runs. */
  clear(): Promise<void>;
  /** How often the service was killed so far. */
  readonly kills: number;
}

/** flibs in one file, and where what is compiled of it is kept: the storm starts it a dozen times. */
export interface Program {
  readonly file: string;
  readonly compiled: string;
}

export async function serveProgram(directory: string): Promise<Program> {
  const file = join(directory, "flibs.mjs");
  await bundleProgram(join(import.meta.dirname, "../../src/main.ts"), file);
  return { file, compiled: join(directory, "compiled") };
}

/** Every delivery arrives once, in order, at a service that runs. */
export async function calmWeather(world: GithubInstallation, program: Program): Promise<Weather> {
  const serve = await serving(world, program);
  return {
    stage: (act) => act(),
    trouble: new Promise(() => {}),
    clear: async () => {},
    kills: 0,
    [Symbol.asyncDispose]: async () => void (await serve.stop()),
  };
}

/**
 * Of each event every tenth delivery is lost and every tenth arrives twice; they wait and come in any order; and the service dies without a word
 * again and again, and stays away for a moment.
 */
export async function roughWeather(world: GithubInstallation, program: Program, seed: number): Promise<Weather> {
  const { hooks } = world.github;
  const random = seeded(seed);
  const between = (least: number, most: number) => Math.floor(least + random() * (most - least));
  let serve = await serving(world, program);
  let kills = 0;
  let acting = false;
  const over = new AbortController();
  const { promise: trouble, reject } = Promise.withResolvers<never>();
  trouble.catch(() => {});
  const pause = (least: number, most: number) => delay(between(least, most), undefined, { signal: over.signal }).catch(() => {});

  hooks.transmission.shuffle = (count) => shuffled(count, random);
  Object.assign(hooks.transmission, { loseEvery: 10, doubleEvery: 10, hold: true });
  const releaseAll = async () => {
    const released = hooks.release();
    hooks.transmission.hold = !over.signal.aborted;
    await released;
  };
  async function post(): Promise<void> {
    while (!over.signal.aborted) {
      await pause(100, 600);
      if (!acting) await releaseAll();
    }
  }
  async function storm(deaths: number): Promise<void> {
    for (let left = deaths; left > 0; left -= 1) {
      await pause(300, 3000);
      if (over.signal.aborted) return;
      await serve.kill();
      kills += 1;
      await pause(0, 700);
      serve = await serving(world, program);
    }
  }
  const posting = post();
  posting.catch(reject);
  let storms: Promise<void> = Promise.resolve();

  async function clear(): Promise<void> {
    await storms;
    over.abort();
    await posting;
    Object.assign(hooks.transmission, { loseEvery: undefined, doubleEvery: undefined });
    await releaseAll();
  }
  return {
    async stage(act) {
      acting = true;
      // One to three deaths for each stage: while people act, while flibs works for them, while it waits for more.
      const deaths = between(1, 4);
      storms = storms.then(() => storm(deaths));
      storms.catch(reject);
      try {
        return await act();
      } finally {
        await releaseAll();
        acting = false;
      }
    },
    trouble,
    clear,
    get kills() {
      return kills;
    },
    async [Symbol.asyncDispose]() {
      over.abort();
      await Promise.allSettled([posting, storms]);
      await serve.stop();
    },
  };
}

async function serving({ settingsFile, database }: GithubInstallation, { file, compiled }: Program): Promise<ServeProcess> {
  return await startServe(settingsFile, { DATABASE_URL: database.url, NODE_COMPILE_CACHE: compiled }, [...shortLived, file]);
}

function shuffled(count: number, random: () => number): readonly number[] {
  const order = [...Array(count).keys()];
  for (let left = count - 1; left > 0; left -= 1) {
    const other = Math.floor(random() * (left + 1));
    [order[left], order[other]] = [order[other] as number, order[left] as number];
  }
  return order;
}

/** Numbers from 0 to 1, the same for the same seed: mulberry32, of the public domain. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
