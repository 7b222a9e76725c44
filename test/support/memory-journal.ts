import { reportError } from "../../src/domain/errors.ts";
import type { Ending, Flow } from "../../src/workflow/run.ts";
import { isSuspended, type Step, type Transaction } from "../../src/workflow/step.ts";

export interface MemoryRun {
  /** Steps that were really carried out by the last attempt, in order. */
  readonly carriedOut: string[];
  readonly journal: Map<string, unknown>;
  /** Aborts what runs, as cancelling or a lost lease does. */
  readonly controller: AbortController;
  /** Called before a step is carried out; throws to end the attempt there as a crash does: `finish` is not run. */
  before: (step: string) => void | Promise<void>;
}

/** What a test throws out of `before` in the place of a SIGKILL. */
export class Crash extends Error {}

/** Runs flows as the worker does, with the journal in memory: recorded steps give back their result, read through their schema. */
export function memoryJournal() {
  const runs = new Map<string, MemoryRun>();
  const runOf = (id: string): MemoryRun => {
    const known = runs.get(id);
    if (known !== undefined) return known;
    const made = { carriedOut: [], journal: new Map(), controller: new AbortController(), before: () => {} };
    runs.set(id, made);
    return made;
  };

  function stepOf(id: string): Step {
    const run = runOf(id);
    const names = new Set<string>();
    const record = async <T>(name: string, schema: { parse(value: unknown): T }, work: () => Promise<T>): Promise<T> => {
      if (names.has(name)) throw new Error(`step ${name} twice`);
      names.add(name);
      if (run.journal.has(name)) return schema.parse(run.journal.get(name));
      await run.before(name);
      const result: unknown = JSON.parse(JSON.stringify(await work()));
      run.journal.set(name, result);
      run.carriedOut.push(name);
      return schema.parse(result);
    };
    const step: Step = Object.assign(
      ((name, schema, effect) => record(name, schema, () => effect(`${id}/${name}`, run.controller.signal))) as Step,
      { run: id, write: ((name, schema, change) => record(name, schema, () => change({} as Transaction))) as Step["write"] },
    );
    return step;
  }

  /** One attempt to the end; returns what the flow threw. `ended` stands for a decision from outside: cancelled, superseded. */
  async function attempt<Intent>(flow: Flow<Intent>, id: string, intent: Intent, ended?: () => Ending | undefined): Promise<unknown> {
    const run = runOf(id);
    run.carriedOut.length = 0;
    const step = stepOf(id);
    try {
      await flow.run(step, intent);
      await flow.finish(step, intent, ended?.() ?? { status: "done" });
      return undefined;
    } catch (error) {
      if (error instanceof Crash || isSuspended(error)) return error;
      await flow.finish(step, intent, ended?.() ?? { status: "failed", error: reportError(error) });
      return error;
    }
  }

  return { attempt, runOf };
}
