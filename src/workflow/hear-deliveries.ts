import { errorKind, reportError } from "../domain/errors.ts";
import type { StoredDelivery } from "../intake/inbox.ts";
import type { Log } from "../log.ts";
import { type BackOff, pauseAfter } from "./back-off.ts";
import type { WorkflowStore } from "./journal-store.ts";
import type { RunRequest } from "./run.ts";
import type { Transaction } from "./step.ts";

/** Looks at one delivery. The runs it asks for are started in the transaction that marks the delivery done. */
export type OnDelivery = (delivery: StoredDelivery) => Promise<{ readonly outcome: string; readonly start?: readonly RunRequest[] }>;

/** A delivery whose reader died or hangs is looked at again after this; reading is short work. */
const leaseMs = 60_000;

/** Takes a delivery, if it is still to be looked at, and sees it through: done, failed, or again later. */
export async function hearDelivery(
  id: string,
  store: WorkflowStore,
  onDelivery: OnDelivery,
  start: (request: RunRequest, transaction: Transaction) => Promise<string>,
  backOff: BackOff,
  log: Log,
): Promise<void> {
  const claimed = await store.deliveries.claim(id, leaseMs);
  if (!claimed) return;
  try {
    const heard = await onDelivery(claimed.delivery);
    await store.transaction(async (transaction) => {
      for (const request of heard.start ?? []) await start(request, transaction);
      await store.inbox.finish(id, "done", heard.outcome, transaction);
    });
  } catch (error) {
    const report = reportError(error);
    const pauseMs = errorKind(error) === "transient" ? pauseAfter(backOff, claimed.attempt) : undefined;
    log[report.kind === "internal" ? "error" : "warn"]({ delivery: id, error: report, pauseMs }, "a delivery could not be looked at");
    await store.transaction(async (transaction) => {
      if (pauseMs === undefined) return await store.inbox.finish(id, "failed", `${report.code}: ${report.message}`, transaction);
      await store.deliveries.postpone(id, pauseMs, transaction);
      await store.jobs.send("deliveries", id, transaction, pauseMs);
    });
  }
}
