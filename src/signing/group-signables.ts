import type { Digest } from "../domain/digest.ts";
import { parseDigest } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";
import { formatImageReference, type ImageReference, parseImageReference } from "../domain/image-reference.ts";
import type { Signable } from "./signer.ts";

/** Everything to be said about one digest in one repository: signatures of all kinds stand together by these two. */
export interface SignableGroup {
  readonly repository: string;
  readonly digest: Digest;
  /** Public names, each once. */
  readonly names: readonly string[];
}

/** Throws `domain.reference-invalid` and `domain.digest-invalid` before anything is signed. */
export function groupSignables(signables: readonly Signable[]): readonly SignableGroup[] {
  const groups = new Map<string, { repository: string; digest: Digest; names: Set<string> }>();
  for (const { digest, publicName } of signables) {
    const { repository } = parsePublicName(publicName);
    const key = `${repository}@${parseDigest(digest)}`;
    const group = groups.get(key) ?? { repository, digest, names: new Set<string>() };
    groups.set(key, group);
    group.names.add(publicName);
  }
  return [...groups.values()].map((group) => ({ ...group, names: [...group.names] }));
}

/** A name that may be signed has a tag and no digest, and is written in exactly one way. Throws `domain.reference-invalid`. */
export function parsePublicName(publicName: string): ImageReference {
  const reference = parseImageReference(publicName);
  if (reference.tag !== undefined && reference.digest === undefined && formatImageReference(reference) === publicName) return reference;
  throw appError("domain.reference-invalid", `"${publicName.slice(0, 300)}" is no registry/repository:tag`);
}

/** Does the work of every group, a few at a time in any order, and throws the first failure after all have ended. Returns the sum. */
export async function sumOverGroups(groups: readonly SignableGroup[], work: (group: SignableGroup) => Promise<number>): Promise<number> {
  const results = await Promise.allSettled(groups.map(work));
  const failed = results.find((one) => one.status === "rejected");
  if (failed) throw failed.reason;
  return results.reduce((sum, one) => sum + (one.status === "fulfilled" ? one.value : 0), 0);
}
