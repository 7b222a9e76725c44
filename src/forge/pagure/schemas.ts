import { z } from "zod";

/**
 * Of each object the fields that are used, so that Pagure may add what it likes. Source specification: Pagure 5.13's API 0.31 and its
 * notifications, which build their objects with the same code.
 */
export const commitId = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/);
export const fullname = z.string().max(300);
const login = z.string().max(100);
const user = z.object({ name: login });
/** Epoch seconds as text, with or without a fraction. */
const time = z.string().regex(/^\d{1,12}(\.\d+)?$/);
const id = z.number().int().positive();
const branch = z.string().max(300);

const Comment = z.object({ id, comment: z.string(), user, notification: z.boolean(), date_created: time, edited_on: time.nullable() });

/**
 * What a person said: neither Pagure itself ("1 new commit added", in the name of whoever pushed) nor the bot. An edited comment counts no
 * more, since a project's admins may edit what others wrote.
 */
export function isSaid(comment: z.infer<typeof Comment>, bot: string): boolean {
  return !comment.notification && comment.edited_on === null && comment.user.name !== bot;
}

export const PullRequest = z.object({
  id,
  title: z.string(),
  branch,
  branch_from: branch,
  commit_start: commitId.nullable(),
  commit_stop: commitId.nullable(),
  comments: z.array(Comment),
  date_created: time,
  last_updated: time,
  full_url: z.string(),
  initial_comment: z.string().nullable(),
  project: z.object({ fullname }),
  /** null when the fork has gone, or the branch is on another server. */
  repo_from: z.object({ fullname }).nullable(),
  status: z.enum(["Open", "Merged", "Closed"]),
  user,
});
export type PullRequest = z.infer<typeof PullRequest>;

const pagination = z.object({ next: z.string().nullable() });
/** Each is parsed by itself, with `PullRequest`: anybody may open one. */
export const PullRequests = z.object({ requests: z.array(z.unknown()), pagination });
export const Projects = z.object({ projects: z.array(z.object({ fullname })), pagination });

const names = z.array(login);
export const Project = z.object({
  fullname,
  access_users: z.object({ owner: names, admin: names, commit: names, collaborator: names, ticket: names }),
  access_groups: z.object({ admin: names, commit: names, collaborator: names, ticket: names }),
});
export const Group = z.object({ members: names });
export const HasCommit = z.object({ hascommit: z.boolean() });
export const Branches = z.object({ branches: z.record(z.string(), commitId), default: z.record(z.string(), commitId) });
export const Whoami = z.object({ username: login });
export const HookKey = z.object({ webhook: z.object({ token: z.string().min(1).max(200) }) });
/** Of answers whose content nobody reads. */
export const Anything = z.unknown();

export const Flag = z.object({
  username: z.string(),
  comment: z.string(),
  status: z.string(),
  url: z.string(),
  percent: z.union([z.number(), z.string()]).nullable(),
  date_created: time,
  user,
});
export type Flag = z.infer<typeof Flag>;
export const Flags = z.object({ flags: z.array(Flag) });

/** A webhook's body. The message bus carries `msg` alone. */
export const Delivery = z.object({
  msg: z.record(z.string(), z.unknown()),
  msg_id: z.string(),
  timestamp: z.number().int(),
  topic: z.string().max(100),
});

/** ISO 8601. */
export function isoTime(seconds: string): string {
  return new Date(Number(seconds) * 1000).toISOString();
}
