import type { ForgeSources } from "../forge.ts";
import { mirrorSources } from "../git/mirror-sources.ts";
import { isBranchName } from "../git/names.ts";
import { isUnknownRepository } from "../git/refs.ts";
import type { GithubWorld } from "./github-world.ts";
import { statusOf } from "./request-errors.ts";

/** Branches are asked of the API, commits are read from the mirror. */
export function githubSources(world: GithubWorld): ForgeSources {
  return {
    sourceUrl: (repository) => `${world.server}/${repository}.git`,
    compareUrl: (repository, from, to) => `${world.server}/${repository}/compare/${from}...${to}`,
    findHead: (repository, branch) => findHead(world, repository, branch),
    ...mirrorSources(world),
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
