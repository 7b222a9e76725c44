import type { Repository } from "../state/data.ts";
import { accountOf, nameOf, repositoryOf, type World } from "../world.ts";
import { nodeId, userView } from "./accounts.ts";

/** Paths of the URL templates that every repository object carries, by property name without `_url`. */
const templates: Readonly<Record<string, string>> = {
  archive: "{archive_format}{/ref}",
  assignees: "assignees{/user}",
  blobs: "git/blobs{/sha}",
  branches: "branches{/branch}",
  collaborators: "collaborators{/collaborator}",
  comments: "comments{/number}",
  commits: "commits{/sha}",
  compare: "compare/{base}...{head}",
  contents: "contents/{+path}",
  contributors: "contributors",
  deployments: "deployments",
  downloads: "downloads",
  events: "events",
  forks: "forks",
  git_commits: "git/commits{/sha}",
  git_refs: "git/refs{/sha}",
  git_tags: "git/tags{/sha}",
  hooks: "hooks",
  issue_comment: "issues/comments{/number}",
  issue_events: "issues/events{/number}",
  issues: "issues{/number}",
  keys: "keys{/key_id}",
  labels: "labels{/name}",
  languages: "languages",
  merges: "merges",
  milestones: "milestones{/number}",
  notifications: "notifications{?since,all,participating}",
  pulls: "pulls{/number}",
  releases: "releases{/id}",
  stargazers: "stargazers",
  statuses: "statuses/{sha}",
  subscribers: "subscribers",
  subscription: "subscription",
  tags: "tags",
  teams: "teams",
  trees: "git/trees{/sha}",
};

export const apiOf = (world: World, repository: Repository) => `${world.apiUrl}/repos/${nameOf(repository)}`;
export const pageOf = (world: World, repository: Repository) => `${world.url}/${nameOf(repository)}`;

export function repositoryView(world: World, repository: Repository) {
  const api = apiOf(world, repository);
  const page = pageOf(world, repository);
  const open = [...world.data.pulls.values()].filter((pull) => pull.repository === repository.id && pull.state === "open").length;
  const forks = [...world.data.repositories.values()].filter((each) => each.parent === repository.id).length;
  return {
    id: repository.id,
    node_id: nodeId("R", repository.id),
    name: repository.name,
    full_name: nameOf(repository),
    private: repository.private,
    owner: userView(world, repository.owner),
    html_url: page,
    description: null,
    fork: repository.parent !== undefined,
    url: api,
    ...Object.fromEntries(Object.entries(templates).map(([key, path]) => [`${key}_url`, `${api}/${path}`])),
    git_url: `git:${page.replace(/^https?:/, "")}.git`,
    ssh_url: `git@${new URL(world.url).hostname}:${nameOf(repository)}.git`,
    clone_url: `${page}.git`,
    svn_url: page,
    mirror_url: null,
    homepage: null,
    language: null,
    size: 1,
    forks,
    forks_count: forks,
    stargazers_count: 0,
    watchers: 0,
    watchers_count: 0,
    open_issues: open,
    open_issues_count: open,
    default_branch: repository.defaultBranch,
    is_template: false,
    topics: [],
    has_issues: true,
    has_projects: false,
    has_wiki: false,
    has_pages: false,
    has_downloads: true,
    has_discussions: false,
    archived: false,
    disabled: false,
    visibility: repository.private ? "private" : "public",
    allow_forking: true,
    web_commit_signoff_required: false,
    license: null,
    pushed_at: repository.pushedAt,
    created_at: repository.createdAt,
    updated_at: repository.pushedAt,
  };
}

export function fullRepositoryView(world: World, repository: Repository) {
  const { parent } = repository;
  return {
    ...repositoryView(world, repository),
    ...(accountOf(world, repository.owner).type === "Organization" ? { organization: userView(world, repository.owner) } : {}),
    ...(parent === undefined
      ? {}
      : { parent: repositoryView(world, repositoryOf(world, parent)), source: repositoryView(world, repositoryOf(world, parent)) }),
    allow_merge_commit: true,
    allow_rebase_merge: true,
    allow_squash_merge: true,
    allow_auto_merge: false,
    allow_update_branch: false,
    delete_branch_on_merge: false,
    subscribers_count: 0,
    network_count: 0,
  };
}

/** In push payloads GitHub writes times as seconds. */
export function pushedRepositoryView(world: World, repository: Repository) {
  const seconds = (iso: string) => Math.floor(Date.parse(iso) / 1000);
  return {
    ...repositoryView(world, repository),
    created_at: seconds(repository.createdAt),
    pushed_at: seconds(repository.pushedAt),
    stargazers: 0,
    master_branch: repository.defaultBranch,
  };
}
