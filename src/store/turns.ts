import type { Turns } from "../registry/turns.ts";
import { turnsOfOneProcess } from "../registry/turns.ts";
import type { Pool } from "./connection.ts";

/**
 * Turns over all replicas: an advisory lock of the session for as long as the work takes. In this process only the first in line asks for it, so
 * that those who wait for one name hold no connection. Who loses the connection in the middle loses the turn: the work itself has to notice
 * what others did meanwhile. `store.unavailable` when the database does not answer.
 */
export function databaseTurns(pool: Pool): Turns {
  const here = turnsOfOneProcess();
  return {
    take: (name, work) =>
      here.take(name, async () => {
        const connection = await pool.connect();
        let ended = false;
        try {
          await connection.query("select pg_advisory_lock(hashtextextended($1, 0))", [`turn ${name}`]);
          const result = await work();
          await connection.query("select pg_advisory_unlock(hashtextextended($1, 0))", [`turn ${name}`]);
          ended = true;
          return result;
        } finally {
          // Closing a connection gives its locks back.
          connection.release(!ended);
        }
      }),
  };
}
