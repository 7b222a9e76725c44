import { z } from "zod";
import { sweepCursor } from "../sweep-cursor.ts";

const SeenPull = z.object({
  head: z.string(),
  /** Branch that it goes into; an older release kept none. */
  base: z.string().exactOptional(),
  /** Ids of all comments that are there; they come in any order, so the highest one tells nothing. */
  comments: z.array(z.number()),
});

/** What the last sweep saw of a repository. */
const SeenRepository = z.object({
  /** Branch to commit. */
  heads: z.record(z.string(), z.string()),
  /** Open pull requests by number. */
  open: z.record(z.string(), SeenPull),
  /** Highest number of a pull request. */
  newest: z.number(),
});
export type SeenRepository = z.infer<typeof SeenRepository>;

export const { parse: parseSweepCursor, format: formatSweepCursor } = sweepCursor(SeenRepository);

/** What a record of the cursor has under a name that somebody else chose. */
export function seenAs<T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}
