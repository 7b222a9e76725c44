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
        const known = rows.filter(({ id }) => !ids.has(id));
        const revived = known.length === 0 ? [] : await reviveFailed(unwrap(transaction), known, now());
        await jobs.sendAll("deliveries", [...ids, ...revived.map(({ id }) => id)], transaction);
        const again = new Set(revived.map(nameOf));
        // Of several that came together the first counts.
        return rows.map((row) => (ids.has(row.id) || again.delete(nameOf(row)) ? "stored" : "duplicate"));
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

type Named = Pick<Selectable<DeliveryTable>, "forge" | "delivery_id">;

function nameOf({ forge, delivery_id }: Named): string {
  return `${forge} ${delivery_id}`;
}

/**
 * Somebody sent a delivery again that could not be looked at: the forge's button for it, pressed after the cause was mended. What was kept is looked
 * at anew. Two who come at once are not in each other's way.
 */
async function reviveFailed(database: Database, sentAgain: readonly Named[], now: Date): Promise<readonly (Named & { id: string })[]> {
  return await database
    .updateTable("delivery")
    .set({ status: "stored", attempt: 0, outcome: null, look_at: now })
    .where("id", "in", (failed) =>
      failed
        .selectFrom("delivery")
        .select("id")
        .where((all) => all.or(sentAgain.map(({ forge, delivery_id }) => all.and({ forge, delivery_id, status: "failed" }))))
        .forUpdate()
        .skipLocked(),
    )
    .returning(["id", "forge", "delivery_id"])
    .execute();
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
