import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { digestOf } from "../../domain/digest.ts";
import { appError } from "../../domain/errors.ts";

/**
 * One key of cosign signatures. This is the port for keys that stand elsewhere: whoever has a PKCS#11 token or a key service implements
 * `sign` with it and gives the public key; {@link pemCosignKey} is the only implementation here.
 */
export interface CosignKey {
  /** `sha256:` and the digest of the public key (SPKI, DER). */
  readonly id: string;
  readonly use: "sign" | "accept";
  /** False where only the public half is known here. */
  readonly canSign: boolean;
  /** PEM of the public key, as cosign and containers/image take it. */
  readonly publicPem: string;
  /** ECDSA P-256 over SHA-256 of the text, DER. Throws `signing.key-missing` without a private key, `signing.signer-unavailable` when it does not answer. */
  sign(text: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
  verify(text: Uint8Array, signature: Uint8Array): boolean;
}

/**
 * A key from PEM: PKCS#8 of a private key, or a public key where the private one stands elsewhere. Clients take ECDSA P-256 with SHA-256 in all
 * versions. Throws `signing.key-unusable`.
 */
export function pemCosignKey(pem: string, use: CosignKey["use"]): CosignKey {
  const { publicKey, privateKey } = readPem(pem);
  const spki = publicKey.export({ type: "spki", format: "der" });
  const id = digestOf(spki);
  return {
    id,
    use,
    canSign: privateKey !== undefined,
    publicPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    async sign(text) {
      if (privateKey) return sign("sha256", text, privateKey);
      throw appError("signing.key-missing", `there is only the public part of the cosign key ${id}`, {
        hint: "Name the file with the private key, or a flibs signer that has it",
      });
    },
    verify: (text, signature) => verify("sha256", text, publicKey, signature),
  };
}

function readPem(pem: string): { publicKey: KeyObject; privateKey?: KeyObject } {
  const keys = parsePem(pem);
  const { asymmetricKeyType, asymmetricKeyDetails } = keys.publicKey;
  if (asymmetricKeyType === "ec" && asymmetricKeyDetails?.namedCurve === "prime256v1") return keys;
  throw unusable(`is ${asymmetricKeyDetails?.namedCurve ?? asymmetricKeyType}, clients want ECDSA P-256`);
}

function parsePem(pem: string): { publicKey: KeyObject; privateKey?: KeyObject } {
  // What stands in the key must not get into a message, so its parser's own words are not passed on.
  if (/ENCRYPTED (SIGSTORE|COSIGN) PRIVATE KEY/.test(pem)) throw unusable("was made by cosign, in a form of its own");
  try {
    if (/^-----BEGIN PUBLIC KEY-----/.test(pem.trim())) return { publicKey: createPublicKey(pem) };
    const privateKey = createPrivateKey(pem);
    return { privateKey, publicKey: createPublicKey(privateKey) };
  } catch {
    throw unusable("is no PEM of an unencrypted key");
  }
}

function unusable(why: string) {
  return appError("signing.key-unusable", `a cosign key ${why}`, {
    hint: "Make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out cosign.key",
  });
}
