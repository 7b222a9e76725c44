import type { ProposalOutcome, ProposedChange } from "../forge.ts";
import { checkRepository } from "./client.ts";
import type { PagureWorld } from "./pagure-world.ts";
import { readPulls } from "./pull-listing.ts";
import { statusOf } from "./request-errors.ts";
import { Anything, PullRequest } from "./schemas.ts";

/** Open pull requests of a branch of this repository, oldest first: Pagure takes a second one for the same branches. */
export async function findOpenPulls(world: PagureWorld, repository: string, branch: string): Promise<readonly PullRequest[]> {
  const found: PullRequest[] = [];
  for await (const pulls of readPulls(world, checkRepository(repository), { status: "Open" })) {
    found.push(...pulls.filter((one) => one.branch_from === branch && one.repo_from?.fullname === repository));
  }
  return found.sort((a, b) => a.id - b.id);
}

/** Opens it, or brings title and text up to date where they differ. Undefined when nothing was left to merge: look again. */
export async function ensurePull(
  world: PagureWorld,
  change: ProposedChange,
  head: string,
  moved: boolean,
): Promise<ProposalOutcome | undefined> {
  const { repository, branch, baseBranch, title, body } = change;
  // Asked for again: a merge or a person's click lies between the first look and the branch's move.
  const open = await findOpenPulls(world, repository, branch);
  const own = open.find((one) => one.branch === baseBranch);
  // A pull request keeps its base for ever: one into another branch, and a second one that a lost answer led to, are closed.
  for (const one of open) if (one !== own && one.user.name === world.user) await closePull(world, repository, one.id);
  if (own === undefined) return await openPull(world, change, head);
  if (own.title === title && sameText(own.initial_comment ?? "", body))
    return { outcome: moved ? "updated" : "unchanged", number: own.id, head };
  const form = { title, initial_comment: body };
  const write = { use: "promotions", acl: "pull_request_update", path: `pull-request/${own.id}`, form, repeatable: true } as const;
  await world.client.write(repository, write, Anything);
  return { outcome: "updated", number: own.id, head };
}

async function openPull(world: PagureWorld, change: ProposedChange, head: string): Promise<ProposalOutcome | undefined> {
  const { repository, branch, baseBranch, title, body } = change;
  const form = { title, initial_comment: body, branch_to: baseBranch, branch_from: branch };
  const write = { use: "promotions", acl: "pull_request_create", path: "pull-request/new", form, repeatable: false } as const;
  try {
    const made = await world.client.write(repository, write, PullRequest);
    return { outcome: "opened", number: made.id, head };
  } catch (error) {
    // The branch or its base has gone, or holds nothing new any more.
    if (statusOf(error) === 400) return undefined;
    throw error;
  }
}

async function closePull(world: PagureWorld, repository: string, number: number): Promise<void> {
  const path = `pull-request/${number}/close`;
  await world.client.write(repository, { use: "promotions", acl: "pull_request_close", path, form: {}, repeatable: true }, Anything);
}

/** Browsers send carriage returns when a person saves a text unchanged. */
function sameText(a: string, b: string): boolean {
  return a.replaceAll("\r\n", "\n").trim() === b.replaceAll("\r\n", "\n").trim();
}
