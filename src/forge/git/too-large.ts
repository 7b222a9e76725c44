import type { AppError } from "../../domain/errors.ts";

/** Commits that were too large to be fetched, and what was said of them then. */
export interface TooLarge {
  find(repository: string, commit: string): AppError | undefined;
  add(repository: string, commit: string, error: AppError): void;
}

const mostKnown = 1000;
/** What a mirror holds already need not be fetched, so that the same commit may be small enough one day. */
const rememberedMs = 3_600_000;

/** Listings ask for the head of a pull request as long as it is open: each time would cost as much as may be fetched at all. */
export function rememberTooLarge(now: () => number = Date.now): TooLarge {
  const known = new Map<string, { readonly error: AppError; readonly at: number }>();
  return {
    find(repository, commit) {
      const found = known.get(`${repository} ${commit}`);
      return found !== undefined && now() - found.at < rememberedMs ? found.error : undefined;
    },
    add(repository, commit, error) {
      if (known.size >= mostKnown) known.clear();
      known.set(`${repository} ${commit}`, { error, at: now() });
    },
  };
}
