/** What a token needs for an operation. Several entries of `any` are alternatives, as GitHub takes `issues` or `pull_requests` for comments. */
export interface Operation {
  /** `app` = the App's JWT; `installation` = an installation token. */
  readonly as: "app" | "installation";
  readonly any?: readonly (readonly [permission: string, level: "read" | "write"])[];
  /** Counts as content creation for the secondary limits. */
  readonly creates?: boolean;
}

const app: Operation = { as: "app" };
const reads = (...permissions: string[]): Operation => ({
  as: "installation",
  any: permissions.map((permission) => [permission, "read"] as const),
});
const writes = (...permissions: string[]): Operation => ({
  as: "installation",
  any: permissions.map((permission) => [permission, "write"] as const),
});
const creates = (...permissions: string[]): Operation => ({ ...writes(...permissions), creates: true });

/**
 * The operations that the double answers, by operationId, and what GitHub's documentation demands for each ("Permissions required for
 * GitHub Apps"). `scripts/github-description.ts` extracts exactly these; what is not here is an unknown route.
 */
export const operations: Readonly<Record<string, Operation>> = {
  "apps/get-authenticated": app,
  "apps/list-installations": app,
  "apps/get-installation": app,
  "apps/create-installation-access-token": app,
  "apps/get-repo-installation": app,
  "apps/list-webhook-deliveries": app,
  "apps/get-webhook-delivery": app,
  "apps/redeliver-webhook-delivery": app,
  "apps/list-repos-accessible-to-installation": { as: "installation" },
  "rate-limit/get": { as: "installation" },
  "teams/get-membership-for-user-in-org": reads("members"),
  "repos/get": reads("metadata"),
  "repos/get-collaborator-permission-level": reads("metadata"),
  "checks/create": creates("checks"),
  "checks/get": reads("checks"),
  "checks/update": writes("checks"),
  "checks/list-annotations": reads("checks"),
  "checks/list-for-ref": reads("checks"),
  "checks/rerequest-run": writes("checks"),
  "repos/create-commit-status": creates("statuses"),
  "repos/get-combined-status-for-ref": reads("statuses"),
  "pulls/list": reads("pull_requests"),
  "pulls/create": creates("pull_requests"),
  "pulls/get": reads("pull_requests"),
  "pulls/update": writes("pull_requests"),
  "pulls/list-files": reads("pull_requests"),
  "pulls/list-reviews": reads("pull_requests"),
  "repos/list-pull-requests-associated-with-commit": reads("pull_requests"),
  "issues/list-comments": reads("issues", "pull_requests"),
  "issues/list-comments-for-repo": reads("issues", "pull_requests"),
  "issues/create-comment": creates("issues", "pull_requests"),
  "issues/get-comment": reads("issues", "pull_requests"),
  "issues/update-comment": writes("issues", "pull_requests"),
  "issues/delete-comment": writes("issues", "pull_requests"),
  "reactions/create-for-issue-comment": creates("issues", "pull_requests"),
  "reactions/list-for-issue-comment": reads("issues", "pull_requests"),
  "reactions/delete-for-issue-comment": writes("issues", "pull_requests"),
  "issues/add-labels": writes("issues", "pull_requests"),
  "repos/get-content": reads("contents"),
  "repos/create-or-update-file-contents": creates("contents"),
  "repos/list-branches": reads("contents"),
  "repos/list-commits": reads("contents"),
  "repos/get-commit": reads("contents"),
  "repos/compare-commits-with-basehead": reads("contents"),
  "repos/download-tarball-archive": reads("contents"),
  "git/get-ref": reads("contents"),
  "git/list-matching-refs": reads("contents"),
  "git/create-ref": creates("contents"),
  "git/update-ref": writes("contents"),
  "git/delete-ref": writes("contents"),
  "git/create-blob": writes("contents"),
  "git/get-blob": reads("contents"),
  "git/create-tree": writes("contents"),
  "git/get-tree": reads("contents"),
  "git/create-commit": creates("contents"),
  "git/get-commit": reads("contents"),
};

/** Deliveries that the double can send: the keys of the webhook description. */
export const deliveries: readonly string[] = [
  "ping",
  "push",
  "create",
  "delete",
  "pull-request-opened",
  "pull-request-synchronize",
  "pull-request-edited",
  "pull-request-closed",
  "pull-request-reopened",
  "issue-comment-created",
  "issue-comment-edited",
  "issue-comment-deleted",
  "check-run-created",
  "check-run-completed",
  "check-run-rerequested",
  "check-run-requested-action",
  "check-suite-requested",
  "check-suite-completed",
  "check-suite-rerequested",
  "merge-group-checks-requested",
  "merge-group-destroyed",
  "installation-created",
  "installation-deleted",
  "installation-suspend",
  "installation-unsuspend",
  "installation-new-permissions-accepted",
  "installation-repositories-added",
  "installation-repositories-removed",
];
