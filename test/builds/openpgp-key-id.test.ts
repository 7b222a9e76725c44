import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { findSignatureKeyId } from "../../src/builds/openpgp-key-id.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const keyId = "c8ac4916105ef944";
const fingerprint = `${"b0".repeat(12)}${keyId}`;

/** A packet of the old format with a length of two bytes, as gpg writes them. */
const packet = (body: Buffer) => {
  const head = Buffer.from([0x89, 0, 0]);
  head.writeUInt16BE(body.length, 1);
  return Buffer.concat([head, body]);
};
const area = (...subpackets: Buffer[]) => {
  const bytes = Buffer.concat(subpackets.map((one) => Buffer.concat([Buffer.from([one.length]), one])));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
};
const issuer = hex(`10 ${keyId}`);
const issuerFingerprint = hex(`21 04 ${fingerprint}`);
const time = hex("02 65000000");
const v4 = (hashed: Buffer, other: Buffer) => packet(Buffer.concat([hex("04 00 01 08"), hashed, other, hex("abcd 0008 ff")]));
const v3 = packet(Buffer.concat([hex("03 05 00 65000000"), hex(keyId), hex("01 02 abcd 0008 ff")]));
const v6 = Buffer.concat([
  hex("c2 ff 00000040"),
  hex("06 00 1b 0a 00000023"),
  hex(`22 21 06 ${keyId}`),
  Buffer.alloc(24, 0xee),
  hex("00000000 abcd"),
]);

test.each([
  ["version 4, the key id beside the signed part, as gpg 1 wrote", v4(area(time), area(issuer)), keyId],
  ["version 4, the fingerprint in the signed part, as gpg 2 writes", v4(area(issuerFingerprint, time), area(issuer)), keyId],
  ["version 4, a critical subpacket", v4(area(hex(`90 ${keyId}`)), area()), keyId],
  ["version 4, nobody", v4(area(time), area()), undefined],
  ["version 4, a fingerprint that is too short", v4(area(hex("21 04 aabb")), area()), undefined],
  ["version 4, an empty subpacket", v4(hex("0003 00 00 00"), area(issuer)), keyId],
  ["version 3, as old Fedora's", v3, keyId],
  ["version 6, in a packet of the new format", v6, keyId],
  ["another version", packet(hex("05 00 01 08")), undefined],
  ["another packet", hex("99 000a 04"), undefined],
  ["no packet", Buffer.from("-----BEGIN PGP SIGNATURE-----"), undefined],
  ["nothing", Buffer.alloc(0), undefined],
])("%s", (_, bytes, found) => {
  expect(findSignatureKeyId(bytes)).toBe(found);
});

test("of subpackets with long lengths each is stepped over", () => {
  const long = Buffer.concat([hex("c0 08"), hex("14"), Buffer.alloc(199)]);
  const longer = Buffer.concat([hex("ff 00000002"), hex("14 00")]);
  const bytes = Buffer.concat([long, longer, hex("09"), issuer]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  expect(findSignatureKeyId(v4(Buffer.concat([length, bytes]), area()))).toBe(keyId);
});

test("no change of bytes makes it throw, or tell anything but 16 hex digits", () => {
  const whole = v4(area(issuerFingerprint, time), area(issuer));
  fc.assert(
    fc.property(
      fc.constantFrom(whole, v3, v6),
      fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 6 }),
      fc.nat(120),
      (bytes, changes, length) => {
        const changed = Buffer.from(bytes);
        for (const [at, value] of changes) if (at < changed.length) changed[at] = value;
        const found = findSignatureKeyId(changed.subarray(0, length));
        if (found !== undefined) expect(found).toMatch(/^[0-9a-f]{16}$/);
      },
    ),
    { numRuns: 2000 },
  );
});
