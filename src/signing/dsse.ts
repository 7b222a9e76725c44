import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { appError } from "../domain/errors.ts";

/** A public key as bundles name it: base64 of the SHA-256 of its SPKI in DER. */
export interface VerifyingKey {
  readonly hint: string;
  readonly key: KeyObject;
}

/** ECDSA on P-256, which every client of sigstore takes. */
export interface SigningPair extends VerifyingKey {
  readonly privateKey: KeyObject;
}

/**
 * DSSE's pre-authentication encoding (secure-systems-lab/dsse, protocol.md): what is signed in place of the payload, so that bytes of one type can
 * never be taken for another's. Lengths are in bytes.
 */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** ECDSA P-256 with SHA-256, in DER. */
export function signDsse({ privateKey }: SigningPair, payloadType: string, payload: Uint8Array): Buffer {
  return sign("sha256", preAuthenticationEncoding(payloadType, payload), privateKey);
}

export function verifyDsse({ key }: VerifyingKey, payloadType: string, payload: Uint8Array, signature: Uint8Array): boolean {
  return verify("sha256", preAuthenticationEncoding(payloadType, payload), key, signature);
}

/** From PKCS#8 PEM. Throws `signing.key-unusable` for another format or curve; the key's text is in no message. */
export function readSigningPair(pem: string): SigningPair {
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey({ key: pem, format: "pem" });
  } catch {
    throw unusable("is no private key in PKCS#8 PEM", "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 makes one");
  }
  return { ...verifyingKey(createPublicKey(privateKey)), privateKey };
}

/** From SPKI PEM, as cosign writes `cosign.pub`. Throws `signing.key-unusable`. */
export function readVerifyingKey(pem: string): VerifyingKey {
  try {
    return verifyingKey(createPublicKey({ key: pem, format: "pem" }));
  } catch (error) {
    if (error instanceof Error && error.name === "AppError") throw error;
    throw unusable("is no public key in PEM", "Write the file that starts with BEGIN PUBLIC KEY");
  }
}

function verifyingKey(key: KeyObject): VerifyingKey {
  if (key.asymmetricKeyType !== "ec" || key.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw unusable("is not ECDSA on P-256, which some clients refuse", "Make a key with the curve P-256");
  }
  return {
    key,
    hint: createHash("sha256")
      .update(key.export({ type: "spki", format: "der" }))
      .digest("base64"),
  };
}

function unusable(why: string, hint: string) {
  return appError("signing.key-unusable", `a cosign key of the settings ${why}`, { hint });
}
