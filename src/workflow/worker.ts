import { endsWithin } from "../domain/ends-within.ts";
import { appError, reportError } from "../domain/errors.ts";
import type { Log } from "../log.ts";
import { type BackOff, usualBackOff } from "./back-off.ts";
import { type Execution, executeRun, type JournalHooks, type StepDone } from "./execute-run.ts";
import { hearDeliveries, type OnDelivery } from "./hear-deliveries.ts";
import type { Asked, Claim, WorkflowStore } from "./journal-store.ts";
import type { Flow, RunRequest, Runs } from "./run.ts";
import type { Transaction } from "./step.ts";

export type { JournalHooks, OnDelivery };

export interface WorkerOptions {
  readonly store: WorkflowStore;
  // biome-ignore lint/suspicious/noExplicitAny: each flow has an intent of its own, which only its own schema reads
  readonly flows: readonly Flow<any>[];
  readonly log: Log;
  /** Runs at a time in this process. */
  readonly concurrency: number;
  /**
   * Runs of one flow at a time in this process; a flow that is not named may take all of `concurrency`. Long runs need one, else a handful of
   * them holds up every short one.
   */
  readonly most?: Readonly<Record<string, number>>;
  /** Without it this worker leaves deliveries to others. */
  readonly onDelivery?: OnDelivery;
  /** How long a worker that fell silent keeps its runs; one whose process died loses them at once. Default 30 s. */
  readonly leaseMs?: number;
  /** Default {@link usualBackOff}. */
  readonly backOff?: BackOff;
  /** On `stop`: how long steps under way may take to come to their end before they are aborted. Default 20 s. */
  readonly graceMs?: number;
  /** After that, how long an aborted step may take before it is left alone. Default 5 s. */
  readonly abortMs?: number;
  readonly hooks?: JournalHooks;
  readonly stepDone?: StepDone;
}

/** Does the work of runs. `runs` works without `start`: a command line tool starts and cancels what a service then does. */
export interface Worker {
  readonly runs: Runs;
  start(): Promise<void>;
  /** Hands over: begins no more steps, lets those under way end, gives every run back for others to go on at once. May be called twice. */
  stop(): Promise<void>;
  /** Sends jobs for what is due and has none: runs of dead workers, waits that are over, deliveries never looked at. Returns how many. */
  sweep(): Promise<number>;
}

/** Deliveries at a time in this process. */
const deliveryHands = 4;

export function createWorker(options: WorkerOptions): Worker {
  const { store, log } = options;
  const { leaseMs = 30_000, backOff = usualBackOff, graceMs = 20_000, abortMs = 5000, hooks = {} } = options;
  const flows = new Map<string, Flow>(options.flows.map((flow) => [flow.name, flow]));
  const names = [...flows.keys()];
  const executions = new Map<string, Execution>();
  /** How many runs are at work here of each flow that has only so many places. */
  const atWork = new Map<string, number>();
  let choosing: Promise<unknown> = Promise.resolve();
  let presence: { readonly holder: string; close(): Promise<void> } | undefined;
  let stopping = false;
  let stopped: Promise<void> | undefined;

  /** Wakes whoever works on a run that was asked to end, here at once, elsewhere with the next heartbeat; nobody: a job. */
  async function tell(asked: Asked, transaction: Transaction): Promise<void> {
    if (asked.idle) await store.jobs.send("runs", asked.run, transaction);
    else store.afterCommit(transaction, () => executions.get(asked.run)?.endAs(asked.ending));
  }

  async function start(request: RunRequest, transaction: Transaction): Promise<string> {
    const flow = flows.get(request.flow);
    if (!flow) throw appError("workflow.flow-unknown", `there is no flow "${request.flow}"`);
    const intent = await flow.intent.safeParseAsync(request.intent);
    if (!intent.success) {
      throw appError("workflow.intent-invalid", `flow ${request.flow} cannot read the intent of ${request.key}`, { cause: intent.error });
    }
    const started = await store.journal.start(request, transaction);
    for (const asked of started.asked) await tell(asked, transaction);
    if (started.created) await store.jobs.send("runs", started.run, transaction);
    return started.run;
  }

  const runs: Runs = {
    start: (request, transaction) => (transaction ? start(request, transaction) : store.transaction((own) => start(request, own))),
    cancel: (run, reason) =>
      store.transaction(async (transaction) => {
        const asked = await store.journal.ask(run, { status: "cancelled", reason }, transaction);
        if (asked) await tell(asked, transaction);
        return asked !== undefined;
      }),
    wake: (run) =>
      store.transaction(async (transaction) => {
        if (await store.journal.wake(run, transaction)) await store.jobs.send("runs", run, transaction);
      }),
    find: (run) => store.journal.find(run),
    list: (filter) => store.journal.list(filter),
    journal: (run) => store.journal.listEntries(run),
  };

  async function lookAtRun(id: string): Promise<void> {
    // The job that goes on with a paused run may come before the pause has quite ended.
    await executions.get(id)?.ended;
    if (stopping || !presence) return;
    const { holder } = presence;
    const run = await store.journal.find(id);
    const most = options.most?.[run?.flow ?? ""];
    // What was asked to end has only its last words to say, which must not wait for a place.
    if (run === undefined || most === undefined || run.ending !== undefined) return await workOn(await claim(id, holder));
    await takeTurns(run.flow, most, id, holder);
  }

  /** What is at work here is ours, also while the database has lost our sign of life and calls it free. */
  async function claim(id: string, holder: string): Promise<Claim | undefined> {
    return executions.has(id) ? undefined : await store.journal.claim(id, holder, leaseMs, names);
  }

  /**
   * Of flows that have only so many places the job says no more than that there is something to do. Whoever has a place takes the run whose turn it
   * is, and then the next, so that no place stays empty and no repository waits for all that another has asked for.
   */
  async function takeTurns(flow: string, most: number, asked: string, holder: string): Promise<void> {
    if ((atWork.get(flow) ?? 0) >= most) return;
    atWork.set(flow, (atWork.get(flow) ?? 0) + 1);
    try {
      for (let next = await claimNext(flow, holder, asked); next !== undefined; next = await claimNext(flow, holder)) await workOn(next);
    } finally {
      atWork.set(flow, (atWork.get(flow) ?? 1) - 1);
    }
  }

  /** One after the other in this process, so that two never choose the same; another process may be first, so a few are tried. */
  function claimNext(flow: string, holder: string, asked?: string): Promise<Claim | undefined> {
    const choose = async () => {
      if (stopping) return undefined;
      // The clock of a job may be ahead of ours by a little: the one that was asked for is tried though it is not due.
      for (const id of [...(await store.journal.listDue([flow], 5 + executions.size)), ...(asked === undefined ? [] : [asked])]) {
        const found = await claim(id, holder);
        if (found !== undefined) return found;
      }
      return undefined;
    };
    const chosen = choosing.then(choose);
    choosing = chosen.catch(() => undefined);
    return chosen;
  }

  async function workOn(claim: Claim | undefined): Promise<void> {
    const flow = claim && flows.get(claim.run.flow);
    if (!claim || !flow) return;
    const { id } = claim.run;
    const execution = executeRun(claim, {
      store,
      flow,
      log,
      leaseMs,
      backOff,
      hooks,
      ...(options.stepDone ? { stepDone: options.stepDone } : {}),
    });
    executions.set(id, execution);
    // The worker may have begun to stop while the run was being claimed.
    if (stopping) execution.handOver();
    await execution.ended;
    if (executions.get(id) === execution) executions.delete(id);
  }

  /** A job that could not be looked at is lost, and a sweep makes it good: pg-boss need not know. */
  function quietly(look: (id: string) => Promise<void>): (id: string) => Promise<void> {
    return async (id) => {
      await look(id).catch((error: unknown) => log.warn({ id, error: reportError(error) }, "a job could not be looked at"));
    };
  }

  async function sweep(): Promise<number> {
    // A job for what is at work here would hold a hand until that has ended.
    const due = (await store.journal.listDue(names)).filter((run) => !executions.has(run));
    const deliveries = options.onDelivery ? await store.deliveries.listDue() : [];
    for (const run of due) await store.transaction((transaction) => store.jobs.send("runs", run, transaction));
    // Each job is about all that are due; several, since other workers may have a hand free.
    for (const delivery of deliveries.slice(0, deliveryHands))
      await store.transaction((transaction) => store.jobs.send("deliveries", delivery, transaction));
    return due.length + deliveries.length;
  }

  async function handOver(): Promise<void> {
    stopping = true;
    const jobsEnded = store.jobs.stopWork();
    for (const execution of executions.values()) execution.handOver();
    const all = () => Promise.all([...executions.values()].map((execution) => execution.ended));
    if (!(await endsWithin(all(), graceMs))) {
      for (const execution of executions.values()) execution.abort();
      // What hears no signal is left alone: its session ends with ours, and what it records after that is refused.
      if (!(await endsWithin(all(), abortMs))) log.warn({ runs: [...executions.keys()] }, "steps that do not end were left behind");
    }
    if (executions.size === 0) await jobsEnded;
    else jobsEnded.catch(() => undefined);
    await presence?.close();
  }

  return {
    runs,
    async start() {
      presence = await store.journal.openPresence();
      const { onDelivery } = options;
      await store.jobs.work("runs", options.concurrency, quietly(lookAtRun));
      if (onDelivery) {
        const isStopping = () => stopping;
        const hear = hearDeliveries({ store, onDelivery, start, backOff, log, hands: deliveryHands, isStopping });
        await store.jobs.work("deliveries", deliveryHands, quietly(hear));
      }
      await sweep();
    },
    stop() {
      stopped ??= handOver();
      return stopped;
    },
    sweep,
  };
}
