import { z } from "zod";

/** What a forge's sweeps keep as text: what the last one saw of each repository. */
export interface SweepCursor<Seen> {
  /** By name; a cursor that cannot be read means: look at everything. */
  parse(cursor: string | undefined): ReadonlyMap<string, Seen>;
  format(repositories: ReadonlyMap<string, Seen>): string;
}

export function sweepCursor<Seen>(seen: z.ZodType<Seen>): SweepCursor<Seen> {
  // Not strict, and neither is what is seen: a newer replica may keep more there.
  const shape = z.object({ version: z.literal(1), repositories: z.record(z.string(), seen) });
  return {
    parse(cursor) {
      try {
        return new Map(cursor === undefined ? [] : Object.entries(shape.parse(JSON.parse(cursor)).repositories));
      } catch {
        return new Map();
      }
    },
    format: (repositories) => JSON.stringify({ version: 1, repositories: Object.fromEntries(repositories) }),
  };
}
