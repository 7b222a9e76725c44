import { type CommitObject, github, type Signature } from "../git.ts";
import { addressOf } from "../views/commits.ts";
import { nameOf, Refusal, repositoryOf, timestamp, type World } from "../world.ts";
import { moveRef } from "./branches.ts";
import type { Pull } from "./data.ts";
import { tellPull } from "./pulls.ts";

export type MergeMethod = "merge" | "squash" | "rebase";

export const signatureOf = (world: World, login: string): Signature => ({
  name: login,
  email: addressOf(world, login),
  date: timestamp(world),
});

/** Merges as the button does. Throws a refusal when it conflicts or is closed. */
export async function mergePull(world: World, pull: Pull, method: MergeMethod, sender: string, message?: string): Promise<string> {
  const repository = repositoryOf(world, pull.repository);
  const name = nameOf(repository);
  const base = world.git.findRef(name, `refs/heads/${pull.baseRef}`);
  if (pull.state !== "open" || !base) throw new Refusal(405, "Pull Request is not mergeable");
  const author = signatureOf(world, sender);
  const committer = { ...github, date: author.date };
  const commit = method === "rebase" ? await rebase(world, name, base, pull.headSha, author) : await single();
  async function single(): Promise<string> {
    const tree = await world.git.mergeTree(name, base ?? "", pull.headSha);
    if (!tree) throw new Refusal(405, "Pull Request is not mergeable");
    const squash = method === "squash";
    const head = repositoryOf(world, pull.headRepository);
    const text =
      message ??
      (squash
        ? `${pull.title} (#${pull.number})`
        : `Merge pull request #${pull.number} from ${head.owner}/${pull.headRef}\n\n${pull.title}`);
    return world.git.writeCommit(name, {
      tree,
      parents: squash ? [base ?? ""] : [base ?? "", pull.headSha],
      author,
      committer,
      message: text,
    });
  }
  await finishMerge(world, pull, commit, sender);
  return commit;
}

/** The pull request is merged before its commit is pushed to the base branch, so that the push finds it merged. */
export async function finishMerge(world: World, pull: Pull, commit: string, sender: string): Promise<void> {
  pull.state = "closed";
  pull.mergedAt = timestamp(world);
  pull.closedAt = pull.mergedAt;
  pull.updatedAt = pull.mergedAt;
  pull.mergedBy = sender;
  pull.mergeCommit = commit;
  const repository = repositoryOf(world, pull.repository);
  await moveRef(world, repository, `refs/heads/${pull.baseRef}`, commit, sender);
  tellPull(world, pull, "closed", sender);
}

/** Each commit anew on top of base, with its author; the committer is who pressed the button. */
async function rebase(world: World, name: string, base: string, head: string, committer: Signature): Promise<string> {
  let tip = base;
  for (const id of world.git.between(name, [base], head)) {
    const commit = world.git.readCommit(name, id);
    if (commit.parents.length !== 1) throw new Refusal(405, "This branch can't be rebased");
    const tree = await applied(world, name, tip, commit.parents[0] ?? "", id);
    if (!tree) throw new Refusal(405, "Pull Request is not mergeable");
    tip = world.git.writeCommit(name, { tree, parents: [tip], author: commit.author, committer, message: commit.message });
  }
  return tip;
}

/**
 * Tree of `onto` with the change from `from` to `to`; undefined on a conflict. git's merge-tree takes its base from the history, so both
 * sides are written as children of `from`.
 */
export async function applied(world: World, name: string, onto: string, from: string, to: string): Promise<string | undefined> {
  const who = { ...github, date: timestamp(world) };
  const child = (id: string): string => {
    const { tree }: CommitObject = world.git.readCommit(name, id);
    return world.git.writeCommit(name, { tree, parents: [from], author: who, committer: who, message: "merge side" });
  };
  return world.git.mergeTree(name, child(onto), child(to));
}
