import type { ProposalOutcome, ProposedChange } from "../forge.ts";
import { commitTree, committedAt, writeTreeOf } from "../git/commit-files.ts";
import { checkBranch, checkCommit } from "../git/names.ts";
import { proposalTrailer } from "../git/proposal-trailer.ts";
import { changeRefs, type RefChange, reaches, untilWritten } from "../git/refs.ts";
import type { Change } from "./delivery.ts";
import { settlePull } from "./pull-changes.ts";
import { branchRef, type PullRecord, proposalRef, pullHeadRef, readSnapshot, recordChange, type Snapshot } from "./pull-record.ts";
import type { LocalWorld } from "./world.ts";

/**
 * See {@link ForgePulls.proposeChange}. Branch, pull request and the note of our own head change in one transaction of refs, and the commit's
 * id depends on the change alone, so a run that died anywhere is simply run again.
 */
export async function proposeChange(world: LocalWorld, change: ProposedChange): Promise<ProposalOutcome> {
  const { git } = world;
  const path = await world.repositories.path(change.repository);
  checkBranch(change.branch);
  checkBranch(change.baseBranch);
  checkCommit(change.baseCommit);
  let commit: string | undefined;
  let told: readonly Change[] = [];
  const outcome = await untilWritten(`branch ${change.branch}`, async (): Promise<ProposalOutcome | undefined> => {
    const snapshot = await readSnapshot(git, path);
    const baseHead = snapshot.refs.get(branchRef(change.baseBranch));
    if (baseHead !== change.baseCommit) return { outcome: "base-moved" };
    // What was merged by hand is written down before its branch moves on and the trace is gone.
    const ours = snapshot.pulls.filter(({ record }) => record.headBranch === change.branch && record.state === "open");
    for (const stored of ours) if (!(await settlePull(world, path, stored, snapshot))) return undefined;
    const { pulls, refs } = await readSnapshot(git, path);
    const open = pulls.find(({ record }) => record.headBranch === change.branch && record.state === "open");
    const head = refs.get(branchRef(change.branch));
    if (head !== undefined && head !== refs.get(proposalRef(change.branch)) && !(await reaches(git, path, head, baseHead))) {
      return { outcome: "person-owned", number: open?.record.number, head };
    }
    commit ??= await writeCommit(world, path, change);
    const number = open?.record.number ?? (pulls.at(-1)?.record.number ?? 0) + 1;
    const record = nextRecord(world, change, number, open?.record);
    const same = open !== undefined && head === commit && JSON.stringify(record) === JSON.stringify(open.record);
    if (same) return { outcome: "unchanged", number, head: commit };
    const written = await changeRefs(git, path, [
      { ref: branchRef(change.baseBranch), from: baseHead, to: baseHead },
      ...moves([branchRef(change.branch), proposalRef(change.branch), pullHeadRef(number)], refs, commit),
      await recordChange(git, path, record, open?.blob),
    ]);
    if (!written) return undefined;
    told = tellings(change.branch, number, commit, head !== commit, open === undefined);
    return { outcome: open ? "updated" : "opened", number, head: commit };
  });
  if (told.length > 0) await world.announce(change.repository, world.identity.name, told);
  return outcome;
}

function moves(names: readonly string[], refs: Snapshot["refs"], to: string): readonly RefChange[] {
  return names.map((ref) => ({ ref, from: refs.get(ref), to }));
}

function tellings(branch: string, number: number, head: string, moved: boolean, opened: boolean): readonly Change[] {
  if (!moved && !opened) return [];
  return [
    ...(moved ? [{ kind: "branch-pushed" as const, branch, after: head }] : []),
    { kind: opened ? ("pull-opened" as const) : ("pull-updated" as const), number, head },
  ];
}

function nextRecord(world: LocalWorld, change: ProposedChange, number: number, open: PullRecord | undefined): PullRecord {
  const { title, body, baseBranch, baseCommit } = change;
  if (open) return { ...open, title, body, baseBranch };
  return {
    number,
    title,
    body,
    author: world.identity.name,
    headBranch: change.branch,
    baseBranch,
    baseAtOpen: baseCommit,
    openedAt: world.now().toISOString(),
    state: "open",
    comments: [],
  };
}

/** Dates are the base commit's: the same change gives the same commit, whenever and however often it is made. */
async function writeCommit(world: LocalWorld, path: string, change: ProposedChange): Promise<string> {
  const { git, identity } = world;
  const seconds = await committedAt(git, path, change.baseCommit);
  const tree = await writeTreeOf(git, path, change.baseCommit, change.files);
  const message = `${change.commitMessage.trimEnd()}\n\n${proposalTrailer(change.branch)}\n`;
  return await commitTree(git, path, { tree, parents: [change.baseCommit], message, who: identity, seconds });
}
