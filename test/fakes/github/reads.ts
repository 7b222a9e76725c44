import type { CheckRun, CheckSuite, Comment, Pull, Reaction, Status } from "./state/data.ts";
import { latestRuns, suiteConclusion, suiteStatus } from "./state/suites.ts";
import { findPull, nameOf, repositoryOf, type World } from "./world.ts";

/** Looking at the state without the API, for what tests expect. */
export interface Reads {
  /** Newest run of each name, in the order of their names. */
  runs(repository: string, sha: string): readonly CheckRun[];
  /** All runs, oldest first. */
  allRuns(repository: string, sha: string): readonly CheckRun[];
  suites(repository: string, sha: string): readonly (CheckSuite & { readonly status: string; readonly conclusion: string | null })[];
  statuses(repository: string, sha: string): readonly Status[];
  comments(repository: string, number: number): readonly Comment[];
  reactions(comment: number): readonly Reaction[];
  pull(repository: string, number: number): Pull;
  pulls(repository: string): readonly Pull[];
  /** Head of a branch. */
  head(repository: string, branch: string): Promise<string | undefined>;
  branches(repository: string): Promise<readonly string[]>;
  /** Text of a file at a branch or commit. */
  file(repository: string, at: string, path: string): Promise<string | undefined>;
}

export function readsOf(world: World): Reads {
  const runsOf = (repository: string, sha: string) => {
    const { id } = repositoryOf(world, repository);
    return [...world.data.runs.values()].filter((run) => run.repository === id && run.headSha === sha);
  };
  return {
    runs: (repository, sha) => [...latestRuns(runsOf(repository, sha))].sort((a, b) => a.name.localeCompare(b.name)),
    allRuns: runsOf,
    suites: (repository, sha) => {
      const { id } = repositoryOf(world, repository);
      return [...world.data.suites.values()]
        .filter((suite) => suite.repository === id && suite.headSha === sha)
        .map((suite) => ({ ...suite, status: suiteStatus(world, suite), conclusion: suiteConclusion(world, suite) }));
    },
    statuses: (repository, sha) => {
      const { id } = repositoryOf(world, repository);
      return world.data.statuses.filter((status) => status.repository === id && status.sha === sha);
    },
    comments: (repository, number) => {
      const { id } = repositoryOf(world, repository);
      return [...world.data.comments.values()].filter((comment) => comment.repository === id && comment.number === number);
    },
    reactions: (comment) => world.data.reactions.filter((reaction) => reaction.comment === comment),
    pull: (repository, number) => {
      const found = findPull(world, repositoryOf(world, repository), number);
      if (!found) throw new Error(`${repository} has no pull request ${number}`);
      return found;
    },
    pulls: (repository) => {
      const { id } = repositoryOf(world, repository);
      return [...world.data.pulls.values()].filter((pull) => pull.repository === id);
    },
    head: async (repository, branch) => world.git.findRef(nameOf(repositoryOf(world, repository)), `refs/heads/${branch}`),
    branches: async (repository) =>
      world.git.listRefs(nameOf(repositoryOf(world, repository)), "refs/heads/").map(({ ref }) => ref.slice("refs/heads/".length)),
    async file(repository, at, path) {
      const name = nameOf(repositoryOf(world, repository));
      const commit = world.git.resolve(name, at);
      const entry = commit && world.git.findEntry(name, commit, path);
      return entry ? world.git.readBlob(name, entry.sha).toString("utf8") : undefined;
    },
  };
}
