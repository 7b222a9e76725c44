import { z } from "zod";
import { permissions } from "../forge/permission.ts";
import type { Outcome } from "./commands/answer.ts";

/** A comment that has commands; everything else about it is looked up when they are carried out. */
export const CommandIntent = z.strictObject({
  forge: z.string(),
  repository: z.string(),
  /** Whose pull request it stands on. */
  place: z.enum(["containers", "manifests"]),
  number: z.number().int(),
  comment: z.string(),
  text: z.string(),
  actor: z.string(),
});
export type CommandIntent = z.infer<typeof CommandIntent>;

const Level = z.enum(permissions);
/** What the commands of one comment are judged by, read when they are carried out. */
export const PullFacts = z.object({
  state: z.enum(["open", "merged", "closed"]),
  author: z.string(),
  head: z.string(),
  baseBranch: z.string(),
  body: z.string(),
  permission: z.object({ here: Level, manifests: Level }),
  /** Head of the base branch, for a stranger's pull request. */
  base: z.string().nullable(),
  approved: z.boolean(),
  /** When the comment was written, ISO 8601; only of one that waives. Journals of older releases lack it and what follows. */
  saidAt: z.string().exactOptional(),
  headBranch: z.string().exactOptional(),
  fromFork: z.boolean().exactOptional(),
});
export type PullFacts = z.infer<typeof PullFacts>;

/** One line of the comment, and the run that it started. */
export interface Told {
  readonly outcome: Outcome;
  readonly run?: string;
}
