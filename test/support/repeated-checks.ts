import type { Github } from "../fakes/github/github.ts";
import type { CheckRun } from "../fakes/github/state/data.ts";

/**
 * Check runs that stand right after one of the same name and of the same run of flibs: made a second time, where the first should have been
 * found. Where another run of flibs has spoken in between, saying it again is right.
 */
export function repeatedChecks({ reads }: Pick<Github, "reads">, repository: string, commit: string): readonly CheckRun[] {
  const said = Map.groupBy(reads.allRuns(repository, commit), ({ name }) => name);
  return [...said.values()].flatMap((runs) => runs.filter((run, i) => run.externalId === runs[i - 1]?.externalId));
}
