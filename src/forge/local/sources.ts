import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { appError } from "../../domain/errors.ts";
import type { ForgeSources } from "../forge.ts";
import { isBranchName } from "../git/names.ts";
import { commitExists, isUnknownRepository } from "../git/refs.ts";
import { gitSources } from "../git/sources.ts";
import type { Repositories } from "./repositories.ts";

/** The repositories themselves are read; there is nothing to fetch. */
export function localSources({ git, directory, path: pathOf }: Repositories): ForgeSources {
  async function holding(repository: string, commits: readonly string[]): Promise<string> {
    const path = await pathOf(repository);
    for (const commit of commits) {
      if (!(await commitExists(git, path, commit))) throw appError("forge.commit-unknown", `${repository} has no commit ${commit}`);
    }
    return path;
  }
  return {
    ...gitSources({ git, holding }),
    sourceUrl: (repository) => pathToFileURL(join(directory, `${repository}.git`)).href,
    compareUrl: () => undefined,
    async findHead(repository, branch) {
      if (!isBranchName(branch)) return undefined;
      const path = await pathOf(repository).catch((error: unknown) => {
        if (isUnknownRepository(error)) return undefined;
        throw error;
      });
      if (path === undefined) return undefined;
      const { exitCode, text } = await git.run(path, ["rev-parse", "--verify", "--quiet", `refs/heads/${branch}`], { exits: [0, 1, 128] });
      return exitCode === 0 ? text.trim() : undefined;
    },
  };
}
