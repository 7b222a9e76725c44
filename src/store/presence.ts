import { randomInt } from "node:crypto";
import { sql } from "kysely";
import pg from "pg";
import type { Log } from "../log.ts";
import type { Database } from "./connection.ts";

/** First half of the advisory locks' key: "flib". */
export const presenceClass = 0x666c6962;

/**
 * Holds an advisory lock named by a random number for as long as this process lives. The number is the holder of leases; when the process
 * is killed its connection breaks and the lock is gone, so that nobody waits for a dead worker's lease to run out. The lease's time is
 * still needed: for a machine that vanishes without a word.
 */
export async function openPresence(url: string, log: Log): Promise<{ readonly holder: string; close(): Promise<void> }> {
  const number = randomInt(1, 2 ** 31);
  let closed = false;
  let client = await hold();
  let again: NodeJS.Timeout | undefined;

  async function hold(): Promise<pg.Client> {
    const next = new pg.Client({
      connectionString: url,
      application_name: "flibs worker",
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
    });
    let lost = false;
    next.on("error", () => {
      if (lost || closed) return;
      lost = true;
      holdAgain();
    });
    await next.connect();
    await next.query("select pg_advisory_lock($1, $2)", [presenceClass, number]);
    return next;
  }

  function holdAgain(): void {
    again = setTimeout(() => {
      hold().then(
        (next) => {
          client = next;
          if (closed) void next.end();
        },
        (error: Error) => {
          log.warn({ error: error.message }, "the worker cannot show the database that it lives");
          if (!closed) holdAgain();
        },
      );
    }, 500);
    again.unref();
  }

  return {
    holder: String(number),
    async close() {
      closed = true;
      clearTimeout(again);
      await client.end().catch(() => undefined);
    },
  };
}

/** Does a worker live that works for this database, on whatever machine? */
export async function isAttended(database: Database): Promise<boolean> {
  const { rows } = await sql`
    select from pg_locks
    where locktype = 'advisory' and granted and objsubid = 2 and classid = ${presenceClass}::bigint::oid
      and database = (select oid from pg_database where datname = current_database())
    limit 1`.execute(database);
  return rows.length > 0;
}
