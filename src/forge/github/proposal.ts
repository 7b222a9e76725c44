import { setTimeout as delay } from "node:timers/promises";
import { appError } from "../../domain/errors.ts";
import type { ProposalOutcome, ProposedChange } from "../forge.ts";
import { checkBranch, checkCommit, isTreePath } from "../git/names.ts";
import { proposalTrailer, trailerOf } from "../git/proposal-trailer.ts";
import { reaches } from "../git/refs.ts";
import type { AppIdentity } from "./app-identity.ts";
import { maxBodyLength } from "./comment-marker.ts";
import { isOurs } from "./comments.ts";
import { findHead } from "./github-sources.ts";
import type { GithubWorld } from "./github-world.ts";
import { ensurePull, findOpenPull } from "./proposal-pull.ts";
import { reasonOf, statusOf } from "./request-errors.ts";
import type { Answer } from "./transport.ts";

/** Of one call; whoever loses more often meets somebody who writes all the time. */
const mostTries = 5;

/**
 * See {@link ForgePulls.proposeChange}, and docs/decisions/0019 for why the branch only ever moves forward. Each write is preceded by a look,
 * so a run that died anywhere, or whose answer was lost, is simply run again.
 */
export async function proposeChange(world: GithubWorld, change: ProposedChange): Promise<ProposalOutcome> {
  checkChange(change);
  for (let tries = 1; tries <= mostTries; tries++) {
    const outcome = await attempt(world, change);
    if (outcome !== undefined) return outcome;
    await delay(tries * 20);
  }
  throw appError("forge.busy", `branch ${change.branch} of ${change.repository} was changed by others again and again`);
}

/** Undefined when somebody else was quicker. */
async function attempt(world: GithubWorld, change: ProposedChange): Promise<ProposalOutcome | undefined> {
  const { repository, branch, baseBranch, baseCommit } = change;
  if ((await findHead(world, repository, baseBranch)) !== baseCommit) return { outcome: "base-moved" };
  const head = await findHead(world, repository, branch);
  const standing = head === undefined ? undefined : await readStanding(world, change, head);
  if (head !== undefined && standing === undefined) {
    return { outcome: "person-owned", number: (await findOpenPull(world, repository, branch))?.number, head };
  }
  const tree = await writeTree(world, change);
  const stays = head !== undefined && standing !== undefined && !standing.merged && standing.tree === tree && standing.onBase;
  // A branch that was merged begins anew; any other goes on from where it stands, so that nothing that was pushed is lost.
  const parents = head === undefined || standing?.merged ? [baseCommit] : [head, baseCommit];
  const next = stays ? head : await moveBranch(world, change, head, tree, parents);
  if (next === undefined) return undefined;
  return ensurePull(world, change, next, next !== head);
}

interface Standing {
  readonly tree: string;
  /** All of it is in the base branch. */
  readonly merged: boolean;
  /** The base is among its ancestors. */
  readonly onBase: boolean;
}

/** Undefined for a person's commit. */
async function readStanding(world: GithubWorld, change: ProposedChange, head: string): Promise<Standing | undefined> {
  const { repository, baseCommit } = change;
  const { data } = await world.client.request(repository, "sources", "GET /repos/{owner}/{repo}/commits/{ref}", { ref: head });
  const tree = data.commit.tree.sha;
  const path = await world.holding(repository, [head, baseCommit]);
  if (await reaches(world.git, path, head, baseCommit)) return { tree, merged: true, onBase: true };
  // What the message says anybody can write; whom GitHub knows by an address, too, but then nothing is lost: the commit stays an ancestor.
  const us = await world.identity();
  const isOwn = trailerOf(data.commit.message) === change.branch && isOurs(data.author, us) && isCommittedForUs(data, us);
  if (!isOwn) return undefined;
  return { tree, merged: false, onBase: await reaches(world.git, path, baseCommit, head) };
}

/**
 * Who amends or rebases a commit is its committer, whoever its author stays. What an App leaves to GitHub is committed by GitHub itself, whose
 * account is `web-flow`; an Enterprise Server may have an address without one.
 */
function isCommittedForUs({ commit, committer }: Answer<"GET /repos/{owner}/{repo}/commits/{ref}">["data"], us: AppIdentity): boolean {
  if (committer?.login === undefined) return commit.committer?.email?.startsWith("noreply@") ?? false;
  return committer.login === "web-flow" || isOurs(committer, us);
}

/** A tree's id is its content: written twice, it is there once. */
async function writeTree({ client }: GithubWorld, { repository, baseCommit, files }: ProposedChange): Promise<string> {
  const route = "GET /repos/{owner}/{repo}/git/commits/{commit_sha}";
  const base = await client.request(repository, "proposals", route, { commit_sha: baseCommit });
  const tree = Object.entries(files).map(([path, content]) => ({ path, mode: "100644" as const, type: "blob" as const, content }));
  const { data } = await client.request(repository, "proposals", "POST /repos/{owner}/{repo}/git/trees", {
    base_tree: base.data.tree.sha,
    tree,
  });
  return data.sha;
}

/**
 * Without author and committer GitHub signs the commit as the App's own. The update is no forced one: it succeeds only from a descendant of
 * `head`, which is the compare-and-swap that the REST API has not got otherwise. Undefined when the branch is no longer at `head`.
 */
async function moveBranch(
  { client }: GithubWorld,
  { repository, branch, commitMessage }: ProposedChange,
  head: string | undefined,
  tree: string,
  parents: string[],
): Promise<string | undefined> {
  const message = `${commitMessage.trimEnd()}\n\n${proposalTrailer(branch)}\n`;
  const { data } = await client.request(repository, "proposals", "POST /repos/{owner}/{repo}/git/commits", { message, tree, parents });
  try {
    if (head === undefined) {
      await client.request(repository, "proposals", "POST /repos/{owner}/{repo}/git/refs", { ref: `refs/heads/${branch}`, sha: data.sha });
    } else {
      const route = "PATCH /repos/{owner}/{repo}/git/refs/{ref}";
      await client.request(repository, "proposals", route, { ref: `heads/${branch}`, sha: data.sha, force: false });
    }
    return data.sha;
  } catch (error) {
    const status = statusOf(error);
    if (status === 409 || (status === 422 && /already exists|not a fast.forward|does not exist/i.test(reasonOf(error)))) return undefined;
    throw error;
  }
}

function checkChange(change: ProposedChange): void {
  checkBranch(change.branch);
  checkBranch(change.baseBranch);
  checkCommit(change.baseCommit);
  for (const path of Object.keys(change.files)) {
    if (isTreePath(path)) continue;
    throw appError("forge.name-invalid", `"${path.slice(0, 200)}" is no path of a file in a repository`);
  }
  for (const [what, text, longest] of [
    ["title", change.title, 256],
    ["body", change.body, maxBodyLength],
  ] as const) {
    if (text.length <= longest) continue;
    throw appError("forge.text-too-long", `the ${what} has ${text.length} characters, GitHub takes ${longest}`, { hint: "Shorten it" });
  }
}
