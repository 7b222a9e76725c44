import { appError } from "../domain/errors.ts";
import { isRepository } from "../domain/image-reference.ts";
import { type ParentPlace, refuseParent, type WrittenParent } from "./parent-name.ts";

/** First part of every repository that images of strangers' pull requests go to; no label may name one. */
export const untrustedPrefix = "untrusted/";

/** Where the image of a stranger's pull request goes. Throws `distgit.label-invalid` when the name is too long for that. */
export function untrustedRepository(name: string): string {
  const repository = `${untrustedPrefix}${name}`;
  if (isRepository(repository)) return repository;
  throw appError("distgit.label-invalid", `label "name" is too long for an image of a pull request`, {
    file: "Dockerfile",
    hint: `Use at most ${255 - untrustedPrefix.length} characters`,
  });
}

/**
 * None of the places that a FROM is looked for is one of theirs. By the place, since an image that is named by a platform's tag or digest has none
 * of the digests that a build is known by. Throws `builds.parent-not-allowed`.
 */
export function demandTrusted(
  parent: WrittenParent,
  places: readonly ParentPlace[],
  candidate: { readonly endpoint: string; readonly publicName: string },
): void {
  const own = [candidate.endpoint, candidate.publicName].map((name) => name.toLowerCase());
  const isTheirs = ({ registry, repository }: ParentPlace) =>
    own.includes(registry.toLowerCase()) && repository.startsWith(untrustedPrefix);
  if (places.some(isTheirs)) throw untrustedParent(parent);
}

export function untrustedParent(parent: WrittenParent): Error {
  return refuseParent(
    parent,
    "builds.parent-not-allowed",
    `FROM ${parent.image} is the image of a pull request that nobody vouches for`,
    "Use an image that was built of merged work",
  );
}
