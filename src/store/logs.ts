import type { LogStore } from "../builds/log-store.ts";
import type { Database } from "./connection.ts";

/** {@link LogStore} in PostgreSQL: one row a chunk, as the caller batches them. */
export function logStore(database: Database): LogStore {
  return {
    async append(run, name, text) {
      if (text === "") return;
      const content = Buffer.from(text.toWellFormed(), "utf8");
      await database.transaction().execute(async (transaction) => {
        // The row of the log is the lock: chunks of two writers get different offsets. A late line after the end is dropped.
        const log = await transaction
          .insertInto("log")
          .values({ run, name, bytes: content.length } as never)
          .onConflict((conflict) =>
            conflict
              .columns(["run", "name"])
              .doUpdateSet((set) => ({ bytes: set("log.bytes", "+", content.length) }))
              .where("log.closed", "=", false),
          )
          .returning("bytes")
          .executeTakeFirst();
        if (!log) return;
        await transaction
          .insertInto("log_chunk")
          .values({ run, name, start: log.bytes - content.length, content })
          .execute();
      });
    },

    async restart(run, name) {
      await database.transaction().execute(async (transaction) => {
        await transaction
          .insertInto("log")
          .values({ run, name } as never)
          .onConflict((conflict) => conflict.columns(["run", "name"]).doUpdateSet({ bytes: 0, closed: false }))
          .execute();
        await transaction.deleteFrom("log_chunk").where("run", "=", run).where("name", "=", name).execute();
      });
    },

    async list(run) {
      return await database.selectFrom("log").select(["name", "bytes", "closed"]).where("run", "=", run).orderBy("seq").execute();
    },

    async read(run, name, offset, maxBytes) {
      const log = await database
        .selectFrom("log")
        .select(["bytes", "closed"])
        .where("run", "=", run)
        .where("name", "=", name)
        .executeTakeFirst();
      // A log that has been started over is shorter than the reader remembers: it goes on at the new end.
      const from = Math.min(Math.max(0, Math.trunc(offset)), log?.bytes ?? 0);
      if (!log || from === log.bytes) return { text: "", next: from, closed: log?.closed ?? false };
      const bytes = await readBytes(database, run, name, from, Math.max(4, maxBytes));
      const cut = wholeCharacters(bytes);
      const next = from + cut.length;
      return { text: cut.toString("utf8"), next, closed: log.closed && next === log.bytes };
    },

    async close(run, name) {
      await database
        .insertInto("log")
        .values({ run, name, closed: true } as never)
        .onConflict((conflict) => conflict.columns(["run", "name"]).doUpdateSet({ closed: true }))
        .execute();
    },
  };
}

/** Reads chunk by chunk until there is enough, so that a small read of a big log stays small. */
async function readBytes(database: Database, run: string, name: string, from: number, most: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let position = from;
  while (position < from + most) {
    const chunks = await database
      .selectFrom("log_chunk")
      .select(["start", "content"])
      .where("run", "=", run)
      .where("name", "=", name)
      .where("start", ">=", position === from ? startOfChunk(database, run, name, from) : position)
      .orderBy("start")
      .limit(32)
      .execute();
    for (const chunk of chunks) {
      const skip = position - chunk.start;
      // A gap would be a chunk that a restart took away between two queries: what was read so far stands.
      if (skip < 0 || skip > chunk.content.length) return Buffer.concat(parts);
      const part = chunk.content.subarray(skip, skip + from + most - position);
      parts.push(part);
      position += part.length;
      if (position >= from + most) break;
    }
    if (chunks.length < 32) break;
  }
  return Buffer.concat(parts);
}

/** The chunk that an offset lies in. */
function startOfChunk(database: Database, run: string, name: string, offset: number) {
  return database
    .selectFrom("log_chunk")
    .select((select) => select.fn.coalesce(select.fn.max("start"), select.lit(0)).as("start"))
    .where("run", "=", run)
    .where("name", "=", name)
    .where("start", "<=", offset);
}

/** Without the beginning of a character whose rest lies after the cut. Our own chunks end at whole characters. */
function wholeCharacters(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && end > bytes.length - 4 && ((bytes[end - 1] ?? 0) & 0xc0) === 0x80) end--;
  const lead = bytes[end - 1] ?? 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return end - 1 + length > bytes.length && end > 1 ? bytes.subarray(0, end - 1) : bytes;
}
