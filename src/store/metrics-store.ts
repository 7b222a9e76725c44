import { type Kysely, sql } from "kysely";
import type { Tables } from "./tables.ts";

/**
 * Counts for `/metrics`, in the shape of the web room's `MetricsStore` (the store imports no door; the compiler compares them in
 * `app.ts`). Seven small queries at each scrape; errors of the database are the caller's to bear.
 */
export function metricsStore(database: Kysely<Tables>) {
  return {
    async readCounts() {
      const [runs, deliveries, held, oldestDelivery, oldestRun, findings, lastAudit] = await Promise.all([
        database
          .selectFrom("run")
          .select(["flow", "status", (of) => of.fn.countAll<string>().as("count")])
          .groupBy(["flow", "status"])
          .execute(),
        database
          .selectFrom("delivery")
          .select(["status", (of) => of.fn.countAll<string>().as("count")])
          .groupBy("status")
          .execute(),
        database
          .selectFrom("held_promotion")
          .select(["why", (of) => of.fn.countAll<string>().as("count")])
          .groupBy("why")
          .execute(),
        // The database's clock on both sides: replicas may differ from it.
        database
          .selectFrom("delivery")
          .select(sql<number | null>`extract(epoch from now() - min(received_at))::float8`.as("seconds"))
          .where("status", "=", "stored")
          .executeTakeFirst(),
        database
          .selectFrom("run")
          .select(sql<number | null>`extract(epoch from now() - min(created_at))::float8`.as("seconds"))
          .where("status", "=", "queued")
          .executeTakeFirst(),
        database
          .selectFrom("audit_finding")
          .select(["state", (of) => of.fn.countAll<string>().as("count")])
          .groupBy("state")
          .execute(),
        database.selectFrom("audit").select("audit").where("whole", "=", true).orderBy("seq", "desc").limit(1).executeTakeFirst(),
      ]);
      const audit = lastAudit?.audit;
      return {
        runs: runs.map((row) => ({ ...row, count: Number(row.count) })),
        deliveries: deliveries.map((row) => ({ ...row, count: Number(row.count) })),
        heldPromotions: held.map((row) => ({ ...row, count: Number(row.count) })),
        oldestDeliverySeconds: Math.max(0, oldestDelivery?.seconds ?? 0),
        oldestQueuedRunSeconds: Math.max(0, oldestRun?.seconds ?? 0),
        audited: [
          ...findings.map((row) => ({ state: row.state, count: Number(row.count) })),
          { state: "ok", count: audit?.counts.ok ?? 0 },
        ],
        lastAudit: audit && { finishedAt: Date.parse(audit.finishedAt) / 1000, images: audit.images, unread: audit.unread },
      };
    },
  };
}
