import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { digestOf } from "../../src/domain/digest.ts";
import { formatPayload, parsePayload } from "../../src/signing/payload.ts";

const digest = digestOf("image");
const publicName = "registry.example.test/f40/cockpit:1-1";
const good = formatPayload({ digest, publicName, creator: "flibs 0.1.0", timestamp: 1_700_000_000.9 });

describe("the text of a signature", () => {
  test("is written as containers/image expects it", () => {
    expect(good).toBe(
      `{"critical":{"identity":{"docker-reference":"${publicName}"},"image":{"docker-manifest-digest":"${digest}"},` +
        `"type":"atomic container signature"},"optional":{"creator":"flibs 0.1.0","timestamp":1700000000}}`,
    );
  });

  test("reads back what was written, whatever stands in it", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string(), fc.nat(), (name, creator, timestamp) => {
        const payload = { digest, publicName: name, creator, timestamp };
        expect(parsePayload(formatPayload(payload))).toEqual(payload);
      }),
    );
  });

  test("reading anything at all ends with a payload or with signing.payload-invalid", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.constant(good).map((text) => text.slice(3)),
        ),
        (text) => {
          expect(() => parsePayload(text)).toThrow(expect.objectContaining({ code: "signing.payload-invalid" }));
        },
      ),
    );
  });

  test("a member twice is found also when it is written with an escape, and names in values do no harm", () => {
    expect(() => parsePayload(good.replace('"type"', '"\\u0074ype":"x","type"'))).toThrow(/type" twice/);
    const names = good.replace("flibs 0.1.0", '\\"critical\\": {\\"critical\\": [');
    expect(parsePayload(names).creator).toBe('"critical": {"critical": [');
  });
});
