import { sql } from "kysely";
import type { LogStore } from "../builds/log-store.ts";
import type { Database } from "./connection.ts";
import { packChunks, readChunks } from "./log-chunks.ts";

/** Logs that one transaction of the sweep prunes. */
const prunedAtOnce = 100;

/** {@link LogStore} in PostgreSQL: one row a chunk, as the caller batches them while the log is live; packed when it is closed. */
export function logStore(database: Database): LogStore {
  return {
    async restart(run, name) {
      return await database.transaction().execute(async (transaction) => {
        const { fence } = await transaction
          .insertInto("log")
          .values({ run, name, fence: 1 } as never)
          .onConflict((conflict) =>
            conflict.columns(["run", "name"]).doUpdateSet((set) => ({
              bytes: 0,
              closed: false,
              written_at: sql`now()`,
              pruned_at: null,
              fence: set("log.fence", "+", 1),
            })),
          )
          .returning("fence")
          .executeTakeFirstOrThrow();
        await transaction.deleteFrom("log_chunk").where("run", "=", run).where("name", "=", name).execute();
        return fence;
      });
    },

    async append(run, name, fence, text) {
      if (text === "") return;
      const content = Buffer.from(text.toWellFormed(), "utf8");
      await database.transaction().execute(async (transaction) => {
        // The row of the log is the lock: chunks of two calls get different offsets.
        const log = await transaction
          .updateTable("log")
          .set((set) => ({ bytes: set("bytes", "+", content.length), written_at: sql`now()` }))
          .where("run", "=", run)
          .where("name", "=", name)
          .where("fence", "=", fence)
          .where("closed", "=", false)
          .returning("bytes")
          .executeTakeFirst();
        if (!log) return;
        await transaction
          .insertInto("log_chunk")
          .values({ run, name, start: log.bytes - content.length, content })
          .execute();
      });
    },

    async list(run) {
      const rows = await database
        .selectFrom("log")
        .select(["name", "bytes", "closed", "pruned_at"])
        .where("run", "=", run)
        .orderBy("seq")
        .execute();
      return rows.map(({ pruned_at: at, ...log }) => (at === null ? log : { ...log, prunedAt: at.toISOString() }));
    },

    async read(run, name, offset, maxBytes) {
      const log = await database
        .selectFrom("log")
        .select(["bytes", "closed", "pruned_at"])
        .where("run", "=", run)
        .where("name", "=", name)
        .executeTakeFirst();
      // A log that has been started over is shorter than the reader remembers: it goes on at the new end.
      const from = Math.min(Math.max(0, Math.trunc(offset)), log?.bytes ?? 0);
      if (!log || from === log.bytes) return { text: "", next: from, closed: log?.closed ?? false };
      if (log.pruned_at !== null) return { text: "", next: log.bytes, closed: true };
      const bytes = await readChunks(database, run, name, from, Math.max(4, maxBytes));
      const cut = wholeCharacters(bytes);
      const next = from + cut.length;
      return { text: cut.toString("utf8"), next, closed: log.closed && next === log.bytes };
    },

    async close(run, name, fence) {
      await database.transaction().execute(async (transaction) => {
        let closing = transaction
          .updateTable("log")
          .set({ closed: true, written_at: sql`now()` })
          .where("run", "=", run)
          .where("name", "=", name)
          .where("closed", "=", false);
        if (fence !== undefined) closing = closing.where("fence", "=", fence);
        const closed = await closing.returning("bytes").executeTakeFirst();
        if (closed !== undefined && closed.bytes > 0) await packChunks(transaction, run, name);
      });
    },

    async prune(before) {
      for (let pruned = 0; ; ) {
        const found = await database.transaction().execute((transaction) => pruneSome(transaction, before));
        pruned += found;
        if (found < prunedAtOnce) return pruned;
      }
    },
  };
}

/** A log that somebody writes to, or prunes, at this moment is left for the next time. */
async function pruneSome(transaction: Database, before: Date): Promise<number> {
  const old = await transaction
    .selectFrom("log")
    .select(["run", "name"])
    .where("written_at", "<", before)
    .where("pruned_at", "is", null)
    .orderBy("written_at")
    .limit(prunedAtOnce)
    .forUpdate()
    .skipLocked()
    .execute();
  for (const { run, name } of old) {
    await transaction.deleteFrom("log_chunk").where("run", "=", run).where("name", "=", name).execute();
    await transaction
      .updateTable("log")
      .set({ closed: true, pruned_at: sql`now()` })
      .where("run", "=", run)
      .where("name", "=", name)
      .execute();
  }
  return old.length;
}

/** Without the beginning of a character whose rest lies after the cut. Our own chunks end at whole characters. */
function wholeCharacters(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && end > bytes.length - 4 && ((bytes[end - 1] ?? 0) & 0xc0) === 0x80) end--;
  const lead = bytes[end - 1] ?? 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return end - 1 + length > bytes.length && end > 1 ? bytes.subarray(0, end - 1) : bytes;
}
