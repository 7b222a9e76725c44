import { isAppError } from "../../domain/errors.ts";
import type { Log } from "../../log.ts";

/** Anybody may open a pull request whose commits are too large to be fetched, or have gone: a listing leaves it out, so that it hides no other. */
export function passOver({ log }: { readonly log: Log }, repository: string, pull: number, error: unknown): undefined {
  if (!isAppError(error) || !["forge.tree-too-large", "forge.commit-unknown"].includes(error.code)) throw error;
  log.warn({ repository, pull, error }, "the commits of a pull request cannot be fetched: not listed");
}
