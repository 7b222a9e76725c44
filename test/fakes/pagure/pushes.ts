import { addComment, gitName, type Project, type Pull, type World } from "./state.ts";
import { projectView, pullView, userView } from "./views.ts";

export interface RefMove {
  readonly ref: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

const zero = "0".repeat(40);

/** Sets refs and does what Pagure's hooks do then. */
export async function moveRefs(
  world: World,
  project: Project,
  moves: readonly RefMove[],
  agent: string,
  pull: number | null = null,
): Promise<void> {
  const before = world.git.listRefs(gitName(project), "refs/");
  for (const { ref, to } of moves) world.git.setRef(gitName(project), ref, to);
  await afterPush(world, project, moves, before, agent, pull);
}

/** Events of a push that git has taken already, and the pull requests that follow it. */
export async function afterPush(
  world: World,
  project: Project,
  moves: readonly RefMove[],
  before: readonly { readonly ref: string; readonly sha: string }[],
  agent: string,
  pull: number | null = null,
): Promise<void> {
  const known = [...new Set(before.map(({ sha }) => sha))];
  for (const move of moves) {
    const repo = projectView(world, project);
    const authors = [userView(world, agent)];
    const tag = /^refs\/tags\/(.+)$/.exec(move.ref)?.[1];
    const branch = /^refs\/heads\/(.+)$/.exec(move.ref)?.[1];
    const name = tag ?? branch;
    if (name === undefined) continue;
    const what = tag === undefined ? { branch: name } : { tag: name };
    const kind = tag === undefined ? "branch" : "tag";
    if (move.to === undefined) world.hooks.emit(project, `git.${kind}.deletion`, { agent, authors, ...what, rev: move.from, repo });
    else if (move.from === undefined) world.hooks.emit(project, `git.${kind}.creation`, { agent, authors, ...what, rev: move.to, repo });
    // Of a tag, too: `branch` is then the name of the tag.
    if (move.to !== undefined) tellReceive(world, project, { ...move, to: move.to }, name, known, agent, pull);
  }
  for (const move of moves) followPush(world, project, move, agent);
}

function tellReceive(
  world: World,
  project: Project,
  { from, to }: RefMove & { readonly to: string },
  branch: string,
  known: readonly string[],
  agent: string,
  pull: number | null,
): void {
  const { git } = world;
  const name = gitName(project);
  // Of a branch that was there, what it had not; of a new one, what no other had.
  const without = from === undefined ? known : [from];
  const fresh = git.between(name, without, to).toReversed();
  // No event when nothing is new in it.
  if (fresh.length === 0) return;
  const forced = from !== undefined && !git.isAncestor(name, from, to);
  const old = forced ? (git.mergeBase(name, from, to) ?? from) : (from ?? `^${zero}`);
  const letters = { added: "A", removed: "D", modified: "M" } as const;
  const changed = Object.fromEntries(git.changes(name, from && old, to).map(({ path, how }) => [path, letters[how]]));
  world.hooks.emit(project, "git.receive", {
    ...{ agent, authors: [userView(world, agent)], branch, changed_files: changed, end_commit: fresh[0], forced, old_commit: old },
    ...{ pull_request_id: pull, repo: projectView(world, project), start_commit: fresh.at(-1), total_commits: fresh.length },
  });
}

/** Open pull requests whose branch moved: the target's project hears of it, in the name of "pagure". */
function followPush(world: World, project: Project, { ref, to }: RefMove, agent: string): void {
  const branch = /^refs\/heads\/(.+)$/.exec(ref)?.[1];
  if (branch === undefined || to === undefined) return;
  for (const target of world.projects.values()) {
    for (const pull of target.pulls) {
      if (pull.status !== "Open" || pull.from !== project || pull.branchFrom !== branch) continue;
      const first = pull.start;
      readHead(world, target, pull);
      const rebased = pull.start !== first;
      pull.updated = world.now();
      const view = { ...pullView(world, target, pull, false) };
      world.hooks.emit(target, `pull-request.${rebased ? "rebased" : "updated"}`, { agent: "pagure", pullrequest: view });
      const text = rebased ? `rebased onto ${to.slice(0, 40)}` : "1 new commit added";
      tellComment(world, target, pull, addComment(world, pull, { text, user: agent, notification: true }).user);
    }
  }
}

export function tellComment(world: World, target: Project, pull: Pull, agent: string): void {
  world.hooks.emit(target, "pull-request.comment.added", { agent, pullrequest: pullView(world, target, pull) });
}

/** The head of the pull request's branch, known in the target as `refs/pull/<N>/head`, and the first commit that is not in the target. */
export function readHead(world: World, target: Project, pull: Pull): void {
  const { git } = world;
  const head = git.findRef(gitName(pull.from), `refs/heads/${pull.branchFrom}`);
  if (head === undefined) return;
  git.setRef(gitName(target), `refs/pull/${pull.id}/head`, head);
  const base = git.findRef(gitName(target), `refs/heads/${pull.branch}`);
  const own = base === undefined ? [] : git.between(gitName(target), [base], head);
  pull.stop = head;
  pull.start = own[0] ?? head;
  pull.mergeStatus = "unknown";
}
