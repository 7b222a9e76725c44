import { github } from "./git.ts";
import { moveRef } from "./state/branches.ts";
import type { MergeGroup, Pull } from "./state/data.ts";
import { finishMerge, signatureOf } from "./state/merge.ts";
import { nameOf, repositoryOf, type World } from "./world.ts";

/** Puts a pull request into the merge queue: its merge commit stands on a branch of the queue and asks for checks. */
export async function enqueue(world: World, pull: Pull, sender: string): Promise<MergeGroup> {
  const repository = repositoryOf(world, pull.repository);
  const name = nameOf(repository);
  const baseSha = world.git.findRef(name, `refs/heads/${pull.baseRef}`) ?? "";
  const tree = await world.git.mergeTree(name, baseSha, pull.headSha);
  if (!tree) throw new Error(`pull request ${pull.number} conflicts`);
  const author = signatureOf(world, sender);
  const committer = { ...github, date: author.date };
  const message = `Merge pull request #${pull.number} from ${pull.headRef}`;
  const headSha = world.git.writeCommit(name, { tree, parents: [baseSha, pull.headSha], author, committer, message });
  const branch = `gh-readonly-queue/${pull.baseRef}/pr-${pull.number}-${baseSha}`;
  const group = {
    repository: repository.id,
    pull: pull.id,
    headRef: `refs/heads/${branch}`,
    headSha,
    baseRef: `refs/heads/${pull.baseRef}`,
    baseSha,
    open: true,
  };
  world.data.mergeGroups.push(group);
  await moveRef(world, repository, group.headRef, headSha, sender);
  await tell(world, group, "checks_requested", sender);
  return group;
}

/** The queue lets go of a group: merged into its base, or thrown out. */
export async function leaveQueue(
  world: World,
  group: MergeGroup,
  reason: "merged" | "invalidated" | "dequeued",
  sender: string,
): Promise<void> {
  const repository = repositoryOf(world, group.repository);
  const pull = world.data.pulls.get(group.pull);
  if (!group.open || !pull) throw new Error(`${group.headRef} is not in the queue`);
  group.open = false;
  if (reason === "merged") await finishMerge(world, pull, group.headSha, sender);
  await tell(world, group, "destroyed", sender, { reason });
  await moveRef(world, repository, group.headRef, undefined, sender);
}

async function tell(
  world: World,
  group: MergeGroup,
  action: string,
  sender: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const repository = repositoryOf(world, group.repository);
  const commit = world.git.readCommit(nameOf(repository), group.headSha);
  const person = ({ name, email }: { readonly name: string; readonly email: string }) => ({ name, email });
  const merge_group = {
    head_sha: group.headSha,
    head_ref: group.headRef,
    base_sha: group.baseSha,
    base_ref: group.baseRef,
    head_commit: {
      id: commit.sha,
      tree_id: commit.tree,
      message: commit.message,
      timestamp: commit.committer.date,
      author: person(commit.author),
      committer: person(commit.committer),
    },
  };
  world.announce(`merge-group-${action.replace("_", "-")}`, { repository, sender, payload: { action, merge_group, ...more } });
}
