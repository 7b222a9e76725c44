import type { ForgeSources } from "../forge.ts";
import { mirrorSources } from "../git/mirror-sources.ts";
import { isBranchName, isRepositoryName } from "../git/names.ts";
import type { PagureWorld } from "./pagure-world.ts";
import { Branches } from "./schemas.ts";

/** Branches are asked of the API, commits are read from the mirror. */
export function pagureSources(world: PagureWorld): ForgeSources {
  return {
    sourceUrl: (repository) => `${world.root}/${repository}.git`,
    // Two dots, where other forges have three.
    compareUrl: (repository, from, to) => `${world.root}/${repository}/c/${from}..${to}`,
    findHead: async (repository, branch) => (isBranchName(branch) ? (await readBranches(world, repository))?.get(branch) : undefined),
    ...mirrorSources(world),
  };
}

/** Branch to commit, as they are now; undefined for a project that is not there. Tags are none, whatever a push of them calls itself. */
export async function readBranches(
  { client }: Pick<PagureWorld, "client">,
  repository: string,
): Promise<ReadonlyMap<string, string> | undefined> {
  if (!isRepositoryName(repository)) return undefined;
  const found = await client.find(`${repository}/git/branches`, Branches, { with_commits: "true" });
  return found && new Map(Object.entries(found.branches));
}
