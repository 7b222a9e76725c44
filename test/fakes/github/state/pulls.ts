import { addressOf } from "../views/commits.ts";
import { pullView } from "../views/pulls.ts";
import { invalid, nameOf, newId, repositoryOf, timestamp, type World } from "../world.ts";
import type { Pull, PullStats, Repository } from "./data.ts";

export interface NewPull {
  readonly head: Repository;
  readonly headRef: string;
  readonly base: string;
  readonly title: string;
  readonly body: string | null;
  readonly draft: boolean;
  readonly maintainerCanModify: boolean;
}

export async function openPull(world: World, repository: Repository, author: string, wanted: NewPull): Promise<Pull> {
  const name = nameOf(repository);
  const headSha = world.git.findRef(nameOf(wanted.head), `refs/heads/${wanted.headRef}`);
  const baseSha = world.git.findRef(name, `refs/heads/${wanted.base}`);
  if (!headSha) throw invalid("PullRequest", "head", "", "invalid");
  if (!baseSha) throw invalid("PullRequest", "base", "", "invalid");
  const label = `${wanted.head.owner}:${wanted.headRef}`;
  for (const pull of world.data.pulls.values()) {
    const same = pull.repository === repository.id && pull.headRepository === wanted.head.id && pull.headRef === wanted.headRef;
    if (same && pull.state === "open" && pull.baseRef === wanted.base) {
      throw invalid("PullRequest", "base", `A pull request already exists for ${label}.`);
    }
  }
  if (world.git.isAncestor(name, headSha, baseSha)) {
    throw invalid("PullRequest", "base", `No commits between ${wanted.base} and ${label}`);
  }
  const at = timestamp(world);
  const pull: Pull = {
    id: newId(world.data),
    number: repository.nextNumber,
    repository: repository.id,
    author,
    title: wanted.title,
    body: wanted.body,
    state: "open",
    draft: wanted.draft,
    headRepository: wanted.head.id,
    headRef: wanted.headRef,
    headSha,
    baseRef: wanted.base,
    baseSha,
    createdAt: at,
    updatedAt: at,
    closedAt: null,
    mergedAt: null,
    mergedBy: null,
    mergeCommit: null,
    mergeable: null,
    tested: "",
    maintainerCanModify: wanted.maintainerCanModify,
    labels: [],
    reviews: [],
    stats: await measure(world, name, baseSha, headSha),
  };
  repository.nextNumber += 1;
  world.data.pulls.set(pull.id, pull);
  world.git.setRef(name, `refs/pull/${pull.number}/head`, headSha);
  tellPull(world, pull, "opened", author);
  return pull;
}

async function measure(world: World, repository: string, base: string, head: string): Promise<PullStats> {
  const mergeBase = world.git.mergeBase(repository, base, head) ?? base;
  const files = await world.git.diff(repository, mergeBase, head);
  const sum = (key: "additions" | "deletions") => files.reduce((total, file) => total + file[key], 0);
  const commits = world.git.between(repository, [base], head);
  return { commits: commits.length, additions: sum("additions"), deletions: sum("deletions"), changedFiles: files.length };
}

/** A push to the head branch: open pull requests follow, whatever their base. */
export async function followHead(
  world: World,
  head: Repository,
  branch: string,
  before: string,
  after: string,
  sender: string,
): Promise<void> {
  for (const pull of openPulls(world)) {
    if (pull.headRepository !== head.id || pull.headRef !== branch) continue;
    const name = nameOf(repositoryOf(world, pull.repository));
    pull.headSha = after;
    pull.baseSha = world.git.findRef(name, `refs/heads/${pull.baseRef}`) ?? pull.baseSha;
    pull.updatedAt = timestamp(world);
    pull.stats = await measure(world, name, pull.baseSha, after);
    world.git.setRef(name, `refs/pull/${pull.number}/head`, after);
    tellPull(world, pull, "synchronize", sender, { before, after });
    // Nothing is left to merge after a push that put the branch back.
    if (world.git.isAncestor(name, after, pull.baseSha)) closePull(world, pull, sender);
  }
}

/** GitHub closes the pull requests of a deleted branch, be it head or base. */
export function closeOrphans(world: World, repository: Repository, branch: string, sender: string): void {
  for (const pull of openPulls(world)) {
    const isHead = pull.headRepository === repository.id && pull.headRef === branch;
    const isBase = pull.repository === repository.id && pull.baseRef === branch;
    if (isHead || isBase) closePull(world, pull, sender);
  }
}

/** A push to the base branch that contains the head of a pull request has merged it, whoever pushed. */
export async function noticeMerged(world: World, repository: Repository, branch: string, tip: string, sender: string): Promise<void> {
  for (const pull of openPulls(world)) {
    if (pull.repository !== repository.id || pull.baseRef !== branch) continue;
    if (!world.git.isAncestor(nameOf(repository), pull.headSha, tip)) continue;
    pull.mergedAt = timestamp(world);
    pull.mergedBy = sender;
    pull.mergeCommit = pull.headSha;
    closePull(world, pull, sender);
  }
}

export function openPulls(world: World): readonly Pull[] {
  return [...world.data.pulls.values()].filter((pull) => pull.state === "open");
}

export function closePull(world: World, pull: Pull, sender: string): void {
  pull.state = "closed";
  pull.closedAt = timestamp(world);
  pull.updatedAt = pull.closedAt;
  tellPull(world, pull, "closed", sender);
}

export async function reopenPull(world: World, pull: Pull, sender: string): Promise<void> {
  const head = world.git.findRef(nameOf(repositoryOf(world, pull.headRepository)), `refs/heads/${pull.headRef}`);
  if (!head) throw invalid("PullRequest", "state", `The ${pull.headRef} branch has been deleted.`, "invalid");
  if (pull.mergedAt) throw invalid("PullRequest", "state", "state cannot be changed. The pull request is merged.", "invalid");
  pull.state = "open";
  pull.closedAt = null;
  pull.headSha = head;
  pull.updatedAt = timestamp(world);
  world.git.setRef(nameOf(repositoryOf(world, pull.repository)), `refs/pull/${pull.number}/head`, head);
  tellPull(world, pull, "reopened", sender);
}

export interface PullEdit {
  readonly title?: string;
  readonly body?: string;
  readonly base?: string;
}

export async function editPull(world: World, pull: Pull, sender: string, edit: PullEdit): Promise<void> {
  const changes: Record<string, unknown> = {};
  if (edit.title !== undefined && edit.title !== pull.title) {
    changes.title = { from: pull.title };
    pull.title = edit.title;
  }
  if (edit.body !== undefined && edit.body !== pull.body) {
    changes.body = { from: pull.body ?? "" };
    pull.body = edit.body;
  }
  if (edit.base !== undefined && edit.base !== pull.baseRef) {
    const sha = world.git.findRef(nameOf(repositoryOf(world, pull.repository)), `refs/heads/${edit.base}`);
    if (!sha) throw invalid("PullRequest", "base", "Proposed base branch was not found", "invalid");
    changes.base = { ref: { from: pull.baseRef }, sha: { from: pull.baseSha } };
    pull.baseRef = edit.base;
    pull.baseSha = sha;
  }
  if (Object.keys(changes).length === 0) return;
  pull.updatedAt = timestamp(world);
  tellPull(world, pull, "edited", sender, { changes });
}

/** The test merge of an open pull request, made anew after base or head moved. */
export async function testMerge(world: World, pull: Pull): Promise<void> {
  const repository = nameOf(repositoryOf(world, pull.repository));
  const base = world.git.findRef(repository, `refs/heads/${pull.baseRef}`);
  if (pull.state !== "open" || !base || pull.tested === `${base} ${pull.headSha}`) return;
  pull.tested = `${base} ${pull.headSha}`;
  const tree = await world.git.mergeTree(repository, base, pull.headSha);
  pull.mergeable = tree !== undefined;
  if (!tree) return;
  const who = { name: "GitHub", email: "noreply@github.com", date: timestamp(world) };
  const author = { ...who, name: pull.author, email: addressOf(world, pull.author) };
  const message = `Merge ${pull.headSha} into ${base}`;
  pull.mergeCommit = world.git.writeCommit(repository, { tree, parents: [base, pull.headSha], author, committer: who, message });
  world.git.setRef(repository, `refs/pull/${pull.number}/merge`, pull.mergeCommit);
}

/** Has the test merge to be made anew? Then GitHub answers `mergeable: null` first. */
export async function isTestStale(world: World, pull: Pull): Promise<boolean> {
  const base = world.git.findRef(nameOf(repositoryOf(world, pull.repository)), `refs/heads/${pull.baseRef}`);
  return pull.state === "open" && base !== undefined && pull.tested !== `${base} ${pull.headSha}`;
}

export function tellPull(world: World, pull: Pull, action: string, sender: string, more: Readonly<Record<string, unknown>> = {}): void {
  const payload = { action, number: pull.number, pull_request: pullView(world, pull), ...more };
  world.announce(`pull-request-${action}`, { repository: repositoryOf(world, pull.repository), sender, payload });
}
