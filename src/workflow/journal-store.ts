import type { StoredDelivery } from "../intake/inbox.ts";
import type { Retry } from "./back-off.ts";
import type { Ending, JournalEntry, Run, RunFilter, RunRequest, RunStatus } from "./run.ts";
import type { Transaction } from "./step.ts";

/** The right to work on a run until it expires. `fence` grows with each lease: a write under an older one is refused. */
export interface Lease {
  readonly run: string;
  readonly holder: string;
  readonly fence: number;
}

/** A run taken up: where it stood, and everything that is recorded of it. */
export interface Claim {
  readonly lease: Lease;
  readonly run: Run;
  /** Set: what is left to do is to finish, in this way. */
  readonly ending?: Ending;
  readonly entries: readonly PhasedEntry[];
}

/** `finish` steps have names of their own; the phase shows when one has not. */
export type PhasedEntry = JournalEntry & { readonly phase: "run" | "finish" };

/** A run that was asked to end. `idle`: nobody works on it, so a job must finish it. */
export interface Asked {
  readonly run: string;
  readonly ending: Ending;
  readonly idle: boolean;
}

/**
 * Runs and their journal. Writes under a lease throw `workflow.lease-lost` when another worker has taken the run over, and undo their
 * transaction with that.
 */
export interface JournalStore {
  /** Writes the run down, unless its key is known; with `supersede`, asks the open runs of its subject to end. */
  start(
    request: RunRequest,
    transaction: Transaction,
  ): Promise<{ readonly run: string; readonly created: boolean; readonly asked: readonly Asked[] }>;
  /** Takes a run whose turn it is and that nobody holds; undefined otherwise. */
  claim(run: string, holder: string, leaseMs: number, flows: readonly string[]): Promise<Claim | undefined>;
  /** Prolongs the lease; returns how the run was asked to end, when it was. */
  renew(lease: Lease, leaseMs: number): Promise<Ending | undefined>;
  /** Appends a step; progress, so that the attempts are counted from zero again. Returns as `renew`. */
  record(lease: Lease, entry: PhasedEntry, transaction: Transaction): Promise<Ending | undefined>;
  /** Settles how the run ends, before `finish`. Who came first counts: the ending returned is the run's. */
  settle(lease: Lease, ending: Ending, transaction: Transaction): Promise<Ending>;
  /** Gives the lease back; the run is due again after `afterMs`, at once when it was asked to end in the meantime: returns when it is. */
  pause(
    lease: Lease,
    pause: {
      readonly status: "queued" | "waiting";
      readonly waitingFor?: string;
      readonly attempt: number;
      readonly afterMs: number;
      readonly phase: "run" | "finish";
    },
    transaction: Transaction,
  ): Promise<number>;
  /** Ends the run and gives the lease back; returns the run of the same subject whose turn is next. */
  end(lease: Lease, status: RunStatus, error: Run["error"], transaction: Transaction): Promise<string | undefined>;
  /** Asks a run to end; undefined when it has ended, or is ending already. */
  ask(run: string, ending: Ending, transaction: Transaction): Promise<Asked | undefined>;
  /** Makes a waiting run due at once; false when it does not wait. */
  wake(run: string, transaction: Transaction): Promise<boolean>;
  /**
   * Runs that are due, whose turn it is, and that no living worker holds, in the order in which they should be taken: of each flow one for each
   * repository, then the second of each, runs at work counted; among equals first the one whose repository had to wait longest, then the oldest.
   * So nobody waits for the whole queue of somebody else.
   */
  listDue(flows: readonly string[], limit?: number): Promise<readonly string[]>;
  find(run: string): Promise<Run | undefined>;
  list(filter: RunFilter): Promise<readonly Run[]>;
  listEntries(run: string): Promise<readonly JournalEntry[]>;
  /** A worker's sign of life: when its process dies the database knows at once, and its leases are free without waiting for their time. */
  openPresence(): Promise<{ readonly holder: string; close(): Promise<void> }>;
}

/** Deliveries as the worker takes them; a delivery that is being looked at is not due for `leaseMs`. `attempt` counts the look that begins. */
export interface DeliveryQueue {
  /** That one, if it is due: its job's clock may be ahead of ours by a little. */
  claim(id: string, leaseMs: number): Promise<{ readonly delivery: StoredDelivery; readonly attempt: number } | undefined>;
  /** The one that has been due for longest, of those that nobody else is about to take; undefined when there is none. */
  claimNext(leaseMs: number): Promise<{ readonly delivery: StoredDelivery; readonly attempt: number } | undefined>;
  postpone(id: string, retry: Retry, transaction: Transaction): Promise<void>;
  listDue(): Promise<readonly string[]>;
}

/** What wakes workers up. A job is a hint to look at a row: twice or late does no harm, and sweeps make good what is lost. */
export interface Jobs {
  /** In the transaction that makes the row due. At most one early and one late job stand for a row. */
  send(queue: JobQueue, id: string, transaction: Transaction, afterMs?: number): Promise<void>;
  /** Calls `look` for each job, `concurrency` at a time. */
  work(queue: JobQueue, concurrency: number, look: (id: string) => Promise<void>): Promise<void>;
  /** Takes no more jobs; resolves when those at work have ended. */
  stopWork(): Promise<void>;
}

export type JobQueue = "runs" | "deliveries";

/** What the worker needs of the store. */
export interface WorkflowStore {
  readonly journal: JournalStore;
  readonly deliveries: DeliveryQueue;
  readonly jobs: Jobs;
  readonly inbox: {
    finish(id: string, status: "done" | "failed", outcome: string, transaction: Transaction): Promise<void>;
  };
  transaction<T>(change: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Calls `action` once the transaction is committed; not at all when it is rolled back. */
  afterCommit(transaction: Transaction, action: () => void): void;
  now(): Date;
}
