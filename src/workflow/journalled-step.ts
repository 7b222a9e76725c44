import { z } from "zod";
import { appError } from "../domain/errors.ts";
import type { PhasedEntry } from "./journal-store.ts";
import type { Step, Transaction } from "./step.ts";

/** Where a {@link Step} finds and leaves its results. */
export interface Journal {
  readonly run: string;
  readonly phase: PhasedEntry["phase"];
  readonly signal: AbortSignal;
  find(step: string): PhasedEntry | undefined;
  /** Throws when nothing more is to be begun: cancelled, lease lost, handing over. */
  mayBegin(): void;
  /** Appends, in one transaction with `change`, which gives the result. */
  append(step: string, startedAt: Date, change: (transaction: Transaction) => Promise<unknown>): Promise<unknown>;
  now(): Date;
}

/** Steps under way; a run's lease is not given back before they have all come to an end. */
export type InFlight = Set<Promise<unknown>>;

/** A {@link Step} over a journal; one for each phase of each attempt. */
export function journalledStep(journal: Journal, inFlight: InFlight): Step {
  const used = new Set<string>();

  function once<T>(name: string, schema: z.ZodType<T>, act: () => Promise<unknown>): Promise<T> {
    if (used.has(name)) return Promise.reject(appError("workflow.step-repeated", `step "${name}" is used twice in run ${journal.run}`));
    used.add(name);
    const known = journal.find(name);
    if (known && known.phase !== journal.phase) {
      return Promise.reject(
        appError("workflow.step-repeated", `step "${name}" is used both before and in the finish of run ${journal.run}`),
      );
    }
    if (known) return readResult(journal.run, name, schema, known.result);
    const work = (async () => {
      journal.mayBegin();
      // Read back as a resumed run will: what the schema or JSON would change is changed now, not only after a crash.
      return await readResult(journal.run, name, schema, await act());
    })();
    inFlight.add(work);
    const gone = () => inFlight.delete(work);
    work.then(gone, gone);
    return work;
  }

  function step<T>(name: string, schema: z.ZodType<T>, effect: (key: string, signal: AbortSignal) => Promise<T>): Promise<T> {
    return once(name, schema, async () => {
      const startedAt = journal.now();
      const outcome = await effect(`${journal.run}/${name}`, journal.signal);
      // A port may answer an abort with a result ("cancelled"): after a hand-over that must not be what the next worker finds.
      journal.signal.throwIfAborted();
      const result = await checkResult(journal.run, name, schema, outcome);
      return await journal.append(name, startedAt, async () => result);
    });
  }

  function write<T>(name: string, schema: z.ZodType<T>, change: (transaction: Transaction) => Promise<T>): Promise<T> {
    return once(name, schema, async () =>
      journal.append(name, journal.now(), async (transaction) => checkResult(journal.run, name, schema, await change(transaction))),
    );
  }

  return Object.assign(step, { write, run: journal.run });
}

/** Through JSON and the schema, before it is recorded: an entry that cannot be read back would stop the run for good. */
async function checkResult<T>(run: string, name: string, schema: z.ZodType<T>, result: T): Promise<unknown> {
  const plain = result === undefined ? undefined : (JSON.parse(JSON.stringify(result)) as unknown);
  await readResult(run, name, schema, plain);
  return plain;
}

async function readResult<T>(run: string, name: string, schema: z.ZodType<T>, result: unknown): Promise<T> {
  const parsed = await schema.safeParseAsync(result);
  if (parsed.success) return parsed.data;
  throw appError(
    "workflow.journal-unreadable",
    `the result of step "${name}" of run ${run} does not fit its schema: ${z.prettifyError(parsed.error)}`,
  );
}
