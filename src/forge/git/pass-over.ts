import { isAppError } from "../../domain/errors.ts";
import type { Log } from "../../log.ts";

/*
 * Anybody may open a pull request whose commits are too large to be fetched, or have gone: in a listing it must hide no other.
 */

/** An open one stays in the listing, as one that cannot be merged: a sibling with the same head must not pass for the only one. */
export function cannotMerge({ log }: { readonly log: Log }, repository: string, pull: number, error: unknown): false {
  if (!isUnfetched(error)) throw error;
  log.warn({ repository, pull, error }, "the commits of a pull request cannot be fetched: it counts as one that cannot be merged");
  return false;
}

/** What is known of a merged one is in its commits. */
export function passOver({ log }: { readonly log: Log }, repository: string, pull: number, error: unknown): undefined {
  if (!isUnfetched(error)) throw error;
  log.warn({ repository, pull, error }, "the commits of a pull request cannot be fetched: not listed");
}

function isUnfetched(error: unknown): boolean {
  return isAppError(error) && ["forge.tree-too-large", "forge.commit-unknown"].includes(error.code);
}
