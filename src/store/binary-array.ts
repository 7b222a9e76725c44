/** Object ids of PostgreSQL's types (src/include/catalog/pg_type.dat), the same in every database. */
const oids = { bytea: 17, int4: 23, text: 25, json: 114 };

/**
 * A parameter of an array type in PostgreSQL's binary form (`array_recv`, src/backend/utils/adt/arrayfuncs.c). The driver passes a Buffer on
 * as it is; an array it would write as text, each byte of a Buffer as two digits, each quote with a backslash.
 */
export function binaryArray(type: keyof typeof oids, items: readonly (string | number | Uint8Array)[]): Buffer {
  const sizes = items.map(sizeOf);
  const array = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + 4 + size, 20));
  // Dimensions, "has nulls", element type; of the one dimension its length and lower bound; then each item after its length.
  let at = 0;
  for (const number of [1, 0, oids[type], items.length, 1]) at = array.writeInt32BE(number, at);
  for (const [n, item] of items.entries()) {
    at = array.writeInt32BE(sizes[n] as number, at);
    if (typeof item === "string") array.write(item, at, "utf8");
    else if (typeof item === "number") array.writeInt32BE(item, at);
    else array.set(item, at);
    at += sizes[n] as number;
  }
  return array;
}

function sizeOf(item: string | number | Uint8Array): number {
  if (typeof item === "number") return 4;
  return typeof item === "string" ? Buffer.byteLength(item) : item.length;
}
