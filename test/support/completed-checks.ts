import type { Github } from "../fakes/github/github.ts";
import type { CheckRun } from "../fakes/github/state/data.ts";
import { until } from "./running-service.ts";

/** The newest check run of each name, once all are completed and each of `names` is there. */
export async function completedChecks(
  { reads }: Pick<Github, "reads">,
  repository: string,
  commit: string,
  names: readonly RegExp[],
  patienceMs?: number,
): Promise<ReadonlyMap<string, CheckRun>> {
  const ask = async () => {
    const newest = reads.runs(repository, commit);
    const all = names.every((name) => newest.some((run) => name.test(run.name)));
    return all && newest.every((run) => run.status === "completed") ? new Map(newest.map((run) => [run.name, run])) : undefined;
  };
  return await until(`${names.join(", ")} of ${commit}`, ask, patienceMs);
}
