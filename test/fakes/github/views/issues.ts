import { associationOf } from "../state/accounts.ts";
import type { Issue, Pull } from "../state/data.ts";
import { repositoryOf, type World } from "../world.ts";
import { nodeId, userView } from "./accounts.ts";
import { pullSimpleView } from "./pulls.ts";
import { apiOf, pageOf } from "./repositories.ts";

/** `issue` of an issue_comment payload. For a pull request it has `pull_request`, and no commit id. */
export function issueView(world: World, issue: Pull | Issue) {
  const pull = "headSha" in issue ? issue : undefined;
  const view = pull && pullSimpleView(world, pull);
  const repository = repositoryOf(world, issue.repository);
  const url = `${apiOf(world, repository)}/issues/${issue.number}`;
  return {
    url,
    repository_url: apiOf(world, repository),
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    html_url: view?.html_url ?? `${pageOf(world, repository)}/issues/${issue.number}`,
    id: issue.id,
    node_id: nodeId("I", issue.id),
    number: issue.number,
    title: issue.title,
    user: userView(world, issue.author),
    labels: view?.labels ?? [],
    state: pull?.state ?? "open",
    locked: false,
    assignee: null,
    assignees: [],
    milestone: null,
    comments: [...world.data.comments.values()].filter((each) => each.repository === issue.repository && each.number === issue.number)
      .length,
    created_at: issue.createdAt,
    updated_at: issue.updatedAt,
    closed_at: pull?.closedAt ?? null,
    author_association: associationOf(world, repository, issue.author),
    active_lock_reason: null,
    ...(pull && view ? { draft: pull.draft, pull_request: linksOf(view) } : {}),
    body: issue.body,
    reactions: rollup(`${url}/reactions`, []),
    timeline_url: `${url}/timeline`,
    performed_via_github_app: null,
    state_reason: null,
  };
}

function linksOf({ url, html_url, diff_url, patch_url, merged_at }: ReturnType<typeof pullSimpleView>) {
  return { url, html_url, diff_url, patch_url, merged_at };
}

export function rollup(url: string, contents: readonly string[]) {
  const count = (content: string) => contents.filter((each) => each === content).length;
  const kinds = ["+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"] as const;
  const counts = Object.fromEntries(kinds.map((kind) => [kind, count(kind)]));
  return { url, total_count: contents.length, ...counts };
}
