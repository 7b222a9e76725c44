import type { ForgePulls, Pull } from "../forge.ts";
import { mergesCleanly } from "../git/merge.ts";
import { cannotMerge } from "../git/pass-over.ts";
import { isUnknownRepository } from "../git/refs.ts";
import { findHead } from "./github-sources.ts";
import type { GithubWorld } from "./github-world.ts";
import type { Answer } from "./transport.ts";

type Listed = Answer<"GET /repos/{owner}/{repo}/pulls">["data"][number];
type Single = Answer<"GET /repos/{owner}/{repo}/pulls/{pull_number}">["data"];

/** Reading pull requests in the words of the port. */
export function githubPulls(world: GithubWorld): Pick<ForgePulls, "findPull" | "listPulls" | "listMergedPulls" | "pullUrl"> {
  return {
    pullUrl: (repository, number) => `${world.server}/${repository}/${number === undefined ? "pulls" : `pull/${number}`}`,
    async findPull(repository, number) {
      return noneIfUnknown(undefined, async () => {
        const found = await world.client.find(repository, "pulls", "GET /repos/{owner}/{repo}/pulls/{pull_number}", {
          pull_number: number,
        });
        return found === undefined ? undefined : readPull(world, repository, found.data, branchHeads(world, repository));
      });
    },
    async listPulls(repository, state) {
      return noneIfUnknown([], async () => {
        const heads = branchHeads(world, repository);
        const wanted = state === "all" || state === "open" ? state : "closed";
        const parameters = { state: wanted, sort: "created", direction: "asc" } as const;
        const pulls: Pull[] = [];
        for await (const page of world.client.pages(repository, "pulls", "GET /repos/{owner}/{repo}/pulls", parameters)) {
          const fitting = page.filter((one) => state === "all" || stateOf(one) === state);
          await holdHeads(world, repository, fitting, heads);
          for (const one of fitting) pulls.push(await readPull(world, repository, one, heads, isListedMergeable));
        }
        return pulls;
      });
    },
    async *listMergedPulls(repository) {
      const heads = branchHeads(world, repository);
      const parameters = { state: "closed", sort: "created", direction: "desc" } as const;
      try {
        for await (const page of world.client.pages(repository, "pulls", "GET /repos/{owner}/{repo}/pulls", parameters)) {
          for (const one of page) if (stateOf(one) === "merged") yield await readPull(world, repository, one, heads);
        }
      } catch (error) {
        if (!isUnknownRepository(error)) throw error;
      }
    },
  };
}

/** GitHub has two states and a date. */
export function stateOf(pull: { readonly state: string; readonly merged_at: string | null }): Pull["state"] {
  if (pull.state === "open") return "open";
  return pull.merged_at === null ? "closed" : "merged";
}

async function readPull(
  world: GithubWorld,
  repository: string,
  pull: Listed | Single,
  headOf: (branch: string) => Promise<string | undefined>,
  merges = isMergeable,
): Promise<Pull> {
  const state = stateOf(pull);
  const head = pull.head.sha;
  // `base.sha` is the base as it was when the pull request was last looked at, and all that is left of a branch that has gone.
  const baseHead = (await headOf(pull.base.ref)) ?? pull.base.sha;
  return {
    repository,
    number: pull.number,
    title: pull.title,
    body: pull.body ?? "",
    author: pull.user?.login ?? "ghost",
    state,
    headBranch: pull.head.ref,
    head,
    // A fork that was deleted leaves null.
    fromFork: pull.head.repo?.full_name?.toLowerCase() !== repository.toLowerCase(),
    baseBranch: pull.base.ref,
    baseHead,
    mergeable: state === "open" && (await merges(world, repository, pull, baseHead)),
    // Before the merge this names a trial merge that moves with the base.
    ...(state === "merged" && pull.merge_commit_sha ? { mergeCommit: pull.merge_commit_sha } : {}),
    openedAt: pull.created_at,
    url: pull.html_url,
  };
}

/** GitHub computes it in the background and not at all for listings; merging in the mirror gives the same answer at once. */
async function isMergeable(world: GithubWorld, repository: string, pull: Listed | Single, baseHead: string): Promise<boolean> {
  if ("mergeable" in pull && pull.mergeable !== null && pull.base.sha === baseHead) return pull.mergeable;
  const path = await world.holding(repository, [baseHead, pull.head.sha]);
  return await mergesCleanly(world.git, path, baseHead, pull.head.sha);
}

const isListedMergeable: typeof isMergeable = (world, repository, pull, baseHead) =>
  isMergeable(world, repository, pull, baseHead).catch((error) => cannotMerge(world, repository, pull.number, error));

/** All that a listing merges is fetched together; what can't be is told where it is needed. */
async function holdHeads(
  world: GithubWorld,
  repository: string,
  pulls: readonly Listed[],
  headOf: (branch: string) => Promise<string | undefined>,
): Promise<void> {
  const commits: string[] = [];
  for (const pull of pulls) if (stateOf(pull) === "open") commits.push(pull.head.sha, (await headOf(pull.base.ref)) ?? pull.base.sha);
  if (commits.length > 0) await world.holding(repository, commits).catch(() => {});
}

/** Each branch is asked for once in a listing. */
function branchHeads(world: GithubWorld, repository: string): (branch: string) => Promise<string | undefined> {
  const heads = new Map<string, Promise<string | undefined>>();
  return (branch) => {
    const known = heads.get(branch) ?? findHead(world, repository, branch);
    heads.set(branch, known);
    return known;
  };
}

async function noneIfUnknown<T>(none: T, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (isUnknownRepository(error)) return none;
    throw error;
  }
}
