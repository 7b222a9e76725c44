import { z } from "zod";
import { sweepCursor } from "../sweep-cursor.ts";

/** Before everything that GitHub can have. */
export const epoch = "1970-01-01T00:00:00Z";

/** What the last sweep saw of a repository. Times are GitHub's own, never this machine's. */
const SeenRepository = z.object({
  /** Branch to commit. */
  heads: z.record(z.string(), z.string()),
  /** Head of each open pull request. */
  open: z.record(z.string(), z.string()),
  /** Branch that each of them goes into; an older release kept none. */
  bases: z.record(z.string(), z.string()).default({}),
  /** The latest end of a pull request, and when those ended that ended shortly before. */
  endedAt: z.string(),
  ended: z.record(z.string(), z.string()),
  /** When the latest comment was written, and the ids of those written shortly before. */
  commentedAt: z.string(),
  comments: z.array(z.number()),
});
export type SeenRepository = z.infer<typeof SeenRepository>;

export const { parse: parseSweepCursor, format: formatSweepCursor } = sweepCursor(SeenRepository);

/** Two writes of one second may become visible one after the other: what lies so close is looked at again and told by its id. */
const overlapMs = 60_000;

/** GitHub's form of a time, a little earlier. */
export function shortlyBefore(time: string): string {
  return new Date(Math.max(0, Date.parse(time) - overlapMs)).toISOString().replace(/\.\d+Z$/, "Z");
}

export function latest(...times: readonly string[]): string {
  return times.reduce((a, b) => (Date.parse(b) > Date.parse(a) ? b : a), epoch);
}

/** What a record of the cursor has under a name that somebody else chose. */
export function seenAs(record: Readonly<Record<string, string>> | undefined, name: string): string | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}
