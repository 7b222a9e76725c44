import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Digest, digestOf } from "../../src/domain/digest.ts";
import { isAppError } from "../../src/domain/errors.ts";
import { judgeLayer } from "../../src/signing/cosign/cosign-judge.ts";
import { pemCosignKey } from "../../src/signing/cosign/cosign-key.ts";
import {
  formatSigManifest,
  mostLayers,
  parseSigManifest,
  type SigLayer,
  sigLayer,
  signatureAnnotation,
} from "../../src/signing/cosign/sig-manifest.ts";
import { formatPayload } from "../../src/signing/payload.ts";
import { makeCosignKey } from "../support/cosign-key.ts";

const mediaType = "application/vnd.oci.image.manifest.v1+json";
const manifestOf = (value: unknown, type = mediaType) => {
  const bytes = typeof value === "string" ? Buffer.from(value) : Buffer.from(JSON.stringify(value));
  return { mediaType: type, bytes, digest: digestOf(bytes) };
};
const layer: SigLayer = { mediaType: "a/b", digest: digestOf("layer"), size: 5 };

describe("a .sig manifest", () => {
  test("is read as it was written", () => {
    const layers = fc.array(
      fc.record({
        mediaType: fc.string(),
        digest: fc.string().map((text) => digestOf(text)),
        size: fc.nat(),
        annotations: fc.dictionary(
          fc.string().filter((key) => key !== "__proto__"),
          fc.string(),
          { noNullPrototype: true },
        ),
      }),
      { maxLength: mostLayers },
    );
    fc.assert(fc.property(layers, (list) => expect(parseSigManifest(formatSigManifest(list).manifest)).toEqual(list)));
  });
  test("of the same layers is the same bytes, so that writing it again changes nothing", () => {
    expect(formatSigManifest([layer]).manifest.digest).toBe(formatSigManifest([layer]).manifest.digest);
  });
  test("any bytes are a list of layers or one known error", () => {
    const values = fc.oneof(
      fc.json(),
      fc.string(),
      fc.jsonValue().map((layers) => JSON.stringify({ layers })),
      fc.array(fc.jsonValue()).map((layers) => JSON.stringify({ layers })),
    );
    fc.assert(
      fc.property(values, (text) => {
        try {
          for (const one of parseSigManifest(manifestOf(text))) expect(one.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
        } catch (error) {
          expect(isAppError(error) && error.code).toBe("signing.sig-unreadable");
        }
      }),
    );
  });
  test.each([
    ["an index", { manifests: [] }, "application/vnd.oci.image.index.v1+json"],
    ["no layers", {}, mediaType],
    ["too many layers", { layers: Array.from({ length: mostLayers + 1 }, () => layer) }, mediaType],
    ["a digest that leads elsewhere", { layers: [{ ...layer, digest: "sha256:../../x" }] }, mediaType],
    ["a negative size", { layers: [{ ...layer, size: -1 }] }, mediaType],
    ["annotations that are no texts", { layers: [{ ...layer, annotations: { a: 1 } }] }, mediaType],
  ])("%s is refused", (_name, value, type) => {
    expect(() => parseSigManifest(manifestOf(value, type))).toThrow(expect.objectContaining({ code: "signing.sig-unreadable" }));
  });
});

describe("a cosign key", () => {
  test("P-256 in PKCS#8 signs what its public half takes", async () => {
    const { privatePem, publicPem } = makeCosignKey();
    const [full, half] = [pemCosignKey(privatePem, "sign"), pemCosignKey(publicPem, "accept")];
    expect(half.id).toBe(full.id);
    expect(full.publicPem).toBe(publicPem);
    const signature = await full.sign(Buffer.from("text"), AbortSignal.timeout(1000));
    expect(half.verify(Buffer.from("text"), signature)).toBe(true);
    expect(half.verify(Buffer.from("other"), signature)).toBe(false);
    expect(half.verify(Buffer.from("text"), Buffer.from("junk"))).toBe(false);
  });
  test.each([
    ["P-384", makeCosignKey("P-384").privatePem, /is secp384r1/],
    ["cosign's own form", "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nabc\n", /made by cosign/],
    ["no PEM", "hello", /no PEM/],
    ["nothing", "", /no PEM/],
    ["a broken one", makeCosignKey().privatePem.replace(/\n./, "\n#"), /no PEM/],
  ])("%s is refused, and nothing of it gets into the message", (_name, pem, why) => {
    expect(() => pemCosignKey(pem, "sign")).toThrow(
      expect.objectContaining({ code: "signing.key-unusable", message: expect.stringMatching(why) }),
    );
  });
});

describe("one layer", () => {
  const key = pemCosignKey(makeCosignKey().privatePem, "sign");
  const other = pemCosignKey(makeCosignKey().privatePem, "sign");
  const digest: Digest = digestOf("image");
  const publicName = "registry.example.test/f40/cockpit:1";
  const text = formatPayload({ digest, publicName, creator: "test", timestamp: 1_700_000_000 }, "cosign");
  const judged = async (payloadText: string, change: (layer: SigLayer) => SigLayer = (same) => same, by = key) => {
    const payload = Buffer.from(payloadText);
    const made = change(sigLayer(payload, await by.sign(payload, AbortSignal.timeout(1000))));
    return judgeLayer({ layer: made, payload, digest, keys: [key], location: "here" });
  };
  test("is valid for its name", async () => {
    expect(await judged(text)).toEqual({
      ...{ kind: "cosign", location: "here", verdict: "valid", publicName, blocking: false, fingerprint: key.id },
      signedAt: "2023-11-14T22:13:20.000Z",
    });
  });
  test("of another key or digest is not", async () => {
    expect(await judged(text, undefined, other)).toMatchObject({ verdict: "wrong-key", publicName });
    expect(await judged(text.replace(digest, digestOf("other")))).toMatchObject({ verdict: "wrong-digest" });
  });
  test.each([
    ["no signature", (one: SigLayer) => ({ ...one, annotations: {} })],
    ["no base64", (one: SigLayer) => ({ ...one, annotations: { [signatureAnnotation]: "a b!" } })],
    ["an empty signature", (one: SigLayer) => ({ ...one, annotations: { [signatureAnnotation]: "" } })],
    ["another payload than it says", (one: SigLayer) => ({ ...one, digest: digestOf("x") })],
    ["another size than it says", (one: SigLayer) => ({ ...one, size: 3 })],
  ])("with %s is unreadable, and blocks nobody", async (_name, change) => {
    expect(await judged(text, change as (one: SigLayer) => SigLayer)).toMatchObject({ verdict: "unreadable", blocking: false });
  });
  test("whatever is signed is judged, never thrown", async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string(), fc.constant(text)), async (payload) => {
        const { verdict } = await judged(payload);
        expect(payload === text ? verdict === "valid" : ["unreadable", "wrong-digest"].includes(verdict)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});
