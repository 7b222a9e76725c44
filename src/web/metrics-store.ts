/** Counts that are read from the database at each scrape, so that they are true for all replicas and after a restart. */
export interface MetricsStore {
  /** Cheap: grouped counts over indexed columns. */
  readCounts(): Promise<StoredCounts>;
}

export interface StoredCounts {
  readonly runs: readonly { readonly flow: string; readonly status: string; readonly count: number }[];
  readonly deliveries: readonly { readonly status: string; readonly count: number }[];
  /** Promotions that are held back, by why. */
  readonly heldPromotions: readonly { readonly why: string; readonly count: number }[];
  /** Seconds since the oldest delivery that nobody has looked at came in; 0 when there is none. */
  readonly oldestDeliverySeconds: number;
  /** Seconds since the oldest queued run was asked for; 0 when there is none. */
  readonly oldestQueuedRunSeconds: number;
  /** What audits found and what still stands, `ok` of the last whole one; states that nothing is in may be left out. */
  readonly audited: readonly { readonly state: string; readonly count: number }[];
  /** The last whole audit; undefined before the first. Time in Unix seconds. */
  readonly lastAudit: { readonly finishedAt: number; readonly images: number; readonly unread: number } | undefined;
}
