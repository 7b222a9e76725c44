import { userInfo } from "node:os";
import { relative } from "node:path";
import { createGit } from "../git/git.ts";
import { isBranchName } from "../git/names.ts";
import { announce } from "./announce.ts";
import type { Change } from "./delivery.ts";
import { branchRef, readSnapshot } from "./pull-record.ts";
import { readPullState } from "./pull-state.ts";

/** Tells flibs of what stands in a hook's `<old> <new> <ref>` lines; true when it heard. `path` is a repository below `directory`. */
export async function tellPush(directory: string, path: string, input: string): Promise<boolean> {
  const branches = new Map<string, string | undefined>();
  for (const line of input.split("\n")) {
    const [, after = "", ref = ""] = line.split(" ");
    const branch = /^refs\/heads\/(.+)$/.exec(ref)?.[1];
    if (branch !== undefined && isBranchName(branch)) branches.set(branch, /^0+$/.test(after) ? undefined : after);
  }
  if (branches.size === 0) return true;
  const pushes = [...branches].map(
    ([branch, after]): Change => ({ kind: "branch-pushed", branch, ...(after === undefined ? {} : { after }) }),
  );
  const changes = [...pushes, ...(await pullChanges(path, branches))];
  const repository = relative(directory, path).replace(/\.git$/, "");
  return (await announce(directory, repository, pusher(), changes)) === "heard";
}

/** What the push did to open pull requests: a new head, or merged by hand. */
async function pullChanges(path: string, branches: ReadonlyMap<string, unknown>): Promise<readonly Change[]> {
  const git = createGit();
  const { refs, pulls } = await readSnapshot(git, path);
  const changes: Change[] = [];
  for (const { record } of pulls) {
    const { number, headBranch, baseBranch } = record;
    if (record.state !== "open" || !(branches.has(headBranch) || branches.has(baseBranch))) continue;
    const now = await readPullState(git, path, record, refs);
    if (now.state === "merged" && now.mergeCommit)
      changes.push({ kind: "pull-merged", number, base: baseBranch, mergeCommit: now.mergeCommit });
    else if (now.state === "closed") changes.push({ kind: "pull-closed", number });
    else if (branches.has(headBranch)) changes.push({ kind: "pull-updated", number, head: refs.get(branchRef(headBranch)) ?? now.head });
  }
  return changes;
}

/** Servers in front of git name the person themselves; otherwise it is who the operating system says. */
function pusher(): string {
  const { REMOTE_USER, GL_USER } = process.env;
  return (REMOTE_USER ?? GL_USER ?? userInfo().username).slice(0, 100);
}
