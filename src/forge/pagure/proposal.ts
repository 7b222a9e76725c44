import { appError } from "../../domain/errors.ts";
import type { ProposalOutcome, ProposedChange } from "../forge.ts";
import { commitTree, writeTreeOf } from "../git/commit-files.ts";
import { checkBranch, checkCommit } from "../git/names.ts";
import { proposalTrailer, trailerOf } from "../git/proposal-trailer.ts";
import { reaches } from "../git/refs.ts";
import { maxBodyLength } from "./comments.ts";
import { readBranches } from "./pagure-sources.ts";
import type { PagureWorld } from "./pagure-world.ts";
import { ensurePull, findOpenPulls } from "./proposal-pull.ts";
import { pushBranch } from "./push.ts";

/** Of one call; whoever loses more often meets somebody who writes all the time. */
const mostTries = 5;
const longestTitle = 255;

/**
 * See {@link ForgePulls.proposeChange}, and docs/decisions/0019 for why the branch only ever moves forward. Each write is preceded by a look,
 * so a run that died anywhere, or whose answer was lost, is simply run again.
 */
export async function proposeChange(world: PagureWorld, change: ProposedChange): Promise<ProposalOutcome> {
  checkChange(change);
  for (let tries = 1; tries <= mostTries; tries++) {
    const outcome = await attempt(world, change);
    if (outcome !== undefined) return outcome;
    await world.delay(tries * 200);
  }
  throw appError("forge.busy", `branch ${change.branch} of ${change.repository} was changed by others again and again`);
}

/** Undefined when somebody else was quicker. */
async function attempt(world: PagureWorld, change: ProposedChange): Promise<ProposalOutcome | undefined> {
  const { repository, branch, baseBranch, baseCommit } = change;
  const heads = await readBranches(world, repository);
  if (heads?.get(baseBranch) !== baseCommit) return { outcome: "base-moved" };
  const head = heads.get(branch);
  const path = await world.holding(repository, head === undefined ? [baseCommit] : [baseCommit, head]);
  const standing = head === undefined ? undefined : await readStanding(world, path, change, head);
  if (head !== undefined && standing === undefined) {
    const [open] = await findOpenPulls(world, repository, branch);
    return { outcome: "person-owned", number: open?.id, head };
  }
  const tree = await writeTreeOf(world.git, path, baseCommit, change.files);
  const stays = head !== undefined && standing !== undefined && !standing.merged && standing.tree === tree && standing.onBase;
  if (stays) return await ensurePull(world, change, head, false);
  // A branch that was merged begins anew; any other goes on from where it stands, so that nothing that was pushed is lost.
  const parents = head === undefined || standing?.merged ? [baseCommit] : [head, baseCommit];
  const message = `${change.commitMessage.trimEnd()}\n\n${proposalTrailer(branch)}\n`;
  const seconds = String(Math.floor(world.now().getTime() / 1000));
  const next = await commitTree(world.git, path, { tree, parents, message, who: world.identity, seconds });
  if (!(await pushBranch(world, repository, branch, head, next))) return undefined;
  return await ensurePull(world, change, next, true);
}

interface Standing {
  readonly tree: string;
  /** All of it is in the base branch. */
  readonly merged: boolean;
  /** The base is among its ancestors. */
  readonly onBase: boolean;
}

/** Undefined for a person's commit. */
async function readStanding(
  { git, identity }: PagureWorld,
  path: string,
  { branch, baseCommit }: ProposedChange,
  head: string,
): Promise<Standing | undefined> {
  const { text } = await git.recall(path, ["show", "--no-patch", "--no-show-signature", "--format=%T%x00%ce%x00%B", head]);
  const [tree = "", email = "", message = ""] = text.split("\0");
  if (await reaches(git, path, head, baseCommit)) return { tree, merged: true, onBase: true };
  // Both anybody can write; but then nothing is lost: the commit stays an ancestor.
  if (trailerOf(message) !== branch || email !== identity.email) return undefined;
  return { tree, merged: false, onBase: await reaches(git, path, baseCommit, head) };
}

function checkChange(change: ProposedChange): void {
  checkBranch(change.branch);
  checkBranch(change.baseBranch);
  checkCommit(change.baseCommit);
  for (const [what, text, longest] of [
    ["title", change.title, longestTitle],
    ["body", change.body, maxBodyLength],
  ] as const) {
    if (text.length <= longest) continue;
    throw appError("forge.text-too-long", `the ${what} has ${text.length} characters, ${longest} are taken`, { hint: "Shorten it" });
  }
}
