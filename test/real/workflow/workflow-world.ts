import { z } from "zod";
import { silentLog } from "../../../src/log.ts";
import type { Store } from "../../../src/store/store.ts";
import { type Ending, type Flow, isFinal, type Run, type RunRequest } from "../../../src/workflow/run.ts";
import type { Step } from "../../../src/workflow/step.ts";
import { createWorker, type Worker, type WorkerOptions } from "../../../src/workflow/worker.ts";
import { type TestClock, testClock } from "../../support/clock.ts";
import type { TestDatabase } from "../../support/database.ts";

/** Workers over one real database, with flows that tell what they do; each worker has a store of its own, as each process has. */
export interface World {
  readonly clock: TestClock;
  readonly told: string[];
  readonly store: Store;
  /** Not started: it stands for the command line, or asks about runs. */
  readonly desk: Worker;
  worker(options?: Partial<WorkerOptions>): Promise<Worker>;
  /** Sweeps from the desk until the run is as wanted; fails after ten seconds. */
  until(run: string, wanted: (run: Run) => boolean): Promise<Run>;
  untilEnded(run: string): Promise<Run>;
  request(subject: string, more?: Partial<RunRequest>): RunRequest;
  close(): Promise<void>;
}

export const Intent = z.object({ name: z.string() });
export type Intent = z.infer<typeof Intent>;

/** A flow whose parts a test writes down; `finish` tells how it ended, unless the test says more. */
export function flowOf(
  told: string[],
  run: (step: Step, intent: Intent) => Promise<void>,
  finish: (step: Step, intent: Intent, ending: Ending) => Promise<void> = async (step, _intent, ending) => {
    await step("say how it ended", z.void(), async () => void told.push(`finish ${ending.status}`));
  },
): Flow<Intent> {
  return { name: "test", intent: Intent, run, finish };
}

export async function openWorld(database: TestDatabase, flow: (told: string[]) => Flow<Intent>): Promise<World> {
  const clock = testClock();
  const told: string[] = [];
  const store = await database.open(clock);
  const flows = [flow(told)];
  const desk = createWorker({ store, flows, log: silentLog, concurrency: 1 });
  const open = new Map<Worker, Store>();
  let keys = 0;

  const until: World["until"] = async (run, wanted) => {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const found = await desk.runs.find(run);
      if (found && wanted(found)) return found;
      if (Date.now() > deadline) throw new Error(`run ${run} is still ${JSON.stringify(found)}; told: ${told.join(", ")}`);
      await desk.sweep();
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  };

  return {
    ...{ clock, told, store, desk, until },
    untilEnded: (run) => until(run, (one) => isFinal(one.status)),
    async worker(options = {}) {
      const own = await database.open(clock);
      const worker = createWorker({ store: own, flows, log: silentLog, concurrency: 4, graceMs: 1000, abortMs: 300, ...options });
      open.set(worker, own);
      await worker.start();
      return worker;
    },
    request: (subject, more = {}) => ({
      flow: "test",
      subject,
      intent: { name: subject },
      key: `key ${++keys}`,
      whenBusy: "queue",
      ...more,
    }),
    async close() {
      for (const [worker, own] of open) {
        await worker.stop();
        await own.close();
      }
      await store.close();
    },
  };
}

/** A promise to hold a step up with. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

/** As a well-behaved port: ends when the signal does. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    if (signal.aborted) reject(signal.reason as Error);
  });
}
