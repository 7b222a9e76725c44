import { constants, deflateRawSync, inflateRawSync } from "node:zlib";

/** A delivery's body as it is kept; `deflate` is RFC 1951. */
export interface PackedBody {
  readonly packing: "none" | "deflate";
  readonly bytes: Uint8Array;
}

/** Below, there is little to win; above, packing one would hold up all others for milliseconds. GitHub's usual ones have 5 to 30 kB. */
const packedBytes = { from: 512, to: 256 * 1024 };

/**
 * Packs a body before it goes to the database: a seventh is left of a forge's JSON, and the rest need not be sent, logged and written.
 * PostgreSQL would do it later and takes ten times as long; a thread of its own costs more in waking it up than the work it takes over.
 */
export function packBody(body: Uint8Array): PackedBody {
  if (body.length < packedBytes.from || body.length > packedBytes.to) return { packing: "none", bytes: body };
  const bytes = deflateRawSync(body, { level: constants.Z_BEST_SPEED, chunkSize: 4096 });
  return bytes.length < body.length ? { packing: "deflate", bytes } : { packing: "none", bytes: body };
}

/** Byte for byte what was packed. */
export function unpackBody({ packing, bytes }: PackedBody): Uint8Array {
  return new Uint8Array(packing === "deflate" ? inflateRawSync(bytes) : bytes);
}
