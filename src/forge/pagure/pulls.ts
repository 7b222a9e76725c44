import type { ForgePulls, Pull } from "../forge.ts";
import { mergesCleanly } from "../git/merge.ts";
import { isRepositoryName } from "../git/names.ts";
import { cannotMerge, passOver } from "../git/pass-over.ts";
import { reaches } from "../git/refs.ts";
import { readBranches } from "./pagure-sources.ts";
import type { PagureWorld } from "./pagure-world.ts";
import { readPulls } from "./pull-listing.ts";
import { isoTime, PullRequest } from "./schemas.ts";

type Heads = ReadonlyMap<string, string>;

/** Reading pull requests in the words of the port. */
export function pagurePulls(world: PagureWorld): Pick<ForgePulls, "findPull" | "listPulls" | "listMergedPulls" | "pullUrl"> {
  return {
    pullUrl: (repository, number) => `${world.root}/${repository}/${number === undefined ? "pull-requests" : `pull-request/${number}`}`,
    async findPull(repository, number) {
      if (!isRepositoryName(repository) || !Number.isSafeInteger(number) || number < 1) return undefined;
      const found = await world.client.find(`${repository}/pull-request/${number}`, PullRequest, { comments: "false" });
      return found && readPull(world, repository, found, (await readBranches(world, repository)) ?? new Map());
    },
    async listPulls(repository, state) {
      const heads = await readBranches(world, repository);
      if (heads === undefined) return [];
      const found: PullRequest[] = [];
      const status = ({ open: "Open", merged: "Merged", closed: "Closed", all: "all" } as const)[state];
      for await (const pulls of readPulls(world, repository, { status })) found.push(...pulls);
      const fitting = found.filter((one) => state === "all" || stateOf(one) === state).sort((a, b) => a.id - b.id);
      await holdHeads(world, repository, fitting, heads);
      const pulls: Pull[] = [];
      for (const one of fitting) {
        const pull = await readPull(world, repository, one, heads, isListedMergeable).catch((error) =>
          passOver(world, repository, one.id, error),
        );
        if (pull !== undefined) pulls.push(pull);
      }
      return pulls;
    },
    async *listMergedPulls(repository) {
      const heads = await readBranches(world, repository);
      if (heads === undefined) return;
      for await (const page of readPulls(world, repository, { status: "Merged", size: 50 })) {
        for (const one of page) {
          const pull = await readPull(world, repository, one, heads).catch((error) => passOver(world, repository, one.id, error));
          if (pull !== undefined) yield pull;
        }
      }
    },
  };
}

export function stateOf({ status }: Pick<PullRequest, "status">): Pull["state"] {
  return ({ Open: "open", Merged: "merged", Closed: "closed" } as const)[status];
}

/** A branch of this repository moves at once, what Pagure says of the pull request follows seconds later. */
export function headOf(repository: string, pull: PullRequest, heads: Heads): string {
  const moved = pull.status === "Open" && pull.repo_from?.fullname === repository ? heads.get(pull.branch_from) : undefined;
  return moved ?? pull.commit_stop ?? "";
}

async function readPull(world: PagureWorld, repository: string, pull: PullRequest, heads: Heads, merges = isMergeable): Promise<Pull> {
  const state = stateOf(pull);
  const head = headOf(repository, pull, heads);
  const baseHead = heads.get(pull.branch) ?? pull.commit_start ?? head;
  const mergeCommit = state === "merged" ? await findMergeCommit(world, repository, head, heads.get(pull.branch)) : undefined;
  return {
    repository,
    number: pull.id,
    title: pull.title,
    body: pull.initial_comment ?? "",
    author: pull.user.name,
    state,
    headBranch: pull.branch_from,
    head,
    fromFork: pull.repo_from?.fullname !== repository,
    baseBranch: pull.branch,
    baseHead,
    mergeable: state === "open" && (await merges(world, repository, pull.id, baseHead, head)),
    ...(mergeCommit === undefined ? {} : { mergeCommit }),
    openedAt: isoTime(pull.date_created),
    url: pull.full_url,
  };
}

/** `cached_merge_status` is found out in the background and is "unknown" as a rule; merging in the mirror gives the answer at once. */
async function isMergeable(world: PagureWorld, repository: string, _pull: number, base: string, head: string): Promise<boolean> {
  if (head === "") return false;
  const path = await world.holding(repository, [base, head]);
  return await mergesCleanly(world.git, path, base, head);
}

const isListedMergeable: typeof isMergeable = (world, repository, pull, base, head) =>
  isMergeable(world, repository, pull, base, head).catch((error) => cannotMerge(world, repository, pull, error));

/**
 * Pagure does not say it: the commit of the base branch's own line that brought the head there. That is the head itself after a
 * fast-forward, or after its commits were pushed to the base by hand. Undefined when the base has forgotten the head since.
 */
export async function findMergeCommit(
  { git, holding }: Pick<PagureWorld, "git" | "holding">,
  repository: string,
  head: string,
  base: string | undefined,
): Promise<string | undefined> {
  if (base === undefined || head === "") return undefined;
  const path = await holding(repository, [head, base]);
  if (!(await reaches(git, path, head, base))) return undefined;
  const between = async (how: string) =>
    (await git.recall(path, ["rev-list", how, `${head}..${base}`])).text.split("\n").filter((one) => one !== "");
  const line = await between("--first-parent");
  const after = new Set(await between("--ancestry-path"));
  const oldest = line.findLast((commit) => after.has(commit));
  if (oldest === undefined) return head;
  const { text } = await git.recall(path, ["rev-parse", "--verify", "--quiet", `${oldest}^1`], { exits: [0, 1] });
  // When it goes on from the head itself, nothing was merged: the branch was moved forward.
  return text.trim() === head ? head : oldest;
}

/** All that a listing merges is fetched together; what can't be is told where it is needed. */
async function holdHeads(world: PagureWorld, repository: string, pulls: readonly PullRequest[], heads: Heads): Promise<void> {
  const commits = pulls.flatMap((one) => (one.status === "Open" ? [headOf(repository, one, heads), heads.get(one.branch) ?? ""] : []));
  const wanted = commits.filter((one) => one !== "");
  if (wanted.length > 0) await world.holding(repository, wanted).catch(() => {});
}
