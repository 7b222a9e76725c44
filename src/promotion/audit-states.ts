/**
 * What an audit says of one tag and the digest that it should stand at:
 *
 * - `ok`: the tag stands at its digest, everything below is there, and each name is signed by each signing key
 * - `missing`: the tag is not there
 * - `moved`: the tag stands at another digest; never mended by flibs
 * - `unmanaged`: the tag is there and no registry manifest speaks of it
 * - `unsigned`: a digest that the tag leads to has no valid signature of a signing key for this name that clients would find
 * - `bad-signature`: what stands beside the signatures makes clients give the image up, or a withdrawn release is still signed
 * - `lost-child`: a manifest that the tag leads to is gone, or is not what its digest says
 * - `lost-blob`: a layer or configuration is gone (seen by a deep audit only)
 */
export const auditStates = ["ok", "missing", "moved", "unmanaged", "unsigned", "bad-signature", "lost-child", "lost-blob"] as const;
export type AuditState = (typeof auditStates)[number];

/** One (tag, digest) in one state; a tag that has two troubles has two lines. */
export interface AuditLine {
  readonly tag: string;
  /** Where the tag should stand; of an unmanaged one, where it stands. */
  readonly digest: string;
  readonly state: AuditState;
  /** One sentence; empty for `ok`. */
  readonly message: string;
}

/** What can be mended from git and the candidate registry: the release run of the image does it. What was moved is a person's affair. */
export function isRepairable(state: AuditState): boolean {
  return ["missing", "unsigned", "bad-signature", "lost-child", "lost-blob"].includes(state);
}
