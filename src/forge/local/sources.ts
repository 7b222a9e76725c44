import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { appError } from "../../domain/errors.ts";
import type { ForgeSources } from "../forge.ts";
import { isBranchName } from "../git/names.ts";
import { lackingCommits } from "../git/objects.ts";
import { findRef } from "../git/ref-files.ts";
import { isUnknownRepository } from "../git/refs.ts";
import { gitSources } from "../git/sources.ts";
import type { Repositories } from "./repositories.ts";

/** The repositories themselves are read; there is nothing to fetch. */
export function localSources({ git, directory, path: pathOf }: Repositories): ForgeSources {
  async function holding(repository: string, commits: readonly string[]): Promise<string> {
    const path = await pathOf(repository);
    const [lacking] = await lackingCommits(git, path, commits);
    if (lacking === undefined) return path;
    throw appError("forge.commit-unknown", `${repository} has no commit ${lacking}`);
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
      return path === undefined ? undefined : findRef(path, `refs/heads/${branch}`);
    },
  };
}
