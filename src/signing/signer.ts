import type { Digest } from "../domain/digest.ts";

/** What one signature says: this digest may be called by this public name (`registry/repository:tag`). */
export interface Signable {
  readonly digest: Digest;
  readonly publicName: string;
}

/** One key of a registry. */
export interface SignerKey {
  readonly kind: SignatureKind;
  /** OpenPGP: fingerprint of the primary key, 40 upper-case hexadecimal digits. cosign: `sha256:` and the digest of the public key (SPKI, DER). */
  readonly id: string;
  /** `accept` = its signatures count, it makes no more: a key that is being replaced. */
  readonly use: "sign" | "accept";
}

export type SignatureKind = "openpgp" | "cosign";

/**
 * Signs, finds, checks and removes the signatures of one registry's keys, of every kind that the settings name. `ensureSigned` reads the
 * existing signatures first and adds one for each signing key that has not said the same yet, so it may be repeated; one writer at a time per
 * digest is the adapter's duty. `prepare` only saves time. Errors: `signing.key-missing`, `signing.key-expired`, `signing.key-unusable`, `signing.signer-unavailable`
 * (transient), `signing.lookaside-unwritable`, and what the registry throws.
 */
export interface Signer {
  /** Name of the registry in the settings: `candidate`, `production`. */
  readonly stage: string;
  readonly keys: readonly SignerKey[];
  /**
   * Begins to make what will be asked for soon, where that takes time. Nobody else can see it: it stands in memory until `ensureSigned` asks for the
   * same, for some minutes at most, and while it is checked in a directory that only flibs can enter. Resolves when it is made; never rejects, since whoever asks for it hears what is wrong.
   */
  prepare(signables: readonly Signable[], signal: AbortSignal): Promise<void>;
  /** Returns how many were added. */
  ensureSigned(signables: readonly Signable[], signal: AbortSignal): Promise<number>;
  /** Every signature found for a digest in a repository (`registry/repository`), valid or not. */
  listSignatures(repository: string, digest: Digest): Promise<readonly FoundSignature[]>;
  /** Removes every signature of a public name on a digest, of all keys; others are renumbered without a gap. Returns how many went. */
  removeSignatures(signable: Signable): Promise<number>;
}

export interface FoundSignature {
  readonly kind: SignatureKind;
  /** Where it stands, for people. */
  readonly location: string;
  readonly verdict: "valid" | "wrong-key" | "wrong-digest" | "expired" | "unreadable";
  readonly publicName?: string;
  /** Of the key that made it, as in {@link SignerKey.id}. */
  readonly fingerprint?: string;
  /** ISO 8601. */
  readonly signedAt?: string;
  /** True when it makes clients give the whole image up, even beside valid ones. */
  readonly blocking?: boolean;
}

/** Signers by the registry's name in the settings; built in `app.ts`. */
export interface Signers {
  /** Throws `registry.unknown` for a name that is not in the settings. */
  named(registry: string): Signer;
}

/** Signing keys that have not signed a name yet; none = the name is signed. Pure. */
export function missingKeys(keys: readonly SignerKey[], found: readonly FoundSignature[], publicName: string): readonly SignerKey[] {
  const valid = found.filter((one) => one.verdict === "valid" && one.publicName === publicName);
  return keys.filter((key) => key.use === "sign" && !valid.some((one) => one.kind === key.kind && one.fingerprint === key.id));
}
