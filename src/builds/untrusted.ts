import { appError } from "../domain/errors.ts";
import { isRepository } from "../domain/image-reference.ts";

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
