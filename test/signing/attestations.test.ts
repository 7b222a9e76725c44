import { describe, expect, test } from "@jest/globals";
import { bundleFromJSON } from "@sigstore/bundle";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";
import fc from "fast-check";
import { digestOf } from "../../src/domain/digest.ts";
import { isAppError } from "../../src/domain/errors.ts";
import { pemCosignKey } from "../../src/signing/cosign/cosign-key.ts";
import { hintOf, isSignedBy, preAuthenticationEncoding, signingKeys, signStatement } from "../../src/signing/dsse.ts";
import { formatBundle, parseBundle, type SigstoreBundle } from "../../src/signing/sigstore-bundle.ts";
import { formatStatement, isAbout, parseStatement } from "../../src/signing/statement.ts";
import { makeCosignKey } from "../support/cosign-key.ts";

const never = new AbortController().signal;
const pem = makeCosignKey();
const key = pemCosignKey(pem.privatePem, "sign");
const other = pemCosignKey(makeCosignKey().privatePem, "sign");
const digest = digestOf("image");
const statement = formatStatement("pkg:oci/app", digest, "https://slsa.dev/provenance/v1", { builder: "é \u{1f600}" });

describe("DSSE", () => {
  test("the example of the specification", () => {
    const encoded = preAuthenticationEncoding("http://example.com/HelloWorld", Buffer.from("hello world"));
    expect(encoded.toString()).toBe("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  });

  test("lengths are in bytes, so no payload can be taken for a part of the type", () => {
    expect(preAuthenticationEncoding("é", Buffer.from("é")).toString()).toBe("DSSEv1 2 é 2 é");
    const pairs = fc.tuple(fc.string({ unit: "binary" }), fc.uint8Array());
    fc.assert(
      fc.property(pairs, pairs, ([typeA, a], [typeB, b]) => {
        const same = typeA === typeB && Buffer.compare(a, b) === 0;
        // Lone surrogates are all one character in UTF-8.
        fc.pre(typeA.isWellFormed() && typeB.isWellFormed());
        expect(preAuthenticationEncoding(typeA, a).equals(preAuthenticationEncoding(typeB, b))).toBe(same);
      }),
    );
  });

  test("a statement is signed by its key, not by another, and not when a byte differs", async () => {
    const bundle = await signStatement(key, statement, never);
    expect(isSignedBy(bundle, key)).toBe(true);
    expect(isSignedBy(bundle, other)).toBe(false);
    expect(isSignedBy({ ...bundle, payload: Buffer.from(`${statement} `) }, key)).toBe(false);
    expect(isSignedBy({ ...bundle, payloadType: "text/plain" }, key)).toBe(false);
    expect(isSignedBy({ ...bundle, signature: Buffer.from("no") }, key)).toBe(false);
    // A hint is nobody's proof.
    expect(isSignedBy({ ...bundle, hint: hintOf(other) }, key)).toBe(true);
  });

  test("keys that only count sign nothing", () => {
    const half = pemCosignKey(pem.publicPem, "sign");
    const old = pemCosignKey(pem.privatePem, "accept");
    expect(signingKeys([half, old, key])).toEqual([key]);
  });
});

/** What sigstore's own package says, without a log, a timestamp or the network. */
function judge(bytes: Buffer, publicPem = pem.publicPem): void {
  const der = Buffer.from(publicPem.replace(/-----[^-]+-----|\s/g, ""), "base64");
  const material = toTrustMaterial(
    {
      mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      certificateAuthorities: [],
      timestampAuthorities: [],
      tlogs: [],
      ctlogs: [],
    },
    { [hintOf(pemCosignKey(publicPem, "accept"))]: { rawBytes: der, keyDetails: 5 } } as unknown as Parameters<typeof toTrustMaterial>[1],
  );
  const verifier = new Verifier(material, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
  verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(bytes.toString("utf8")))));
}

describe("sigstore's own verifier", () => {
  test("takes our bundle", async () => {
    judge(formatBundle(await signStatement(key, statement, never)));
  });

  test("refuses it with another key's signature, another payload or a broken signature, as we do", async () => {
    const bundle = await signStatement(key, statement, never);
    const forged = { ...(await signStatement(other, statement, never)), hint: hintOf(key) };
    for (const one of [
      forged,
      { ...bundle, payload: Buffer.from(statement.replace("slsa", "s1sa")) },
      { ...bundle, signature: Buffer.alloc(70) },
    ]) {
      expect(() => judge(formatBundle(one))).toThrow();
      expect(isSignedBy(parseBundle(formatBundle(one)), key)).toBe(false);
    }
  });
});

describe("reading", () => {
  const bytes = fc.uint8Array().map((one) => Buffer.from(one));
  const bundles: fc.Arbitrary<SigstoreBundle> = fc.record({
    hint: fc.string(),
    payloadType: fc.string(),
    payload: bytes,
    signature: bytes,
  });

  test("a bundle reads back as it was written", () => {
    fc.assert(fc.property(bundles, (bundle) => expect(parseBundle(formatBundle(bundle))).toEqual(bundle)));
  });

  test("a statement reads back as it was written, and is about its subject alone", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.string({ minLength: 1, maxLength: 1000 }),
        fc.jsonValue(),
        (name, about, type, predicate) => {
          const subject = digestOf(about);
          const read = parseStatement(Buffer.from(formatStatement(name, subject, type, predicate)));
          expect(read.predicateType).toBe(type);
          expect(JSON.stringify(read.predicate)).toBe(JSON.stringify(predicate));
          expect(isAbout(read, subject)).toBe(true);
          expect(isAbout(read, digest)).toBe(subject === digest);
        },
      ),
    );
  });

  test("whatever is attached is read or is an error of ours, never another", () => {
    const texts = fc.oneof(
      bytes,
      fc.json().map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(texts, (text) => {
        for (const read of [parseBundle, parseStatement]) {
          try {
            read(text);
          } catch (error) {
            expect(isAppError(error) && error.code).toBe("signing.attestation-unreadable");
          }
        }
      }),
    );
  });

  test.each([
    { name: "two signatures", change: { dsseEnvelope: { payload: "", payloadType: "a", signatures: [{ sig: "" }, { sig: "" }] } } },
    { name: "no signature", change: { dsseEnvelope: { payload: "", payloadType: "a", signatures: [] } } },
    { name: "no base64", change: { dsseEnvelope: { payload: "?", payloadType: "a", signatures: [{ sig: "" }] } } },
    { name: "another version", change: { mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.2" } },
    { name: "a message signature", change: { dsseEnvelope: undefined, messageSignature: {} } },
  ])("a bundle with $name is refused", async ({ change }) => {
    const good = JSON.parse(formatBundle(await signStatement(key, statement, never)).toString());
    expect(() => parseBundle(Buffer.from(JSON.stringify({ ...good, ...change })))).toThrow(/no sigstore bundle/);
  });
});
