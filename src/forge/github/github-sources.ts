import { isAppError } from "../../domain/errors.ts";
import type { ForgeSources } from "../forge.ts";
import { isBranchName } from "../git/names.ts";
import { isUnknownRepository } from "../git/refs.ts";
import { gitSources } from "../git/sources.ts";
import type { GithubWorld } from "./github-world.ts";
import { statusOf } from "./request-errors.ts";

/** Branches are asked of the API, commits are read from the mirror. */
export function githubSources(world: GithubWorld): ForgeSources {
  const read = gitSources(world);
  return {
    sourceUrl: (repository) => `${world.server}/${repository}.git`,
    compareUrl: (repository, from, to) => `${world.server}/${repository}/compare/${from}...${to}`,
    findHead: (repository, branch) => findHead(world, repository, branch),
    findFile: (...args) => twice(() => read.findFile(...args)),
    listFiles: (...args) => twice(() => read.listFiles(...args)),
    checkout: (...args) => twice(() => read.checkout(...args)),
    diff: (...args) => twice(() => read.diff(...args)),
    isAncestor: (...args) => twice(() => read.isAncestor(...args)),
    listMergeBases: (...args) => twice(() => read.listMergeBases(...args)),
    fileHistory: (...args) => twice(() => read.fileHistory(...args)),
  };
}

/** See {@link ForgeSources.findHead}. */
export async function findHead({ client }: Pick<GithubWorld, "client">, repository: string, branch: string): Promise<string | undefined> {
  if (!isBranchName(branch)) return undefined;
  try {
    const found = await client.find(repository, "sources", "GET /repos/{owner}/{repo}/git/ref/{ref}", { ref: `heads/${branch}` });
    return found?.data.object.sha;
  } catch (error) {
    // 409: the repository is empty.
    if (isUnknownRepository(error) || statusOf(error) === 409) return undefined;
    throw error;
  }
}

/** The mirror may be thrown away while it is read; then it is fetched again. */
async function twice<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (isAppError(error) && error.code === "forge.git-failed") return read();
    throw error;
  }
}
