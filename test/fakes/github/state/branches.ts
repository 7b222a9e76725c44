import { addressOf } from "../views/commits.ts";
import { pageOf, pushedRepositoryView } from "../views/repositories.ts";
import { nameOf, timestamp, type World } from "../world.ts";
import { tellSuite } from "./checks.ts";
import type { Repository } from "./data.ts";
import { closeOrphans, followHead, noticeMerged } from "./pulls.ts";
import { ensureSuite } from "./suites.ts";

const none = "0".repeat(40);

/** Sets, moves or deletes (`after` undefined) a ref with all that follows on GitHub: push, create, delete, check suites, pull requests. */
export async function moveRef(world: World, repository: Repository, ref: string, after: string | undefined, sender: string): Promise<void> {
  const name = nameOf(repository);
  const before = world.git.findRef(name, ref);
  if (before === after) return;
  world.git.setRef(name, ref, after);
  repository.pushedAt = timestamp(world);
  const kind = ref.startsWith("refs/tags/") ? "tag" : "branch";
  if (!ref.startsWith("refs/heads/") && kind !== "tag") return;
  const short = ref.slice(ref.indexOf("/", 5) + 1);
  const about = { ref: short, ref_type: kind, pusher_type: "user" };
  if (!before) {
    const payload = { ...about, master_branch: repository.defaultBranch, description: null };
    world.announce("create", { repository, sender, payload });
  }
  world.announce("push", { repository, sender, payload: pushPayload(world, repository, ref, before, after, sender) });
  if (!after) world.announce("delete", { repository, sender, payload: about });
  if (kind === "tag") return;
  if (after && !isQueue(short)) {
    const suite = ensureSuite(world, repository.id, after, short, world.app.slug);
    await tellSuite(world, suite, "requested", sender);
  }
  if (before && after) await followHead(world, repository, short, before, after, sender);
  if (after) await noticeMerged(world, repository, short, after, sender);
  else closeOrphans(world, repository, short, sender);
}

const isQueue = (branch: string) => branch.startsWith("gh-readonly-queue/");

function pushPayload(
  world: World,
  repository: Repository,
  ref: string,
  before: string | undefined,
  after: string | undefined,
  sender: string,
) {
  const name = nameOf(repository);
  const page = pageOf(world, repository);
  const ids = after ? (before ? world.git.between(name, [before], after) : newCommits(world, name, ref, after)) : [];
  const commits = ids.map((id) => pushedCommit(world, name, page, id));
  const head = after ? pushedCommit(world, name, page, commitOf(world, name, after)) : null;
  return {
    ref,
    before: before ?? none,
    after: after ?? none,
    // The one place where an organisation is a plain name.
    repository: pushedRepositoryView(world, repository),
    pusher: { name: sender, email: addressOf(world, sender) },
    created: !before,
    deleted: !after,
    forced: before !== undefined && after !== undefined && !world.git.isAncestor(name, before, after),
    base_ref: null,
    compare: `${page}/compare/${(before ?? none).slice(0, 12)}...${(after ?? none).slice(0, 12)}`,
    commits,
    head_commit: head,
  };
}

/** Annotated tags are peeled. */
function commitOf(world: World, name: string, sha: string): string {
  return world.git.resolve(name, sha) ?? sha;
}

/** What no other branch had. */
function newCommits(world: World, name: string, ref: string, after: string): readonly string[] {
  const others = world.git
    .listRefs(name, "refs/heads/")
    .filter((each) => each.ref !== ref)
    .map((each) => each.sha);
  return world.git.between(name, others, after);
}

function pushedCommit(world: World, name: string, page: string, id: string) {
  const commit = world.git.readCommit(name, id);
  // Of a merge GitHub, as git, names no files.
  const changes = commit.parents.length > 1 ? [] : world.git.changes(name, commit.parents[0], id);
  const changed = (how: string) => changes.flatMap((one) => (one.how === how ? [one.path] : []));
  const person = ({ name: who, email, date }: typeof commit.author) => ({ name: who, email, date });
  return {
    id,
    tree_id: commit.tree,
    distinct: true,
    message: commit.message,
    timestamp: commit.committer.date,
    url: `${page}/commit/${id}`,
    author: person(commit.author),
    committer: person(commit.committer),
    added: changed("added"),
    removed: changed("removed"),
    modified: changed("modified"),
  };
}
