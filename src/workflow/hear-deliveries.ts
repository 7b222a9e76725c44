import { reportError } from "../domain/errors.ts";
import type { StoredDelivery } from "../intake/inbox.ts";
import type { Log } from "../log.ts";
import { type BackOff, planRetry } from "./back-off.ts";
import type { WorkflowStore } from "./journal-store.ts";
import type { RunRequest } from "./run.ts";
import type { Transaction } from "./step.ts";

/** Looks at one delivery. The runs it asks for are started in the transaction that marks the delivery done. */
export type OnDelivery = (delivery: StoredDelivery) => Promise<{ readonly outcome: string; readonly start?: readonly RunRequest[] }>;

type Claimed = NonNullable<Awaited<ReturnType<WorkflowStore["deliveries"]["claimNext"]>>>;

/** A delivery whose reader died or hangs is looked at again after this; reading is short work. */
const leaseMs = 60_000;

export interface Hearing {
  readonly store: WorkflowStore;
  readonly onDelivery: OnDelivery;
  readonly start: (request: RunRequest, transaction: Transaction) => Promise<string>;
  readonly backOff: BackOff;
  readonly log: Log;
  /** Deliveries at a time in this process, however many jobs come. */
  readonly hands: number;
  /** True: those under way are the last. */
  readonly isStopping: () => boolean;
}

/**
 * Looks at deliveries when a job says that there are some. A job stands for a delivery that is to be looked at again, or for a whole group of
 * new ones: all hands take what is due, the oldest first, until nothing is, so that many workers share a large group and a slow
 * delivery holds up none behind it. The promise is kept when the hands that this job set to work are idle again: as long as one is
 * held by something slow, another job finds the rest of them.
 */
export function hearDeliveries(hearing: Hearing): (id: string) => Promise<void> {
  const { store, hands, isStopping } = hearing;
  const asked: string[] = [];
  let busy = 0;
  let told = 0;

  async function claim(): Promise<Claimed | undefined> {
    const id = asked.shift();
    return (id === undefined ? undefined : await store.deliveries.claim(id, leaseMs)) ?? (await store.deliveries.claimNext(leaseMs));
  }

  async function work(): Promise<void> {
    try {
      while (!isStopping()) {
        const before = told;
        const claimed = await claim();
        if (claimed) await hearDelivery(claimed, hearing);
        // A job that came while we were asking may be about a delivery that our question was too early for.
        else if (told === before) return;
      }
    } finally {
      busy -= 1;
    }
  }

  return async (id) => {
    asked.push(id);
    told += 1;
    // Counted before any begins: a hand of a worker that stops is idle again before the next one is asked for.
    const idle = hands - busy;
    busy += idle;
    const called = Array.from({ length: idle }, work);
    const ended = await Promise.allSettled(called);
    if (isStopping()) await passOn(store);
    for (const one of ended) if (one.status === "rejected") throw one.reason;
  };
}

/** The job is ours and gone, but others may have time for what it stood for. */
async function passOn(store: WorkflowStore): Promise<void> {
  const [next] = await store.deliveries.listDue();
  if (next !== undefined) await store.transaction((transaction) => store.jobs.send("deliveries", next, transaction));
}

/** Sees a delivery through: done, failed, or again later. */
async function hearDelivery({ delivery, attempt }: Claimed, { store, onDelivery, start, backOff, log }: Hearing): Promise<void> {
  try {
    const heard = await onDelivery(delivery);
    await store.transaction(async (transaction) => {
      for (const request of heard.start ?? []) await start(request, transaction);
      await store.inbox.finish(delivery.id, "done", heard.outcome, transaction);
    });
  } catch (error) {
    const report = reportError(error);
    const retry = planRetry(error, attempt - 1, backOff, store.now());
    log[report.kind === "internal" ? "error" : "warn"](
      { delivery: delivery.id, error: report, pauseMs: retry?.pauseMs },
      "a delivery could not be looked at",
    );
    await store.transaction(async (transaction) => {
      if (retry === undefined) return await store.inbox.finish(delivery.id, "failed", `${report.code}: ${report.message}`, transaction);
      await store.deliveries.postpone(delivery.id, retry, transaction);
      await store.jobs.send("deliveries", delivery.id, transaction, retry.pauseMs);
    });
  }
}
