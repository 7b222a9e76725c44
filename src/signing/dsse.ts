import { digestHex, parseDigest } from "../domain/digest.ts";
import { type SigstoreBundle, statementType } from "./sigstore-bundle.ts";

/** A cosign key, as far as statements need it; `CosignKey` is one. */
export interface AttestationKey {
  /** `sha256:` and the digest of the public key (SPKI, DER). */
  readonly id: string;
  /** `accept`: its signatures count, and it makes none any more. */
  readonly use: "sign" | "accept";
  /** False where only the public half is known here. */
  readonly canSign: boolean;
  /** ECDSA P-256 over SHA-256 of the text, in DER. */
  sign(text: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
  verify(text: Uint8Array, signature: Uint8Array): boolean;
}

/** Keys of the registries, by their names in the settings. */
export interface AttestationKeys {
  /** All whose signatures count there; none for a registry without cosign keys. Throws `registry.unknown`. */
  of(registry: string): readonly AttestationKey[];
}

/** Those that sign new statements. */
export function signingKeys(keys: readonly AttestationKey[]): readonly AttestationKey[] {
  return keys.filter((key) => key.use === "sign" && key.canSign);
}

/** How bundles name a public key: base64 of the SHA-256 of its SPKI in DER. */
export function hintOf(key: Pick<AttestationKey, "id">): string {
  return Buffer.from(digestHex(parseDigest(key.id)), "hex").toString("base64");
}

/**
 * DSSE's pre-authentication encoding (secure-systems-lab/dsse, protocol.md): what is signed in place of the payload, so that bytes of one type can
 * never be taken for another's. Lengths are in bytes.
 */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** Every call gives another signature: ECDSA takes a random number each time. */
export async function signStatement(key: AttestationKey, statement: string, signal: AbortSignal): Promise<SigstoreBundle> {
  const payload = Buffer.from(statement);
  const signature = Buffer.from(await key.sign(preAuthenticationEncoding(statementType, payload), signal));
  return { hint: hintOf(key), payloadType: statementType, payload, signature };
}

/** Whether the key signed it, whatever hint stands there, and it is a statement. */
export function isSignedBy({ payloadType, payload, signature }: SigstoreBundle, key: AttestationKey): boolean {
  return payloadType === statementType && key.verify(preAuthenticationEncoding(payloadType, payload), signature);
}
