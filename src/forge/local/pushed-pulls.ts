import { createGit } from "../git/git.ts";
import type { Change } from "./delivery.ts";
import { branchRef, readSnapshot } from "./pull-record.ts";
import { readPullState } from "./pull-state.ts";

/** What the push did to open pull requests: a new head, or merged by hand. */
export async function changesOf(path: string, branches: ReadonlyMap<string, unknown>): Promise<readonly Change[]> {
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
