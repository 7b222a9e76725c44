import { isAppError } from "../../domain/errors.ts";
import type { ForgeSources } from "../forge.ts";
import { isBranchName, isRepositoryName } from "../git/names.ts";
import { gitSources } from "../git/sources.ts";
import type { PagureWorld } from "./pagure-world.ts";
import { Branches } from "./schemas.ts";

/** Branches are asked of the API, commits are read from the mirror. */
export function pagureSources(world: PagureWorld): ForgeSources {
  const read = gitSources(world);
  return {
    sourceUrl: (repository) => `${world.root}/${repository}.git`,
    // Two dots, where other forges have three.
    compareUrl: (repository, from, to) => `${world.root}/${repository}/c/${from}..${to}`,
    findHead: async (repository, branch) => (isBranchName(branch) ? (await readBranches(world, repository))?.get(branch) : undefined),
    findFile: (...args) => twice(() => read.findFile(...args)),
    listFiles: (...args) => twice(() => read.listFiles(...args)),
    checkout: (...args) => twice(() => read.checkout(...args)),
    diff: (...args) => twice(() => read.diff(...args)),
    isAncestor: (...args) => twice(() => read.isAncestor(...args)),
    listMergeBases: (...args) => twice(() => read.listMergeBases(...args)),
    fileHistory: (...args) => twice(() => read.fileHistory(...args)),
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

/** The mirror may be thrown away while it is read; then it is fetched again. */
async function twice<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (isAppError(error) && error.code === "forge.git-failed") return read();
    throw error;
  }
}
