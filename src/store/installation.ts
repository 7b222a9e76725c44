import { randomBytes } from "node:crypto";
import type { Database } from "./connection.ts";

/**
 * What this installation's containers and images are named by on an engine; made when it is first asked for. It stands in the database and not in a
 * state directory: a replica that takes a run over must find what the dead one made.
 */
export async function ensureInstallation(database: Database): Promise<string> {
  await database
    .insertInto("installation")
    .values({ id: randomBytes(8).toString("hex") })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const { id } = await database.selectFrom("installation").select("id").executeTakeFirstOrThrow();
  return id;
}
