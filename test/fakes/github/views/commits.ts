import { type CommitObject, type DiffEntry, github, webFlow } from "../git.ts";
import type { Repository } from "../state/data.ts";
import { accountOf, type World } from "../world.ts";
import { nodeId, userView } from "./accounts.ts";
import { apiOf, pageOf } from "./repositories.ts";

const unsigned = { verified: false, reason: "unsigned", signature: null, payload: null, verified_at: null };

/** GitHub signs what it commits itself: merges by the button, and what an App leaves to it. */
function verificationOf({ sha, committer }: CommitObject) {
  if (committer.email !== github.email) return unsigned;
  const block = (text: string) => `-----BEGIN PGP SIGNATURE-----\n\n${text}\n-----END PGP SIGNATURE-----\n`;
  return { verified: true, reason: "valid", signature: block(sha), payload: sha, verified_at: committer.date };
}

export function gitCommitView(world: World, repository: Repository, commit: CommitObject) {
  const api = apiOf(world, repository);
  const page = pageOf(world, repository);
  return {
    sha: commit.sha,
    node_id: nodeId("C", commit.sha),
    url: `${api}/git/commits/${commit.sha}`,
    html_url: `${page}/commit/${commit.sha}`,
    author: commit.author,
    committer: commit.committer,
    tree: { sha: commit.tree, url: `${api}/git/trees/${commit.tree}` },
    message: commit.message,
    parents: commit.parents.map((sha) => ({ sha, url: `${api}/git/commits/${sha}`, html_url: `${page}/commit/${sha}` })),
    verification: verificationOf(commit),
  };
}

export function commitView(world: World, repository: Repository, commit: CommitObject) {
  const url = `${apiOf(world, repository)}/commits/${commit.sha}`;
  const git = gitCommitView(world, repository, commit);
  return {
    sha: commit.sha,
    node_id: git.node_id,
    url,
    html_url: git.html_url,
    comments_url: `${url}/comments`,
    commit: {
      url: git.url,
      author: git.author,
      committer: git.committer,
      message: git.message,
      tree: git.tree,
      comment_count: 0,
      verification: verificationOf(commit),
    },
    author: knownUser(world, commit.author.email),
    committer: knownUser(world, commit.committer.email),
    parents: commit.parents.map((sha) => ({
      sha,
      url: `${apiOf(world, repository)}/commits/${sha}`,
      html_url: `${pageOf(world, repository)}/commit/${sha}`,
    })),
  };
}

/** GitHub finds the account by the address; `{}` or null when it knows nobody. Its own has one, too. */
function knownUser(world: World, email: string) {
  if (email === github.email) return userView(world, webFlow);
  const login = /^(?:\d+\+)?(.+)@users\.noreply\.github\.com$/.exec(email)?.[1];
  return login && world.data.accounts.has(login.toLowerCase()) ? userView(world, login) : {};
}

/** The address that GitHub writes into commits of somebody without a public one. */
export const addressOf = (world: World, login: string) => `${accountOf(world, login).id}+${login}@users.noreply.github.com`;

export function diffView(world: World, repository: Repository, entry: DiffEntry, head: string) {
  const page = pageOf(world, repository);
  const path = encodeURI(entry.path);
  return {
    sha: entry.sha,
    filename: entry.path,
    status: entry.status,
    additions: entry.additions,
    deletions: entry.deletions,
    changes: entry.additions + entry.deletions,
    blob_url: `${page}/blob/${head}/${path}`,
    raw_url: `${page}/raw/${head}/${path}`,
    contents_url: `${apiOf(world, repository)}/contents/${path}?ref=${head}`,
    ...(entry.patch === undefined ? {} : { patch: entry.patch }),
    ...(entry.from === undefined ? {} : { previous_filename: entry.from }),
  };
}
