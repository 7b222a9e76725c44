import { promisify } from "node:util";
import { constants, deflateRaw, inflateRaw } from "node:zlib";
import type { Database } from "./connection.ts";

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/**
 * Unpacked bytes of one chunk of a closed log: large enough to shrink well (a log to a tenth; the few lines of a live chunk to a third),
 * small enough that a reader who wants a screen unpacks little.
 */
const packedBytes = 64 * 1024;
/** Chunks that are looked at together. */
const pageChunks = 64;

interface Stored {
  readonly start: number;
  readonly content: Buffer;
  readonly packing: "none" | "deflate";
}

interface Chunk {
  readonly start: number;
  readonly bytes: Buffer;
}

/** The bytes of a log from an offset, at most `most` of them; fewer when a chunk is gone that a restart or a sweep took away meanwhile. */
export async function readChunks(database: Database, run: string, name: string, from: number, most: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let position = from;
  while (position < from + most) {
    const chunks = await unpackChunks(
      await database
        .selectFrom("log_chunk")
        .select(["start", "content", "packing"])
        .where("run", "=", run)
        .where("name", "=", name)
        .where("start", ">=", position === from ? startOfChunk(database, run, name, from) : position)
        .where("start", "<", from + most)
        .orderBy("start")
        .limit(pageChunks)
        .execute(),
    );
    for (const { start, bytes } of chunks) {
      const skip = position - start;
      if (skip < 0 || skip > bytes.length) return Buffer.concat(parts);
      const part = bytes.subarray(skip, skip + from + most - position);
      parts.push(part);
      position += part.length;
    }
    if (chunks.length < pageChunks) break;
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

/**
 * Puts the small chunks of a log together and packs them; offsets stay. In the caller's transaction, which holds the log's row. A reader in
 * another one sees all of the old chunks or all of the new ones.
 */
export async function packChunks(transaction: Database, run: string, name: string): Promise<void> {
  let held: Chunk[] = [];
  for (let from = 0; ; ) {
    const page = await unpackChunks(
      await transaction
        .selectFrom("log_chunk")
        .select(["start", "content", "packing"])
        .where("run", "=", run)
        .where("name", "=", name)
        .where("start", ">=", from)
        .orderBy("start")
        .limit(pageChunks)
        .execute(),
    );
    for (const chunk of page) {
      held.push(chunk);
      if (lengthOf(held) >= packedBytes) {
        await replaceChunks(transaction, run, name, held);
        held = [];
      }
    }
    if (page.length < pageChunks) break;
    from = (page.at(-1)?.start ?? 0) + 1;
  }
  if (held.length > 0) await replaceChunks(transaction, run, name, held);
}

async function replaceChunks(transaction: Database, run: string, name: string, chunks: readonly Chunk[]): Promise<void> {
  const starts = chunks.map(({ start }) => start);
  const bytes = Buffer.concat(chunks.map((chunk) => chunk.bytes));
  const packed = await deflate(bytes, { level: constants.Z_DEFAULT_COMPRESSION });
  const content =
    packed.length < bytes.length ? { packing: "deflate" as const, content: packed } : { packing: "none" as const, content: bytes };
  await transaction.deleteFrom("log_chunk").where("run", "=", run).where("name", "=", name).where("start", "in", starts).execute();
  await transaction
    .insertInto("log_chunk")
    .values({ run, name, start: starts[0] ?? 0, ...content })
    .execute();
}

function lengthOf(chunks: readonly Chunk[]): number {
  return chunks.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

async function unpackChunks(stored: readonly Stored[]): Promise<readonly Chunk[]> {
  return await Promise.all(
    stored.map(async ({ start, content, packing }) => ({ start, bytes: packing === "deflate" ? await inflate(content) : content })),
  );
}
