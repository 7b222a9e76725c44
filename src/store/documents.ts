import { promisify } from "node:util";
import { deflateRaw, inflateRaw } from "node:zlib";
import type { Selectable } from "kysely";
import type { BuildDocument } from "../documents/document.ts";
import type { BuildDocumentTable } from "./tables.ts";

// In a thread of its own: the bill of materials of a big image has megabytes.
const pack = promisify(deflateRaw);
const unpack = promisify(inflateRaw);

type Row = Selectable<BuildDocumentTable>;

export async function packDocument(build: string, { name, mediaType, text }: BuildDocument): Promise<Omit<Row, "seq">> {
  return { build, name, media_type: mediaType, bytes: Buffer.byteLength(text), content: await pack(text) };
}

/** Byte for byte what was packed. */
export async function unpackDocument(row: Row): Promise<BuildDocument> {
  return { name: row.name, mediaType: row.media_type, text: (await unpack(row.content)).toString("utf8") };
}
