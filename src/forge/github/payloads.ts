import { z } from "zod";

/**
 * Of each payload the fields that are used, so that GitHub may add what it likes and leave out what nobody here needs.
 * Source specification: "Webhook events and payloads" of GitHub's documentation, by the names used there.
 */
const commit = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/);
const number = z.number().int().positive();
const repository = z.object({ full_name: z.string().max(200) });
const sender = z.object({ login: z.string().max(100), type: z.string().max(50).optional() });
const common = { repository, sender };
const app = z.object({ id: z.number() }).nullish();

export const Push = z.object({ ...common, ref: z.string().max(300), after: commit, deleted: z.boolean() });

export const PullRequest = z.object({
  ...common,
  action: z.string(),
  pull_request: z.object({
    number,
    merged: z.boolean().nullish(),
    merge_commit_sha: commit.nullish(),
    head: z.object({ sha: commit }),
    base: z.object({ ref: z.string().max(300) }),
  }),
  /** Of `edited`: what was before. */
  changes: z.object({ base: z.unknown().optional() }).optional(),
});

export const IssueComment = z.object({
  ...common,
  issue: z.object({ number, pull_request: z.unknown().optional() }),
  comment: z.object({ id: number, body: z.string(), performed_via_github_app: app }),
});

const checkRun = z.object({ name: z.string(), head_sha: commit, external_id: z.string().nullish(), app });

export const CheckRunRerequested = z.object({ ...common, check_run: checkRun });

export const CheckRunRequestedAction = z.object({
  ...common,
  check_run: checkRun,
  requested_action: z.object({ identifier: z.string().max(100) }),
});

export const CheckSuite = z.object({ ...common, check_suite: z.object({ head_sha: commit, app }) });

export const MergeGroup = z.object({
  action: z.string(),
  merge_group: z.object({ head_sha: commit, base_sha: commit, base_ref: z.string().max(300) }),
  repository: repository.optional(),
  sender: sender.optional(),
});
