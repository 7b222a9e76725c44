import { isAppError } from "../domain/errors.ts";
import { binaryArray } from "./binary-array.ts";
import type { Connection, Pool } from "./connection.ts";
import { packBodies } from "./delivery-packs.ts";
import type { WakeUps } from "./jobs.ts";

/** A delivery made ready for its group. */
export interface Arrived {
  readonly id: string;
  readonly forge: string;
  readonly deliveryId: string;
  /** JSON. */
  readonly headers: string;
  readonly body: Uint8Array;
}

/** Two of one id may meet in a group: the first counts. A pack of nothing but duplicates is not kept. */
const insertion = `
  with taken as (
    insert into delivery (id, forge, delivery_id, headers, pack, start, length, look_at, received_at)
    select *, $8::timestamptz, $8::timestamptz
    from unnest($1::text[], $2::text[], $3::text[], $4::json[], $5::text[], $6::integer[], $7::integer[])
    on conflict (forge, delivery_id) do nothing
    returning id, pack
  ), kept as (
    insert into delivery_pack (id, packing, bytes)
    select * from unnest($9::text[], $10::text[], $11::bytea[]) as packed (id, packing, bytes)
    where exists (select from taken where taken.pack = packed.id)
  )
  select id from taken`;

/**
 * Writes a group of deliveries and one job to look at them: one transaction, whose statements are sent at once and prepared once, because
 * what a group costs by itself (parsing, planning, waking the other side up for each answer) is more than what its rows cost. Rows are
 * inserted in the order given. Returns, in that order, whether each is new; a job for a group of duplicates finds nothing to do.
 *
 * `pool` must be pipelined. Whatever goes wrong, nothing of the group is kept, unless the connection was lost during the commit itself:
 * then the deliveries may stand there, and their senders, who were told no, are told "duplicate" when they ask again.
 */
export async function writeDeliveries(
  pool: Pool,
  wakeUps: WakeUps,
  arrived: readonly Arrived[],
  at: Date,
): Promise<("stored" | "duplicate")[]> {
  const connection = await pool.connect();
  try {
    const ids = await send(connection, wakeUps, arrived, at);
    connection.release();
    return arrived.map(({ id }) => (ids.has(id) ? "stored" : "duplicate"));
  } catch (error) {
    // Its transaction may be open still.
    connection.release(true);
    throw error;
  }
}

async function send(connection: Connection, wakeUps: WakeUps, arrived: readonly Arrived[], at: Date): Promise<ReadonlySet<string>> {
  const { packs, parts } = packBodies(arrived.map(({ body }) => body));
  // A pack is called like its first delivery.
  const names = packs.map((_, n) => arrived[parts.findIndex(({ pack }) => pack === n)]?.id ?? "");
  const column = (type: "text" | "json", of: (one: Arrived) => string) => binaryArray(type, arrived.map(of));
  const begun = connection.query("begin");
  const stored: Promise<{ rows: readonly { id: string }[] }> = connection.query({
    name: "flibs deliveries",
    text: insertion,
    values: [
      column("text", ({ id }) => id),
      column("text", ({ forge }) => forge),
      column("text", ({ deliveryId }) => deliveryId),
      column("json", ({ headers }) => headers),
      binaryArray(
        "text",
        parts.map(({ pack }) => names[pack] ?? ""),
      ),
      binaryArray(
        "int4",
        parts.map(({ start }) => start),
      ),
      binaryArray(
        "int4",
        parts.map(({ length }) => length),
      ),
      at,
      binaryArray("text", names),
      binaryArray(
        "text",
        packs.map(({ packing }) => packing),
      ),
      binaryArray(
        "bytea",
        packs.map(({ bytes }) => bytes),
      ),
    ],
  });
  let committed: Promise<{ command: string }> | undefined;
  const woken = wakeUps.wake("deliveries", arrived[0]?.id ?? "", (text, values) => {
    const sent = connection.query({ name: "flibs wake-up", text, values });
    const ending = connection.query("commit");
    // Looked at below, though not when the job's own answer has failed before.
    ending.catch(() => undefined);
    committed = ending;
    return sent;
  });
  // After a failed statement PostgreSQL refuses the later ones of a transaction and answers its commit with a rollback: the first tells why.
  const answers = await Promise.allSettled([begun, stored, woken, woken.then(() => committed)]);
  for (const answer of answers) if (answer.status === "rejected") throw answer.reason;
  if ((await committed)?.command !== "COMMIT") throw new Error("PostgreSQL did not commit a group of deliveries");
  return new Set((await stored).rows.map(({ id }) => id));
}

/** The database is away or full, and not one delivery wrong or in another replica's way (SQLSTATE class 40: deadlock). */
export function isCommon(error: unknown): boolean {
  if (!isAppError(error) || error.kind !== "transient") return false;
  return !String(error.details?.sqlState ?? "").startsWith("40");
}
