import { randomInt } from "node:crypto";
import { sql } from "kysely";
import pg from "pg";
import type { Log } from "../log.ts";
import { type Database, keptAlive } from "./connection.ts";

/** First half of the advisory locks' key: "flib". */
export const presenceClass = 0x666c6962;

/**
 * Holds an advisory lock named by a random number for as long as this process lives. The number is the holder of leases; when the process
 * is killed its connection breaks and the lock is gone, so that nobody waits for a dead worker's lease to run out. The lease's time is
 * still needed: for a machine that vanishes without a word. The other way round, when the database's machine does, another takes its
 * place and knows nothing of us. So it must answer on this connection every `lookMs`, or another one is made.
 */
export async function openPresence(url: string, log: Log, lookMs = 5000): Promise<{ readonly holder: string; close(): Promise<void> }> {
  const number = randomInt(1, 2 ** 31);
  let closed = false;
  let client = await hold();
  let again: NodeJS.Timeout | undefined;

  async function hold(): Promise<pg.Client> {
    const next = new pg.Client({
      connectionString: url,
      application_name: "flibs worker",
      ...keptAlive,
      connectionTimeoutMillis: 10_000,
      query_timeout: 2 * lookMs,
    });
    // An error ends the connection, and its end is what counts.
    next.on("error", () => undefined);
    let isReplaced = false;
    await next.connect();
    // Shared, since the database may think for hours that our last connection is there.
    await next.query("select pg_advisory_lock_shared($1, $2)", [presenceClass, number]).catch((error: unknown) => {
      void next.end();
      throw error;
    });
    const replaceOnce = () => {
      clearInterval(look);
      if (isReplaced || closed) return;
      isReplaced = true;
      replace(next, 0);
    };
    const look = setInterval(() => void next.query("select 1").catch(replaceOnce), lookMs).unref();
    next.once("end", replaceOnce);
    return next;
  }

  /** The old one is ended when the new one holds the lock: a database, or we, that stood still for a moment never saw us gone. */
  function replace(old: pg.Client, pauseMs: number): void {
    again = setTimeout(() => {
      hold().then(
        (next) => {
          client = next;
          void old.end();
          if (closed) void next.end();
        },
        (error: Error) => {
          log.warn({ error: error.message }, "the worker cannot show the database that it lives");
          if (!closed) replace(old, 500);
        },
      );
    }, pauseMs);
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
