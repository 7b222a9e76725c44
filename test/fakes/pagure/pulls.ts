import { randomUUID } from "node:crypto";
import { moveRefs, readHead, tellComment } from "./pushes.ts";
import { addComment, gitName, type Project, type Pull, type World } from "./state.ts";
import { projectView, pullView } from "./views.ts";

export interface NewPull {
  readonly title: string;
  readonly branch: string;
  readonly branchFrom: string;
  readonly from: Project;
  readonly initialComment: string | null;
  readonly user: string;
}

/** Two for the same pair of branches are both taken. */
export async function openPull(world: World, target: Project, wanted: NewPull): Promise<Pull> {
  const at = world.now();
  const pull: Pull = {
    ...wanted,
    ...{
      id: Math.max(0, ...target.pulls.map(({ id }) => id)) + 1,
      uid: randomUUID().replaceAll("-", ""),
      status: "Open",
      start: "",
      stop: "",
    },
    ...{ comments: [], created: at, updated: at, closedAt: undefined, closedBy: undefined, mergeStatus: "unknown" },
  };
  readHead(world, target, pull);
  target.pulls.push(pull);
  world.hooks.emit(target, "pull-request.new", { agent: pull.user, pullrequest: pullView(world, target, pull) });
  return pull;
}

export function comment(
  world: World,
  target: Project,
  pull: Pull,
  user: string,
  text: string,
  inline?: { commit: string; filename: string; line: number },
): number {
  const made = addComment(world, pull, { text, user, notification: false, ...(inline && { inline }) });
  tellComment(world, target, pull, user);
  return made.id;
}

/** `conflicts` is told of a branch that has nothing to merge, too; only that one is merged then. */
export type MergeOutcome = "merged" | "conflicts" | "closed";

export async function merge(world: World, target: Project, pull: Pull, user: string): Promise<MergeOutcome> {
  if (pull.status !== "Open") return "closed";
  const { git } = world;
  const name = gitName(target);
  const ref = `refs/heads/${pull.branch}`;
  const base = git.findRef(name, ref);
  if (base === undefined) return "conflicts";
  if (git.isAncestor(name, pull.stop, base)) {
    end(world, target, pull, user, true);
    return "conflicts";
  }
  let to = pull.stop;
  if (!git.isAncestor(name, base, pull.stop)) {
    const tree = await git.mergeTree(name, base, pull.stop);
    if (tree === undefined) {
      pull.mergeStatus = "CONFLICTS";
      return "conflicts";
    }
    const signature = { name: user, email: `${user}@example.org`, date: new Date(world.now() * 1000).toISOString() };
    const message = `Merge #${pull.id} \`${pull.title}\`\n`;
    to = git.writeCommit(name, { tree, parents: [base, pull.stop], author: signature, committer: signature, message });
  }
  await moveRefs(world, target, [{ ref, from: base, to }], user, pull.id);
  end(world, target, pull, user, true);
  return "merged";
}

/** Closed, or merged: the system's comment first. */
export function end(world: World, target: Project, pull: Pull, user: string, merged: boolean): void {
  pull.status = merged ? "Merged" : "Closed";
  pull.closedAt = world.now();
  pull.closedBy = user;
  addComment(world, pull, { text: `Pull-Request has been ${merged ? "merged" : "closed"} by ${user}`, user, notification: true });
  tellComment(world, target, pull, user);
  world.hooks.emit(target, "pull-request.closed", { agent: user, merged, pullrequest: pullView(world, target, pull) });
}

export function reopen(world: World, target: Project, pull: Pull, user: string): void {
  pull.status = "Open";
  pull.closedAt = undefined;
  pull.closedBy = undefined;
  addComment(world, pull, { text: `Pull-Request has been reopened by ${user}`, user, notification: true });
  tellComment(world, target, pull, user);
  world.hooks.emit(target, "pull-request.reopened", { agent: user, pullrequest: pullView(world, target, pull) });
}

export interface PullEdit {
  readonly title?: string;
  readonly initialComment?: string | null;
  /** In the web interface only. */
  readonly branch?: string;
}

/** One topic for all of it, which does not tell what was before. */
export function editPull(world: World, target: Project, pull: Pull, user: string, edit: PullEdit): void {
  Object.assign(pull, edit, { updated: world.now() });
  world.hooks.emit(target, "pull-request.initial_comment.edited", {
    ...{ agent: user, project: projectView(world, target), pullrequest: pullView(world, target, pull, false) },
  });
}

export async function diffstats(world: World, target: Project, pull: Pull): Promise<Record<string, unknown>> {
  const name = gitName(target);
  const base = world.git.findRef(name, `refs/heads/${pull.branch}`);
  const from = base === undefined ? pull.stop : (world.git.mergeBase(name, base, pull.stop) ?? base);
  const letters = { added: "A", removed: "D", modified: "M", renamed: "R" } as const;
  const rows = await world.git.diff(name, from, pull.stop);
  const idOf = (commit: string, path: string) => world.git.findEntry(name, commit, path)?.sha ?? "0".repeat(40);
  const entries = rows.map(({ path, from: old, status, additions, deletions }) => [
    path,
    {
      ...{ lines_added: additions, lines_removed: deletions, old_path: old ?? path, status: letters[status] },
      ...{ new_id: idOf(pull.stop, path), old_id: idOf(from, old ?? path) },
    },
  ]);
  return Object.fromEntries(entries);
}
