import type { Transaction } from "../workflow/step.ts";

/** A delivery as it is kept. */
export interface StoredDelivery {
  readonly id: string;
  readonly forge: string;
  readonly deliveryId: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly receivedAt: string;
  readonly status: "stored" | "done" | "failed";
  /** What became of it: the run it started, or why it was ignored. */
  readonly outcome?: string;
}

/** The durable inbox: a delivery is written down, with the job that will look at it, before it is acknowledged. */
export interface InboxStore {
  /**
   * One transaction: the row, and a job to look at it, which several that come together share. `duplicate` when (forge, delivery id) is known
   * already: the first one stays as it is. A known one that has failed is looked at once more, and counts as `stored`. Throws `store.unavailable`,
   * also when too much waits to be written.
   */
  store(delivery: Pick<StoredDelivery, "forge" | "deliveryId" | "headers" | "body">): Promise<"stored" | "duplicate">;
  find(id: string): Promise<StoredDelivery | undefined>;
  /** Has this delivery come, whatever became of it? */
  isKnown(forge: string, deliveryId: string): Promise<boolean>;
  finish(id: string, status: "done" | "failed", outcome: string, transaction: Transaction): Promise<void>;
  list(filter: { readonly limit: number }): Promise<readonly Omit<StoredDelivery, "body">[]>;
}

/** Where a forge's sweep has got to. */
export interface CursorStore {
  findCursor(name: string): Promise<string | undefined>;
  saveCursor(name: string, cursor: string, transaction?: Transaction): Promise<void>;
}
