import { type Selectable, sql } from "kysely";
import { appError } from "../domain/errors.ts";
import type { InboxStore, StoredDelivery } from "../intake/inbox.ts";
import type { DeliveryQueue, Jobs } from "../workflow/journal-store.ts";
import { type Database, jsonText, type Pool, storableText } from "./connection.ts";
import { unpackBody } from "./delivery-packs.ts";
import { type Arrived, isCommon, writeDeliveries } from "./delivery-writer.ts";
import { groupCommit } from "./group-commit.ts";
import type { WakeUps } from "./jobs.ts";
import { newId } from "./new-id.ts";
import type { DeliveryTable } from "./tables.ts";
import { inTransaction, unwrap } from "./transaction.ts";

/** Deliveries of a group; a commit for each half of 64 senders who wait for their answers keeps both sides busy. */
const largest = { items: 64, size: 8 * 2 ** 20 };
/** Bytes that may wait to be written; then senders are asked to come again. */
const mostBytes = 64 * 2 ** 20;

/** {@link InboxStore} and the worker's view of the same rows. `pool` is the writer's own, see {@link writeDeliveries}. */
export function inboxStore(
  database: Database,
  pool: Pool,
  jobs: WakeUps & Pick<Jobs, "send">,
  now: () => Date,
): InboxStore & { readonly queue: DeliveryQueue } {
  const write = groupCommit((arrived: readonly Arrived[]) => writeDeliveries(pool, jobs, arrived, now()), {
    largest,
    sizeOf: ({ body, headers }) => body.length + headers.length,
    most: { size: mostBytes, refusal: () => appError("store.unavailable", `${mostBytes} bytes of deliveries wait to be written`) },
    isCommon,
  });

  return {
    async store({ forge, deliveryId, headers, body }) {
      const outcome = await write({
        // Hundreds come in a second and nobody reads their names out: a meeting must not cost a sender a second try.
        id: newId(now(), 9),
        forge,
        deliveryId: storableText(deliveryId),
        headers: jsonText(headers),
        body,
      });
      if (outcome === "stored") return outcome;
      return (await reviveFailed(database, jobs, forge, storableText(deliveryId), now())) ? "stored" : "duplicate";
    },

    async find(id) {
      const row = await database.selectFrom("delivery").selectAll().where("id", "=", id).executeTakeFirst();
      return row && (await withBody(database, row));
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
        return row && { delivery: await withBody(database, row), attempt: row.attempt };
      },

      async claimNext(leaseMs) {
        const row = await database
          .updateTable("delivery")
          .set((set) => ({ attempt: set("attempt", "+", 1), look_at: later(now(), leaseMs) }))
          .where("id", "=", (delivery) =>
            delivery
              .selectFrom("delivery")
              .select("id")
              .where(sql<boolean>`status = 'stored'`)
              .where("look_at", "<=", later(now(), earlyMs))
              // A new one is due whatever our clock says; one that is to be tried again waits for its time.
              .where((or) => or.or([or("attempt", "=", 0), or("look_at", "<=", now())]))
              .orderBy("look_at")
              .limit(1)
              .forUpdate()
              .skipLocked(),
          )
          .returningAll()
          .executeTakeFirst();
        return row && { delivery: await withBody(database, row), attempt: row.attempt };
      },

      async postpone(id, { pauseMs, attempt }, transaction) {
        await unwrap(transaction)
          .updateTable("delivery")
          .set({ look_at: later(now(), pauseMs), attempt })
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

/**
 * Somebody sent a delivery again that could not be looked at: the forge's button for it, pressed after the cause was mended. What was kept is looked
 * at anew; of two who come at once one is told that it is known.
 */
async function reviveFailed(database: Database, jobs: Pick<Jobs, "send">, forge: string, deliveryId: string, now: Date): Promise<boolean> {
  return await inTransaction(database, async (transaction) => {
    const row = await unwrap(transaction)
      .updateTable("delivery")
      .set({ status: "stored", attempt: 0, outcome: null, look_at: now })
      .where("forge", "=", forge)
      .where("delivery_id", "=", deliveryId)
      .where("status", "=", "failed")
      .returning("id")
      .executeTakeFirst();
    if (row) await jobs.send("deliveries", row.id, transaction);
    return row !== undefined;
  });
}

/** A job's clock is the database's, ours may be behind it a little. */
const earlyMs = 1000;

function later(from: Date, ms: number): Date {
  return new Date(from.getTime() + ms);
}

/** A pack is written with its first delivery and never changed. */
async function withBody(database: Database, row: Selectable<DeliveryTable>): Promise<StoredDelivery> {
  const pack = await database.selectFrom("delivery_pack").selectAll().where("id", "=", row.pack).executeTakeFirstOrThrow();
  const { start, length } = row;
  return { ...assemble(row), body: unpackBody(pack, start === null || length === null ? undefined : { start, length }) };
}

function assemble(
  row: Omit<Selectable<DeliveryTable>, "pack" | "start" | "length" | "seq" | "attempt" | "look_at">,
): Omit<StoredDelivery, "body"> {
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
