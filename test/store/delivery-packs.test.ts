import { createHash } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Pack, packBodies, unpackBody } from "../../src/store/delivery-packs.ts";

const mebibyte = 1024 * 1024;

function unpackAll({ packs, parts }: ReturnType<typeof packBodies>): readonly Uint8Array[] {
  return parts.map((part) => unpackBody(packs[part.pack] as Pack, part));
}

test("any bodies come back byte for byte and in order", () => {
  const random = fc.uint8Array({ maxLength: 5000 });
  const repeating = fc.tuple(fc.string({ minLength: 1 }), fc.nat(500)).map(([text, times]) => Buffer.from(text.repeat(times)));
  const large = fc.constantFrom(mebibyte - 1, mebibyte, mebibyte + 1, 600_000).map((length) => Buffer.alloc(length, "x"));
  const body = fc.oneof({ weight: 10, arbitrary: random }, { weight: 10, arbitrary: repeating }, { weight: 1, arbitrary: large });
  fc.assert(
    fc.property(fc.array(body, { maxLength: 20 }), (bodies) => {
      const back = unpackAll(packBodies(bodies));
      expect(back.length).toBe(bodies.length);
      for (const [n, one] of back.entries()) expect(Buffer.from(one).equals(bodies[n] as Uint8Array)).toBe(true);
    }),
  );
});

test("bodies that are alike are packed together, in far less than their length", () => {
  const bodies = Array.from({ length: 20 }, (_, n) =>
    Buffer.from(JSON.stringify({ n, url: "https://api.github.com/repos/a/b" }).repeat(100)),
  );
  const [one, ...more] = packBodies(bodies).packs;
  expect(more).toEqual([]);
  expect(one?.packing).toBe("zstd");
  expect(one?.bytes.length).toBeLessThan(bodies.reduce((sum, { length }) => sum + length, 0) / 20);
});

test.each([
  ["a usual one is packed", JSON.stringify({ url: "https://api.github.com/repos/a/b" }).repeat(300), "zstd"],
  ["a small one is not", "{}", "none"],
  ["one of more than a mebibyte is not: it would hold up the others", "x".repeat(mebibyte + 1), "none"],
])("%s", (_, text, packing) => {
  expect(packBodies([Buffer.from(text)]).packs.map((pack) => pack.packing)).toEqual([packing]);
});

test("a large body stands alone between the others", () => {
  const { parts } = packBodies([10, 20, mebibyte + 1, 30].map((length) => Buffer.alloc(length, "x")));
  expect(parts.map(({ pack, start }) => [pack, start])).toEqual([
    [0, 0],
    [0, 10],
    [1, 0],
    [2, 0],
  ]);
});

test("what does not get smaller is kept as it is", () => {
  const noise = Buffer.concat(Array.from({ length: 40 }, (_, n) => createHash("sha512").update(`${n}`).digest()));
  expect(packBodies([noise]).packs).toEqual([{ packing: "none", bytes: noise }]);
});

test("what an earlier release packed alone is still read", () => {
  const body = Buffer.from("{}".repeat(1000));
  expect(Buffer.from(unpackBody({ packing: "deflate", bytes: deflateRawSync(body) })).equals(body)).toBe(true);
});
