import { appError, errorKind, isAppError, reportError } from "../domain/errors.ts";
import type { Log } from "../log.ts";
import { type BackOff, planRetry } from "./back-off.ts";
import type { Claim, WorkflowStore } from "./journal-store.ts";
import { type InFlight, journalledStep } from "./journalled-step.ts";
import type { Ending, Flow } from "./run.ts";
import { isSuspended, type Transaction } from "./step.ts";

/** Called around each commit of a step or of a run's status (`status:done`); the crash suite ends the process in them. */
export interface JournalHooks {
  beforeJournal?(run: string, step: string): Promise<void>;
  afterJournal?(run: string, step: string): Promise<void>;
}

export interface ExecuteOptions {
  readonly store: WorkflowStore;
  readonly flow: Flow;
  readonly log: Log;
  readonly leaseMs: number;
  readonly backOff: BackOff;
  readonly hooks: JournalHooks;
  /** Told of each step that was recorded; for metrics. */
  readonly stepDone?: StepDone;
}

export type StepDone = (flow: string, step: string, ms: number) => void;

/** One worker's work on one run, from claim to pause or end. */
export interface Execution {
  /** Never rejects. */
  readonly ended: Promise<void>;
  /** The run was asked to end: the steps under way are aborted and `finish` runs. */
  endAs(ending: Ending): void;
  /** Begins no more steps. */
  handOver(): void;
  /** Aborts the steps under way; with `handOver`, when the time of grace is over. */
  abort(): void;
}

/** Lost leases and hand-overs leave no trace in the run: another worker goes on. */
type Stop = { readonly why: "lost" } | { readonly why: "hand-over" } | { readonly why: "ending"; readonly ending: Ending };

export function executeRun(claim: Claim, options: ExecuteOptions): Execution {
  const { store, flow, hooks } = options;
  const { lease, run } = claim;
  const log = options.log.child({ run: run.id, flow: run.flow });
  const entries = new Map(claim.entries.map((entry) => [entry.step, entry]));
  let attempt = run.attempt;
  let stop: Stop | undefined;
  let controller = new AbortController();
  let finishing = claim.ending !== undefined;

  const stopFor = (next: Stop) => {
    // A lost lease outranks all else; an asked-for ending means nothing to a run that is finishing anyway.
    if (stop?.why === "lost" || (next.why === "ending" && finishing)) return;
    stop = next;
    if (next.why === "lost") controller.abort(appError("workflow.lease-lost", `run ${run.id} was taken over by another worker`));
    if (next.why === "ending") controller.abort(appError("workflow.cancelled", endingWords(next.ending)));
  };
  const told = (ending: Ending | undefined) => {
    if (ending) stopFor({ why: "ending", ending });
  };

  /** One commit, with the hooks around it. */
  async function commit<T>(name: string, change: (transaction: Transaction) => Promise<T>): Promise<T> {
    await hooks.beforeJournal?.(run.id, name);
    try {
      const result = await store.transaction(change);
      await hooks.afterJournal?.(run.id, name);
      return result;
    } catch (error) {
      if (isAppError(error) && error.code === "workflow.lease-lost") stopFor({ why: "lost" });
      throw error;
    }
  }

  async function runPhase(phase: "run" | "finish", body: (step: ReturnType<typeof journalledStep>) => Promise<void>): Promise<void> {
    const inFlight: InFlight = new Set();
    const { signal } = controller;
    const step = journalledStep(
      {
        ...{ run: run.id, phase, signal },
        find: (name) => entries.get(name),
        mayBegin() {
          signal.throwIfAborted();
          if (stop) throw new Error("the worker is stopping");
        },
        async append(name, startedAt, change) {
          const result = await commit(name, async (transaction) => {
            const made = await change(transaction);
            const entry = { step: name, phase, result: made, startedAt: startedAt.toISOString(), finishedAt: store.now().toISOString() };
            told(await store.journal.record(lease, entry, transaction));
            return made;
          });
          const ms = store.now().getTime() - startedAt.getTime();
          log.info({ step: name, attempt, ms }, "step done");
          attempt = 0;
          options.stepDone?.(flow.name, name, ms);
          return result;
        },
        now: () => store.now(),
      },
      inFlight,
    );
    try {
      await body(step);
    } finally {
      // A failed Promise.all leaves siblings at work: they must not meet `finish`, nor the next attempt.
      while (inFlight.size > 0) await Promise.allSettled(inFlight);
    }
  }

  /** Gives the lease back, with the job that takes the run up again in the same transaction. */
  async function pause(status: "queued" | "waiting", afterMs: number, waitingFor?: string): Promise<void> {
    await commit(`status:${status}`, async (transaction) => {
      const why = waitingFor === undefined ? {} : { waitingFor };
      const phase = finishing ? "finish" : "run";
      const dueMs = await store.journal.pause(lease, { status, ...why, attempt, afterMs, phase }, transaction);
      await store.jobs.send("runs", run.id, transaction, dueMs);
    });
  }

  /** What a run that cannot go on now says, before it lets go; a forge that cannot be told is no reason to fail. */
  async function wait(intent: unknown, waitingFor: string, afterMs: number): Promise<void> {
    await flow.waiting?.(run.id, intent, waitingFor).catch((error: unknown) => {
      log.debug({ error: reportError(error) }, "nobody could be told that the run waits");
    });
    await pause("waiting", afterMs, waitingFor);
  }

  /** Counts the failure; how long to pause before the next try, or undefined when there is none. */
  function nextTry(error: unknown): number | undefined {
    const retry = planRetry(error, attempt, options.backOff, store.now());
    attempt = retry?.attempt ?? attempt;
    return retry?.pauseMs;
  }

  /** Runs the flow; how the run is to end, or undefined when it is to go on another time. */
  async function settle(intent: unknown): Promise<Ending | undefined> {
    try {
      await runPhase("run", (step) => flow.run(step, intent));
      return { status: "done" };
    } catch (error) {
      if (stop?.why === "lost") return undefined;
      if (stop?.why === "ending") return stop.ending;
      if (stop?.why === "hand-over") return void (await pause("queued", 0));
      if (isSuspended(error)) return void (await wait(intent, error.waitingFor, error.retryAfterMs));
      if (errorKind(error) === "stale") return { status: "superseded", reason: reportError(error).message };
      const pauseMs = nextTry(error);
      if (pauseMs === undefined) {
        log[errorKind(error) === "internal" ? "error" : "info"]({ error: reportError(error), cause: causeOf(error) }, "run failed");
        return { status: "failed", error: reportError(error) };
      }
      log.warn({ error: reportError(error), attempt, pauseMs }, "run is tried again");
      return void (await wait(intent, reportError(error).message, pauseMs));
    }
  }

  /** Runs the flow's last words; the error that spoiled them, or "later". */
  async function finish(intent: unknown, ending: Ending): Promise<ReturnType<typeof reportError> | "later" | undefined> {
    try {
      await runPhase("finish", (step) => flow.finish(step, intent, ending));
      return undefined;
    } catch (error) {
      if (stop?.why === "lost") return "later";
      if (stop?.why === "hand-over") await pause("queued", 0);
      else if (isSuspended(error)) await pause("waiting", error.retryAfterMs, error.waitingFor);
      else {
        const pauseMs = nextTry(error);
        if (pauseMs === undefined) {
          log.error({ error: reportError(error), cause: causeOf(error) }, "the end of a run failed");
          return reportError(error);
        }
        await pause("waiting", pauseMs, reportError(error).message);
      }
      return "later";
    }
  }

  async function end(ending: Ending, spoiled: ReturnType<typeof reportError> | undefined): Promise<void> {
    const status = ending.status === "done" && spoiled ? "failed" : ending.status;
    const error = ending.status === "failed" ? ending.error : spoiled;
    await commit(`status:${status}`, async (transaction) => {
      const next = await store.journal.end(lease, status, error, transaction);
      if (next !== undefined) await store.jobs.send("runs", next, transaction);
    });
    log.info({ status }, "run ended");
  }

  async function execute(): Promise<void> {
    const intent = await flow.intent.safeParseAsync(run.intent);
    if (!intent.success) {
      // Without an intent there is nothing that finish could be told.
      const error = reportError(appError("workflow.intent-invalid", `run ${run.id} has an intent that flow ${run.flow} cannot read`));
      return await end({ status: "failed", error }, undefined);
    }
    let ending = claim.ending;
    if (!ending) {
      const wanted = await settle(intent.data);
      if (!wanted) return;
      ending = await commit("status:ending", (transaction) => store.journal.settle(lease, wanted, transaction));
      attempt = 0;
    }
    finishing = true;
    controller = new AbortController();
    if (stop?.why === "ending") stop = undefined;
    const spoiled = await finish(intent.data, ending);
    if (spoiled !== "later") await end(ending, spoiled);
  }

  async function beat(): Promise<void> {
    try {
      told(await store.journal.renew(lease, options.leaseMs));
    } catch (error) {
      if (isAppError(error) && error.code === "workflow.lease-lost") stopFor({ why: "lost" });
    }
  }

  const heart = setInterval(() => void beat(), Math.min(2000, options.leaseMs / 3));
  const ended = execute()
    .catch((error: unknown) => {
      // The database is away or the lease is lost: the lease runs out, and a sweep finds the run.
      if (stop?.why !== "lost") log.warn({ error: reportError(error) }, "a run was left for another attempt");
    })
    .finally(() => clearInterval(heart));

  return {
    ended,
    endAs: (ending) => told(ending),
    handOver: () => stopFor({ why: "hand-over" }),
    abort: () => controller.abort(appError("workflow.lease-lost", "the worker is stopping")),
  };
}

function endingWords(ending: Ending): string {
  return ending.status === "cancelled" || ending.status === "superseded" ? ending.reason : ending.status;
}

/** For the operators' log only. */
function causeOf(error: unknown): string | undefined {
  return error instanceof Error ? ((error.cause instanceof Error ? error.cause.stack : undefined) ?? error.stack) : undefined;
}
