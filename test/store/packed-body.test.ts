import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { packBody, unpackBody } from "../../src/store/packed-body.ts";

test("any body comes back byte for byte", () => {
  const random = fc.uint8Array({ maxLength: 5000 });
  const repeating = fc.tuple(fc.string({ minLength: 1 }), fc.nat(500)).map(([text, times]) => Buffer.from(text.repeat(times)));
  fc.assert(
    fc.property(fc.oneof(random, repeating), (body) => {
      expect(Buffer.from(unpackBody(packBody(body))).equals(body)).toBe(true);
    }),
  );
});

test.each([
  ["a usual one is packed", JSON.stringify({ url: "https://api.github.com/repos/a/b" }).repeat(300), "deflate"],
  ["a small one is not", "{}", "none"],
  ["one of many hundred kilobytes is not: it would hold up the others", "x".repeat(300_000), "none"],
])("%s", (_, text, packing) => {
  expect(packBody(Buffer.from(text)).packing).toBe(packing);
});

test("what does not get smaller is kept as it is", () => {
  const noise = Uint8Array.from({ length: 2000 }, (_, n) => (n * 2_654_435_761) >>> 13);
  const packed = packBody(noise);
  expect(packed.bytes.length).toBeLessThanOrEqual(noise.length);
  expect(Buffer.from(unpackBody(packed)).equals(noise)).toBe(true);
});
