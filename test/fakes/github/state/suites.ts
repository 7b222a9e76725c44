import { newId, repositoryOf, timestamp, type World } from "../world.ts";
import type { CheckRun, CheckSuite, Conclusion, Pull } from "./data.ts";

/** One suite for each App and commit. */
export function ensureSuite(world: World, repository: number, headSha: string, headBranch: string | null, appSlug: string): CheckSuite {
  for (const suite of world.data.suites.values()) {
    if (suite.repository === repository && suite.headSha === headSha && suite.appSlug === appSlug) return suite;
  }
  const at = timestamp(world);
  const suite = { id: newId(world.data), repository, headSha, headBranch, appSlug, reset: false, createdAt: at, updatedAt: at };
  world.data.suites.set(suite.id, suite);
  return suite;
}

export function runsOfSuite(world: World, suite: CheckSuite): readonly CheckRun[] {
  return [...world.data.runs.values()].filter((run) => run.suite === suite.id);
}

/** Newest run of each name: a new run of the same name takes the old one's place. */
export function latestRuns(runs: readonly CheckRun[]): readonly CheckRun[] {
  const byName = new Map<string, CheckRun>();
  for (const run of runs) byName.set(`${run.appSlug} ${run.name}`, run);
  return [...byName.values()];
}

export function suiteStatus(world: World, suite: CheckSuite): CheckRun["status"] {
  const runs = latestRuns(runsOfSuite(world, suite));
  if (suite.reset || runs.length === 0 || runs.every((run) => run.status === "queued")) return "queued";
  return runs.every((run) => run.status === "completed") ? "completed" : "in_progress";
}

/** What counts first. */
const weight: readonly Conclusion[] = ["failure", "timed_out", "action_required", "cancelled", "stale", "success", "neutral", "skipped"];

export function suiteConclusion(world: World, suite: CheckSuite): Conclusion | null {
  if (suiteStatus(world, suite) !== "completed") return null;
  const found = new Set(latestRuns(runsOfSuite(world, suite)).map((run) => run.conclusion));
  return weight.find((conclusion) => found.has(conclusion)) ?? null;
}

/** GitHub looks only for pushes in the same repository: pull requests from forks are left out, and the list is empty. */
export function pullsOfSuite(world: World, suite: CheckSuite): readonly Pull[] {
  const { id } = repositoryOf(world, suite.repository);
  return [...world.data.pulls.values()].filter(
    (pull) => pull.repository === id && pull.headRepository === id && pull.state === "open" && pull.headSha === suite.headSha,
  );
}
