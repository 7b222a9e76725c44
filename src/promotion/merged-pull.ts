import type { Pull } from "../forge/forge.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { isProposalBranch, repositoryOfPath } from "./registry-manifest.ts";

/** Merged pull requests that are looked at closely, newest first, when none names the commit itself. */
const mostLookedAt = 20;

/**
 * The merged pull request that brought the file's state at `commit`, whichever way the forge merged it; undefined after a push past all of them.
 * The newest commit of the file is the merge's own (a squash, or a text that git merged), the pull request's head (a merge), or one of
 * several commits (rebased, or with the base branch merged in). Then the text tells, but only of pull requests that are about this image by
 * their branch: any other may have begun after somebody pushed the same text.
 */
export async function findMergedPull(
  ports: PromotionPorts,
  { commit, path }: { readonly commit: string; readonly path: string },
): Promise<Pull | undefined> {
  const { forge } = ports;
  const { repository, branch } = ports.settings;
  const [newest] = await forge.fileHistory(repository, commit, path, 1);
  if (newest === undefined) return undefined;
  const exact: Pull[] = [];
  const about: Pull[] = [];
  for await (const pull of forge.listMergedPulls(repository)) {
    if (pull.baseBranch !== branch || pull.mergeCommit === undefined) continue;
    const isOurs = isAbout(pull, repositoryOfPath(path) ?? path);
    if (isOurs && about.length < mostLookedAt) about.push(pull);
    if (pull.mergeCommit !== newest && pull.head !== newest) continue;
    exact.push(pull);
    // A stranger may open one with the same commit, which is merged along and has a higher number: the search goes on past it.
    if (isOurs && !pull.fromFork && (await findFirst(ports, [pull], newest, commit))) break;
  }
  const found = await findFirst(ports, exact, newest, commit);
  return found ?? (await findFirst(ports, await withText(ports, about, newest, path), newest, commit));
}

/** On a branch of ours, or what a forge's revert button made of one. */
function isAbout({ headBranch }: Pull, imageRepository: string): boolean {
  return isProposalBranch(headBranch.replace(/^(revert-\d+-)+/, ""), imageRepository);
}

async function withText(ports: PromotionPorts, pulls: readonly Pull[], newest: string, path: string): Promise<readonly Pull[]> {
  const { forge, settings } = ports;
  const wanted = await forge.findFile(settings.repository, newest, path);
  const found: Pull[] = [];
  for (const pull of wanted ? pulls : []) {
    const text = await forge.findFile(settings.repository, pull.head, path);
    if (text && wanted && Buffer.compare(text, wanted) === 0) found.push(pull);
  }
  return found;
}

/** Of those whose merge has `newest` and is in `commit`, the one that was merged before all others: later ones only came along. */
async function findFirst(ports: PromotionPorts, pulls: readonly Pull[], newest: string, commit: string): Promise<Pull | undefined> {
  const reaches = (ancestor: string, descendant: string) =>
    ancestor === descendant ? true : ports.forge.isAncestor(ports.settings.repository, ancestor, descendant);
  let first: Pull | undefined;
  for (const pull of pulls) {
    const merge = pull.mergeCommit;
    if (merge === undefined || !(await reaches(newest, merge)) || !(await reaches(merge, commit))) continue;
    if (first?.mergeCommit === undefined || (await reaches(merge, first.mergeCommit))) first = pull;
  }
  return first;
}
