import { constants, inflateRawSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";

/** Bodies of several deliveries, one after the other. `zstd` is RFC 8878; `deflate` is RFC 1951, which only an earlier release wrote. */
export interface Pack {
  readonly packing: "none" | "deflate" | "zstd";
  readonly bytes: Uint8Array;
}

/** Where in an unpacked pack one body stands. */
export interface Part {
  readonly start: number;
  readonly length: number;
}

/**
 * Bytes of a pack: below, there is little to win; above, packing would hold up all others, and reading one delivery would unpack too much.
 * GitHub's usual bodies have 5 to 30 kB.
 */
const packedBytes = { from: 512, to: 1024 * 1024 };
const fast = { chunkSize: 64 * 1024, params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/**
 * Packs bodies that are written together, before they go to the database: what one forge sends repeats itself from one body to the next, so that a
 * twentieth is left, and the rest need not be sent, logged and written. PostgreSQL would pack each by itself, later, and take far longer; a
 * thread of our own costs more in waking it up than the work it takes over. A body too large goes alone, as it is. Returns a part for each
 * body, in the order given, with the place of its pack.
 */
export function packBodies(bodies: readonly Uint8Array[]): {
  readonly packs: readonly Pack[];
  readonly parts: readonly (Part & { readonly pack: number })[];
} {
  const groups: Uint8Array[][] = [];
  let start = 0;
  const parts = bodies.map((body) => {
    const group = groups.at(-1);
    if (group === undefined || start + body.length > packedBytes.to) {
      groups.push([body]);
      start = body.length;
    } else {
      group.push(body);
      start += body.length;
    }
    return { pack: groups.length - 1, start: start - body.length, length: body.length };
  });
  return { packs: groups.map((group) => packBytes(group.length === 1 ? (group[0] as Uint8Array) : Buffer.concat(group))), parts };
}

function packBytes(plain: Uint8Array): Pack {
  if (plain.length < packedBytes.from || plain.length > packedBytes.to) return { packing: "none", bytes: plain };
  const bytes = zstdCompressSync(plain, fast);
  return bytes.length < plain.length ? { packing: "zstd", bytes } : { packing: "none", bytes: plain };
}

/** Byte for byte what was packed; the whole of it without `part`. */
export function unpackBody({ packing, bytes }: Pack, part?: Part): Uint8Array {
  const plain = unpackBytes({ packing, bytes });
  return new Uint8Array(part === undefined ? plain : plain.subarray(part.start, part.start + part.length));
}

function unpackBytes({ packing, bytes }: Pack): Uint8Array {
  switch (packing) {
    case "none":
      return bytes;
    case "deflate":
      return inflateRawSync(bytes);
    case "zstd":
      return zstdDecompressSync(bytes);
  }
}
