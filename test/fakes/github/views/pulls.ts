import { associationOf } from "../state/accounts.ts";
import type { Pull, Repository } from "../state/data.ts";
import { repositoryOf, type World } from "../world.ts";
import { nodeId, userView } from "./accounts.ts";
import { apiOf, pageOf, repositoryView } from "./repositories.ts";

export function pullSimpleView(world: World, pull: Pull) {
  const repository = repositoryOf(world, pull.repository);
  const api = apiOf(world, repository);
  const url = `${api}/pulls/${pull.number}`;
  const page = `${pageOf(world, repository)}/pull/${pull.number}`;
  const issue = `${api}/issues/${pull.number}`;
  const links = {
    html: page,
    self: url,
    issue,
    comments: `${issue}/comments`,
    review_comments: `${url}/comments`,
    review_comment: `${api}/pulls/comments{/number}`,
    commits: `${url}/commits`,
    statuses: `${api}/statuses/${pull.headSha}`,
  };
  return {
    url,
    id: pull.id,
    node_id: nodeId("PR", pull.id),
    html_url: page,
    diff_url: `${page}.diff`,
    patch_url: `${page}.patch`,
    issue_url: issue,
    commits_url: links.commits,
    review_comments_url: links.review_comments,
    review_comment_url: links.review_comment,
    comments_url: links.comments,
    statuses_url: links.statuses,
    number: pull.number,
    state: pull.state,
    locked: false,
    title: pull.title,
    user: userView(world, pull.author),
    body: pull.body,
    labels: pull.labels.map((name) => labelView(world, repository, name)),
    milestone: null,
    active_lock_reason: null,
    created_at: pull.createdAt,
    updated_at: pull.updatedAt,
    closed_at: pull.closedAt,
    merged_at: pull.mergedAt,
    merge_commit_sha: pull.mergeCommit,
    assignee: null,
    assignees: [],
    requested_reviewers: [],
    requested_teams: [],
    head: sideView(world, repositoryOf(world, pull.headRepository), pull.headRef, pull.headSha),
    base: sideView(world, repository, pull.baseRef, pull.baseSha),
    _links: Object.fromEntries(Object.entries(links).map(([key, href]) => [key, { href }])),
    author_association: associationOf(world, repository, pull.author),
    auto_merge: null,
    draft: pull.draft,
  };
}

export function pullView(world: World, pull: Pull) {
  const comments = [...world.data.comments.values()].filter((each) => each.repository === pull.repository && each.number === pull.number);
  const states = { true: "clean", false: "dirty", null: "unknown" } as const;
  return {
    ...pullSimpleView(world, pull),
    merged: pull.mergedAt !== null,
    mergeable: pull.state === "open" ? pull.mergeable : null,
    rebaseable: pull.state === "open" ? pull.mergeable : null,
    mergeable_state: pull.state === "open" ? states[`${pull.mergeable}`] : "unknown",
    merged_by: pull.mergedBy === null ? null : userView(world, pull.mergedBy),
    comments: comments.length,
    review_comments: 0,
    maintainer_can_modify: pull.maintainerCanModify,
    commits: pull.stats.commits,
    additions: pull.stats.additions,
    deletions: pull.stats.deletions,
    changed_files: pull.stats.changedFiles,
  };
}

function sideView(world: World, repository: Repository, ref: string, sha: string) {
  return {
    label: `${repository.owner}:${ref}`,
    ref,
    sha,
    user: userView(world, repository.owner),
    repo: repositoryView(world, repository),
  };
}

/** As it stands in check runs and suites. */
export function pullMinimalView(world: World, pull: Pull) {
  const side = (id: number, ref: string, sha: string) => {
    const repository = repositoryOf(world, id);
    return { ref, sha, repo: { id, url: apiOf(world, repository), name: repository.name } };
  };
  return {
    id: pull.id,
    number: pull.number,
    url: `${apiOf(world, repositoryOf(world, pull.repository))}/pulls/${pull.number}`,
    head: side(pull.headRepository, pull.headRef, pull.headSha),
    base: side(pull.repository, pull.baseRef, pull.baseSha),
  };
}

export function labelView(world: World, repository: Repository, name: string) {
  const id = [...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7) % 2 ** 31;
  const url = `${apiOf(world, repository)}/labels/${encodeURIComponent(name)}`;
  return { id, node_id: nodeId("L", id), url, name, description: "", color: "ededed", default: false };
}
