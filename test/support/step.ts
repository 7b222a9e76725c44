import type { z } from "zod";
import type { PhasedEntry } from "../../src/workflow/journal-store.ts";
import { type InFlight, journalledStep } from "../../src/workflow/journalled-step.ts";
import type { Step, Transaction } from "../../src/workflow/step.ts";

export interface MemoryStep extends Step {
  /** Names of the steps recorded, in the order of their ends. */
  readonly names: readonly string[];
  resultOf(name: string): unknown;
  /** A transaction is open: what is asked for now would hold its connection meanwhile. */
  readonly isWriting: boolean;
  /** The same run taken up again, as after a crash: what is recorded is not done again. */
  resumed(phase?: PhasedEntry["phase"]): MemoryStep;
}

/**
 * A step for unit tests of flows: the product's own rules (names once, schemas, JSON) over a journal in memory. The transaction is a
 * token for fakes to ignore. `failBefore` throws instead of beginning the named step.
 */
export function memoryStep(
  options: { readonly run?: string; readonly signal?: AbortSignal; readonly failBefore?: string } = {},
): MemoryStep {
  return over(new Map(), options, "run", []);
}

function over(
  entries: Map<string, PhasedEntry>,
  options: Parameters<typeof memoryStep>[0] & {},
  phase: PhasedEntry["phase"],
  names: string[],
): MemoryStep {
  const { run = "20260101-0000abc", signal = new AbortController().signal, failBefore } = options;
  const inFlight: InFlight = new Set();
  const step = journalledStep(
    {
      ...{ run, phase, signal },
      find: (name) => entries.get(name),
      mayBegin: () => signal.throwIfAborted(),
      async append(name, startedAt, change) {
        const result = await change({} as Transaction);
        const copy = result === undefined ? undefined : JSON.parse(JSON.stringify(result));
        entries.set(name, { step: name, phase, result: copy, startedAt: startedAt.toISOString(), finishedAt: new Date().toISOString() });
        names.push(name);
        return result;
      },
      now: () => new Date(),
    },
    inFlight,
  );
  const refuse = (name: string) => {
    if (name === failBefore) throw new Error(`stopped before ${name}`);
  };
  const guarded = async <T>(name: string, schema: z.ZodType<T>, effect: (key: string, signal: AbortSignal) => Promise<T>): Promise<T> => {
    refuse(name);
    return await step(name, schema, effect);
  };
  let writing = 0;
  const write: Step["write"] = async (name, schema, change) => {
    refuse(name);
    return await step.write(name, schema, async (transaction) => {
      writing += 1;
      return await change(transaction).finally(() => {
        writing -= 1;
      });
    });
  };
  const made = Object.assign(guarded, {
    ...{ write, run },
    names,
    resultOf: (name: string) => entries.get(name)?.result,
    resumed: (next: PhasedEntry["phase"] = phase) => over(entries, { run, signal }, next, names),
    isWriting: false,
  });
  return Object.defineProperty(made, "isWriting", { get: () => writing > 0 });
}
