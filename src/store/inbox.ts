import { type Selectable, sql } from "kysely";
import type { InboxStore, StoredDelivery } from "../intake/inbox.ts";
import type { DeliveryQueue } from "../workflow/journal-store.ts";
import { type Database, jsonb, storableText } from "./connection.ts";
import { groupCommit } from "./group-commit.ts";
import type { ManyJobs } from "./jobs.ts";
import { newId } from "./new-id.ts";
import type { DeliveryTable } from "./tables.ts";
import { inTransaction, unwrap } from "./transaction.ts";

/** {@link InboxStore} and the worker's view of the same rows. */
export function inboxStore(database: Database, jobs: ManyJobs, now: () => Date): InboxStore & { readonly queue: DeliveryQueue } {
  const store = groupCommit(
    (deliveries: readonly Parameters<InboxStore["store"]>[0][]) =>
      inTransaction(database, async (transaction) => {
        // Hundreds come in a second and nobody reads their names out: a meeting must not cost a sender a second try.
        const rows = deliveries.map((delivery) => ({
          id: newId(now(), 9),
          forge: delivery.forge,
          delivery_id: storableText(delivery.deliveryId),
          headers: jsonb(delivery.headers),
          body: Buffer.from(delivery.body),
          look_at: now(),
          received_at: now(),
        }));
        const stored = await unwrap(transaction)
          .insertInto("delivery")
          .values(rows)
          .onConflict((conflict) => conflict.columns(["forge", "delivery_id"]).doNothing())
          .returning("id")
          .execute();
        const ids = new Set(stored.map(({ id }) => id));
        await jobs.sendAll("deliveries", [...ids], transaction);
        return rows.map(({ id }) => (ids.has(id) ? "stored" : "duplicate"));
      }),
    { largest: 64 },
  );

  return {
    store,

    async find(id) {
      const row = await database.selectFrom("delivery").selectAll().where("id", "=", id).executeTakeFirst();
      return row && { ...assemble(row), body: new Uint8Array(row.body) };
    },

    async isKnown(forge, deliveryId) {
      const row = await database
        .selectFrom("delivery")
        .select("id")
        .where("forge", "=", forge)
        .where("delivery_id", "=", storableText(deliveryId))
        .executeTakeFirst();
      return row !== undefined;
    },

    async finish(id, status, outcome, transaction) {
      await unwrap(transaction)
        .updateTable("delivery")
        .set({ status, outcome: storableText(outcome) })
        .where("id", "=", id)
        .where("status", "=", "stored")
        .execute();
    },

    async list(filter) {
      const rows = await database
        .selectFrom("delivery")
        .select(["id", "forge", "delivery_id", "headers", "received_at", "status", "outcome"])
        .orderBy("seq", "desc")
        .limit(filter.limit)
        .execute();
      return rows.map(assemble);
    },

    queue: {
      async claim(id, leaseMs) {
        const row = await database
          .updateTable("delivery")
          .set((set) => ({ attempt: set("attempt", "+", 1), look_at: later(now(), leaseMs) }))
          .where("id", "=", id)
          .where("status", "=", "stored")
          .where("look_at", "<=", later(now(), earlyMs))
          .returningAll()
          .executeTakeFirst();
        return row && { delivery: { ...assemble(row), body: new Uint8Array(row.body) }, attempt: row.attempt };
      },

      async postpone(id, afterMs, transaction) {
        await unwrap(transaction)
          .updateTable("delivery")
          .set({ look_at: later(now(), afterMs) })
          .where("id", "=", id)
          .where("status", "=", "stored")
          .execute();
      },

      async listDue() {
        const rows = await database
          .selectFrom("delivery")
          .select("id")
          .where(sql<boolean>`status = 'stored'`)
          .where("look_at", "<=", now())
          .orderBy("look_at")
          .limit(1000)
          .execute();
        return rows.map((row) => row.id);
      },
    },
  };
}

/** A job's clock is the database's, ours may be behind it a little. */
const earlyMs = 1000;

function later(from: Date, ms: number): Date {
  return new Date(from.getTime() + ms);
}

function assemble(row: Omit<Selectable<DeliveryTable>, "body" | "seq" | "attempt" | "look_at">): Omit<StoredDelivery, "body"> {
  return {
    id: row.id,
    forge: row.forge,
    deliveryId: row.delivery_id,
    headers: row.headers,
    receivedAt: row.received_at.toISOString(),
    status: row.status,
    ...(row.outcome === null ? {} : { outcome: row.outcome }),
  };
}
