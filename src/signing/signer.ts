import type { Digest } from "../domain/digest.ts";

/** What one signature says: this digest may be called by this public name (`registry/repository:tag`). */
export interface Signable {
  readonly digest: Digest;
  readonly publicName: string;
}

/**
 * Signs, finds, checks and removes signatures of one stage's key. `ensureSigned` reads the existing signatures first and adds one only
 * where no valid one of our key says the same, so it may be repeated; one writer at a time per digest is the adapter's duty.
 * Errors: `signing.key-missing`, `signing.key-expired`, `signing.signer-unavailable` (transient), `signing.lookaside-unwritable`.
 */
export interface Signer {
  /** Name of the key in the settings: `candidate`, `production`. */
  readonly stage: string;
  /** Full fingerprint of the primary key, upper case. */
  fingerprint(): Promise<string>;
  /** Returns how many were added. */
  ensureSigned(signables: readonly Signable[], signal: AbortSignal): Promise<number>;
  /** Every signature found for a digest in a repository (`registry/repository`), valid or not. */
  listSignatures(repository: string, digest: Digest): Promise<readonly FoundSignature[]>;
  /** Removes every signature of a public name on a digest; the others are renumbered without a gap. Returns how many went. */
  removeSignatures(signable: Signable): Promise<number>;
}

export interface FoundSignature {
  /** Where it stands, for people. */
  readonly location: string;
  readonly verdict: "valid" | "wrong-key" | "wrong-digest" | "expired" | "unreadable";
  readonly publicName?: string;
  readonly fingerprint?: string;
  /** ISO 8601. */
  readonly signedAt?: string;
}
