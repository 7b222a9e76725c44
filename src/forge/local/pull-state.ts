import type { Pull } from "../forge.ts";
import type { Git } from "../git/git.ts";
import { type Refs, reaches } from "../git/refs.ts";
import { branchRef, type PullRecord, pullHeadRef } from "./pull-record.ts";

/** Where a pull request stands: git decides, the record only remembers. */
export interface PullState {
  readonly state: Pull["state"];
  readonly head: string;
  readonly baseHead: string;
  readonly mergeCommit?: string;
}

/**
 * A branch that somebody merged with plain git is merged; a branch that was deleted unmerged is closed. What ended once stays so, whatever
 * happens to its branch later.
 */
export async function readPullState(git: Git, path: string, record: PullRecord, refs: Refs): Promise<PullState> {
  const kept = refs.get(pullHeadRef(record.number)) ?? "";
  const branchHead = refs.get(branchRef(record.headBranch));
  const baseHead = refs.get(branchRef(record.baseBranch)) ?? "";
  if (record.state !== "open") {
    return { state: record.state, head: kept, baseHead, ...(record.mergeCommit === undefined ? {} : { mergeCommit: record.mergeCommit }) };
  }
  const head = branchHead ?? kept;
  if (baseHead === "") return { state: "closed", head, baseHead };
  if (head !== record.baseAtOpen && (await reaches(git, path, head, baseHead)) && !(await reaches(git, path, head, record.baseAtOpen))) {
    return { state: "merged", head, baseHead, mergeCommit: await findMerge(git, path, head, baseHead) };
  }
  return { state: branchHead === undefined ? "closed" : "open", head, baseHead };
}

/** The commit that brought `head` into the base branch: the oldest on the branch's own line that contains it. */
async function findMerge(git: Git, path: string, head: string, baseHead: string): Promise<string> {
  const { text } = await git.recall(path, ["rev-list", "--first-parent", "--parents", `${head}..${baseHead}`]);
  const line = text.split("\n").filter((one) => one !== "");
  // Newest first: those that contain the head stand before those that do not.
  let contains = 0;
  let beyond = line.length;
  while (beyond - contains > 1) {
    const middle = (contains + beyond) >> 1;
    if (await reaches(git, path, head, line[middle]?.split(" ")[0] ?? "")) contains = middle;
    else beyond = middle;
  }
  const [commit, firstParent] = (line[contains] ?? "").split(" ");
  // The branch was fast-forwarded over the head: the head itself is the merge.
  return commit === undefined || commit === "" || firstParent === head ? head : commit;
}
