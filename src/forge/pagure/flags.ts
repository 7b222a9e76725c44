import { type AppError, appError, isAppError } from "../../domain/errors.ts";
import type { CommitStatus, ForgePulls } from "../forge.ts";
import { checkCommit } from "../git/names.ts";
import { oneAtATime } from "../one-at-a-time.ts";
import { checkRepository } from "./client.ts";
import { tellFailure } from "./failures.ts";
import { commitStatusOf, flagFormOf, shows } from "./flag-mapping.ts";
import type { PagureWorld } from "./pagure-world.ts";
import { untilThere } from "./patience.ts";
import { Anything, type Flag, Flags } from "./schemas.ts";

/** Commits that are known to be there; they stay. */
const mostKnown = 5000;

/**
 * Statuses are flags of commits: a pull request shows those of its head. One uid is written by one at a time, since Pagure's database fails
 * when two write it at the same moment; another process that does so is met by trying again.
 */
export function flags(world: PagureWorld): Pick<ForgePulls, "setStatus" | "listStatuses"> {
  const { client, user } = world;
  const inTurn = oneAtATime();
  const known = new Set<string>();

  async function listOwn(repository: string, commit: string): Promise<readonly Flag[]> {
    const found = await client.read(`${checkRepository(repository)}/c/${checkCommit(commit)}/flag`, Flags);
    const own = found.flags.filter((flag) => flag.user.name === user);
    return own.sort((a, b) => Number(a.date_created) - Number(b.date_created));
  }

  /** Pagure takes a flag for a commit that nobody has. */
  async function demandCommit(repository: string, commit: string): Promise<void> {
    const key = `${repository} ${commit}`;
    if (known.has(key)) return;
    const path = `${checkRepository(repository)}/c/${checkCommit(commit)}/info`;
    const found = await untilThere(world.delay, () => client.find(path, Anything));
    if (found === undefined) throw appError("forge.commit-unknown", `${repository} has no commit ${commit}`);
    if (known.size >= mostKnown) known.clear();
    known.add(key);
  }

  async function set(repository: string, commit: string, status: CommitStatus): Promise<void> {
    await demandCommit(repository, commit);
    const form = flagFormOf(repository, commit, status, world.publicUrl);
    // Before the flag: where that stands, what there is to tell is told. What Pagure will not have keeps no flag back: that is what stops a merge.
    const refused = await tellFailure(world, repository, commit, status).catch(refusal);
    const there = (await listOwn(repository, commit)).find((flag) => flag.username === form.username);
    if (there === undefined || !shows(there, form)) {
      const write = { use: "reports", acl: "commit_flag", path: `c/${commit}/flag`, form: { ...form }, repeatable: true } as const;
      await client.write(repository, write, Anything);
    }
    if (refused) throw refused;
  }

  return {
    setStatus: (repository, commit, status) =>
      inTurn(`${repository} ${checkCommit(commit)} ${status.name}`, () => set(repository, commit, status)),
    async listStatuses(repository, commit) {
      return (await listOwn(repository, commit)).map(commitStatusOf);
    },
  };
}

function refusal(error: unknown): AppError {
  if (isAppError(error) && error.kind !== "transient") return error;
  throw error;
}
