import type { Digest } from "../domain/digest.ts";
import type { ImageReference } from "../domain/image-reference.ts";

/** Bytes found at one place of a lookaside; `undefined` when something stands there that is no readable file. */
export interface StoredSignature {
  /** For people: path or URL. */
  readonly location: string;
  readonly bytes: Uint8Array | undefined;
}

/**
 * Where a consumer would look for signatures: a served lookaside or its directory. Reads 1, 2, … until the first that is absent, at most
 * {@link maxSignatures}, as containers/image does. Throws `signing.lookaside-unreadable` for everything but a clean "absent".
 */
export interface SignatureSource {
  listStored(repository: string, digest: Digest): Promise<readonly StoredSignature[]>;
}

/** What one signature message turned out to be, before anybody asked whom it is about. */
export type CheckedSignature =
  | { readonly verdict: "valid" | "expired" | "wrong-key"; readonly text: string; readonly fingerprint: string; readonly signedAt?: string }
  /** Nothing that a client could use; `blocking` = the client gives up on the whole image, even beside a valid signature. */
  | { readonly verdict: "unreadable"; readonly blocking: boolean; readonly why: string };

/** Judges signature messages by the public keys of one registry. */
export interface SignatureChecker {
  /** Full fingerprints of the primary keys, upper case. */
  readonly fingerprints: readonly string[];
  check(bytes: Uint8Array): Promise<CheckedSignature>;
}

/** The same for what was signed here a moment ago; of what somebody else may have written each is checked for itself. */
export interface OwnSignatureChecker extends SignatureChecker {
  /** All at once, in their order. Undefined for what is not valid, or was not come to behind such a one: {@link check} tells why. */
  findValid(signatures: readonly Uint8Array[]): Promise<readonly (CheckedSignature | undefined)[]>;
}

/** containers/image reads no more than these. */
export const maxSignatures = 128;
/** containers/image refuses larger bodies. */
export const maxSignatureBytes = 4 * 2 ** 20;

/** `<namespace>/<name>@sha256=<hex>/signature-<n>`; without host, so each stage needs a base of its own. */
export function lookasidePath(repository: string, digest: Digest, n: number): string {
  return `${repository}@${digest.replace(":", "=")}/signature-${n}`;
}

/** containers/image's default `matchRepoDigestOrExact`: by tag the names are equal, by digest the repositories. */
export function nameMatches(signed: ImageReference, wanted: ImageReference): boolean {
  if (signed.registry !== wanted.registry || signed.repository !== wanted.repository) return false;
  if (wanted.digest !== undefined) return signed.tag !== undefined || signed.digest !== undefined;
  return signed.digest === undefined && signed.tag !== undefined && signed.tag === wanted.tag;
}
