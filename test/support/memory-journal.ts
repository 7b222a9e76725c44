import { reportError } from "../../src/domain/errors.ts";
import type { PhasedEntry } from "../../src/workflow/journal-store.ts";
import { type InFlight, journalledStep } from "../../src/workflow/journalled-step.ts";
import type { Ending, Flow } from "../../src/workflow/run.ts";
import { isSuspended, type Step, type Transaction } from "../../src/workflow/step.ts";

export interface MemoryRun {
  /** Steps that were really carried out by the last attempt, in order. */
  readonly carriedOut: string[];
  readonly journal: Map<string, PhasedEntry>;
  /** Aborts what runs, as cancelling or a lost lease does; `finish` runs nevertheless. */
  readonly controller: AbortController;
  /** Called before a step is carried out; throws to end the attempt there as a crash does: `finish` is not run. */
  before: (step: string) => void | Promise<void>;
  /** Called when an effect has happened and is not recorded yet; throws as `before` does. */
  after: (step: string) => void | Promise<void>;
}

/** What a test throws out of `before` in the place of a SIGKILL. */
export class Crash extends Error {}

/** Runs whole flows as the worker does: the product's own rules for steps, over a journal in memory. */
export function memoryJournal() {
  const runs = new Map<string, MemoryRun>();
  const runOf = (id: string): MemoryRun => {
    const known = runs.get(id);
    if (known !== undefined) return known;
    const made = { carriedOut: [], journal: new Map(), controller: new AbortController(), before: () => {}, after: () => {} };
    runs.set(id, made);
    return made;
  };

  function stepOf(id: string, phase: PhasedEntry["phase"], signal: AbortSignal, inFlight: InFlight): Step {
    const run = runOf(id);
    const now = () => new Date();
    const step = journalledStep(
      {
        ...{ run: id, phase, signal, now },
        find: (name) => run.journal.get(name),
        mayBegin: () => signal.throwIfAborted(),
        async append(name, startedAt, change) {
          const result = await change({} as Transaction);
          run.journal.set(name, { step: name, phase, result, startedAt: startedAt.toISOString(), finishedAt: now().toISOString() });
          run.carriedOut.push(name);
          return result;
        },
      },
      inFlight,
    );
    const guarded: Step = Object.assign(
      ((name, schema, effect) =>
        step(name, schema, async (key, given) => {
          await run.before(name);
          const result = await effect(key, given);
          await run.after(name);
          return result;
        })) as Step,
      {
        run: id,
        write: ((name, schema, change) =>
          step.write(name, schema, async (transaction) => {
            await run.before(name);
            return await change(transaction);
          })) as Step["write"],
      },
    );
    return guarded;
  }

  /** One attempt to the end; returns what the flow threw. `ended` stands for a decision from outside: cancelled, superseded. */
  async function attempt<Intent>(flow: Flow<Intent>, id: string, intent: Intent, ended?: () => Ending | undefined): Promise<unknown> {
    const run = runOf(id);
    run.carriedOut.length = 0;
    const crashed = (error: unknown) => {
      if (error instanceof Crash || isSuspended(error)) return error;
      throw error;
    };
    const inFlight: InFlight = new Set();
    // A failed Promise.all leaves siblings at work: they must not meet `finish`, nor the next attempt.
    const settled = async (work: Promise<void>) => {
      try {
        await work;
      } finally {
        while (inFlight.size > 0) await Promise.allSettled(inFlight);
      }
    };
    // Whatever aborted the run, its last words are said.
    const finish = (ending: Ending) =>
      settled(flow.finish(stepOf(id, "finish", new AbortController().signal, inFlight), intent, ended?.() ?? ending));
    try {
      await settled(flow.run(stepOf(id, "run", run.controller.signal, inFlight), intent));
    } catch (error) {
      if (error instanceof Crash || isSuspended(error)) return error;
      const report = reportError(error);
      const ending: Ending =
        report.kind === "stale" ? { status: "superseded", reason: report.message } : { status: "failed", error: report };
      return (await finish(ending).catch(crashed)) ?? error;
    }
    return await finish({ status: "done" }).catch(crashed);
  }

  return { attempt, runOf };
}
