import { createHmac } from "node:crypto";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { verifyDelivery } from "../../../src/forge/github/verify-delivery.ts";

const guid = "72d3162e-cc78-11e3-81ab-4c9367dc0958";
const body = Buffer.from('{"zen":"Keep it logically awesome — é.","hook_id":1}');
const sign = (bytes: Uint8Array, secret: string) => `sha256=${createHmac("sha256", secret).update(bytes).digest("hex")}`;
const headers = (changes: Record<string, string | undefined> = {}): Record<string, string> => {
  const all = { "x-github-event": "ping", "x-github-delivery": guid, "x-hub-signature-256": sign(body, "new"), ...changes };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
};

test("GitHub's own example of a signature is accepted", () => {
  // From "Validating webhook deliveries", section "Testing the webhook payload validation".
  const example = Buffer.from("Hello, World!");
  const signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  expect(verifyDelivery({ headers: headers({ "x-hub-signature-256": signature }), body: example }, ["It's a Secret to Everybody"])).toBe(
    guid,
  );
});

test.each([
  ["the only secret", ["new"]],
  ["the first of two, while the secret is changed", ["new", "old"]],
  ["the second of two", ["old", "new"]],
])("a delivery signed with %s is accepted, and its GUID returned", (_, secrets) => {
  expect(verifyDelivery({ headers: headers(), body }, secrets)).toBe(guid);
});

test("a GUID is the same delivery in capitals, and header names are of any case", () => {
  const shouted = Object.fromEntries(Object.entries(headers()).map(([name, value]) => [name.toUpperCase(), value]));
  expect(verifyDelivery({ headers: { ...shouted, "X-GITHUB-DELIVERY": guid.toUpperCase() }, body }, ["new"])).toBe(guid);
});

test.each([
  ["without a signature", { "x-hub-signature-256": undefined }, "intake.signature-missing"],
  ["with an empty signature", { "x-hub-signature-256": "" }, "intake.signature-missing"],
  ["with the old SHA-1 signature only", { "x-hub-signature-256": undefined, "x-hub-signature": "sha1=ab" }, "intake.signature-missing"],
  ["signed with another secret", { "x-hub-signature-256": sign(body, "stolen") }, "intake.signature-wrong"],
  ["signed for another body", { "x-hub-signature-256": sign(Buffer.from("{}"), "new") }, "intake.signature-wrong"],
  ["signed with an empty secret", { "x-hub-signature-256": sign(body, "") }, "intake.signature-wrong"],
  ["with a signature that is cut short", { "x-hub-signature-256": sign(body, "new").slice(0, -2) }, "intake.signature-wrong"],
  ["with a signature and something behind it", { "x-hub-signature-256": `${sign(body, "new")}00` }, "intake.signature-wrong"],
  ["with a signature that is no hexadecimal", { "x-hub-signature-256": `sha256=${"z".repeat(64)}` }, "intake.signature-wrong"],
  ["with a signature of another kind", { "x-hub-signature-256": sign(body, "new").replace("sha256", "sha512") }, "intake.signature-wrong"],
  ["without an id", { "x-github-delivery": undefined }, "intake.delivery-malformed"],
  ["with an id that is no GUID", { "x-github-delivery": "12" }, "intake.delivery-malformed"],
  ["with a GUID and something behind it", { "x-github-delivery": `${guid}\n` }, "intake.delivery-malformed"],
  ["without an event", { "x-github-event": undefined }, "intake.delivery-malformed"],
  ["with an event that is none", { "x-github-event": "../push" }, "intake.delivery-malformed"],
])("a delivery %s is refused", (_, changes, code) => {
  expect(() => verifyDelivery({ headers: headers(changes), body }, ["new", ""])).toThrow(expect.objectContaining({ code }));
});

test("whoever cannot sign learns nothing about the other headers", () => {
  const delivery = { headers: headers({ "x-hub-signature-256": sign(body, "x"), "x-github-delivery": "12" }), body };
  expect(() => verifyDelivery(delivery, ["new"])).toThrow(expect.objectContaining({ code: "intake.signature-wrong" }));
});

test("without any secret nothing is accepted", () => {
  expect(() => verifyDelivery({ headers: headers(), body }, [])).toThrow(expect.objectContaining({ code: "intake.signature-wrong" }));
});

test("bytes are accepted as they are, and not with one of them changed", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 2000 }), fc.string({ minLength: 1 }), fc.nat(), (bytes, secret, at) => {
      const signed = headers({ "x-hub-signature-256": sign(bytes, secret) });
      expect(verifyDelivery({ headers: signed, body: bytes }, [secret])).toBe(guid);
      const changed = Uint8Array.from(bytes);
      changed[at % bytes.length] = (changed[at % bytes.length] ?? 0) ^ 1;
      expect(() => verifyDelivery({ headers: signed, body: changed }, [secret])).toThrow(
        expect.objectContaining({ code: "intake.signature-wrong" }),
      );
    }),
  );
});

test("no signature, however it looks, is accepted or breaks the check", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f]{0,80}$/)), (signature) => {
      const delivery = { headers: headers({ "x-hub-signature-256": `sha256=${signature}` }), body };
      expect(() => verifyDelivery(delivery, ["new"])).toThrow(expect.objectContaining({ code: "intake.signature-wrong" }));
    }),
  );
});
