import type { CursorStore } from "../intake/inbox.ts";
import type { Database } from "./connection.ts";
import { unwrap } from "./transaction.ts";

/** {@link CursorStore} in PostgreSQL. */
export function cursorStore(database: Database): CursorStore {
  return {
    async findCursor(name) {
      const row = await database.selectFrom("cursor").select("cursor").where("name", "=", name).executeTakeFirst();
      return row?.cursor;
    },
    async saveCursor(name, cursor, transaction) {
      await (transaction ? unwrap(transaction) : database)
        .insertInto("cursor")
        .values({ name, cursor })
        .onConflict((conflict) => conflict.column("name").doUpdateSet({ cursor }))
        .execute();
    },
  };
}
