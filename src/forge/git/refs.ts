import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { appError, isAppError } from "../../domain/errors.ts";
import type { Git } from "./git.ts";
import { isCommitId } from "./names.ts";
import { lackingCommits } from "./objects.ts";
import { answerOf, lineQuestion } from "./session.ts";

/** Full ref name to object id. */
export type Refs = ReadonlyMap<string, string>;

/** `from` undefined: the ref must not exist; `to` undefined: delete; `to` equal to `from`: must still be so. */
export interface RefChange {
  readonly ref: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

export async function readRefs(git: Git, path: string, prefixes: readonly string[]): Promise<Refs> {
  const { text } = await git.run(path, ["for-each-ref", "--format=%(objectname) %(refname)", ...prefixes]);
  const refs = new Map<string, string>();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    if (space > 0) refs.set(line.slice(space + 1), line.slice(0, space));
  }
  return refs;
}

/** All or none, each only from its expected value. False when somebody else was quicker. */
export async function changeRefs(git: Git, path: string, changes: readonly RefChange[]): Promise<boolean> {
  const reply = await git.ask(path, ["update-ref", "--stdin", "-z"], lineQuestion(transactionOf(changes), 3));
  if ("answer" in reply) return true;
  const { ended, said } = reply;
  const blocked = /'(refs\/[^']+)' exists; cannot create '([^']+)'/.exec(said);
  if (blocked) {
    throw appError("forge.branch-blocked", `${blocked[2]} cannot be made beside ${blocked[1]}`, { hint: `Delete or rename ${blocked[1]}` });
  }
  if (/cannot lock ref|Unable to create .*\.lock/i.test(said)) return false;
  throw appError("forge.git-failed", `git update-ref ended with ${ended}: ${said.slice(0, 500)}`, { details: { exitCode: ended } });
}

/** One transaction in the words of `git update-ref --stdin -z`. */
function transactionOf(changes: readonly RefChange[]): string {
  const words = changes.flatMap(({ ref, from, to }) => {
    if (from === to) return [`verify ${ref}`, from ?? ""];
    if (to === undefined) return [`delete ${ref}`, from ?? ""];
    // An id that means "must not exist" is as long as all others of the repository.
    return [`update ${ref}`, to, from ?? "0".repeat(to.length)];
  });
  const all = ["start", ...words, "prepare", "commit"];
  if (all.some((word) => word.includes("\0"))) throw new Error("no name of a ref holds a NUL");
  return all.map((word) => `${word}\0`).join("");
}

/**
 * Compare and swap: computes from what is there, writes, and computes again when somebody else wrote in between. `attempt` gives undefined
 * when it lost the race. Throws `forge.busy` when it loses again and again.
 */
export async function untilWritten<T>(what: string, attempt: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < 40; i++) {
    const result = await attempt();
    if (result !== undefined) return result;
    await delay(Math.random() * Math.min(100, 5 * (i + 1)));
  }
  throw appError("forge.busy", `${what} was changed by others again and again`);
}

/**
 * The content goes through a file: a `git hash-object` that stays takes names of files, one a line. It stands in the repository, where there must be
 * room anyway.
 */
export async function writeBlob(git: Git, path: string, content: string | Uint8Array): Promise<string> {
  const scratch = await mkdtemp(join(path, "objects", "tmp_flibs-")).catch((error: NodeJS.ErrnoException) => {
    throw appError("forge.git-failed", `nothing can be written into ${path}: ${error.code}`, { cause: error });
  });
  try {
    const file = join(scratch, "blob");
    if (file.includes("\n")) throw new Error("the repository's directory has a line feed in its name");
    await writeFile(file, content);
    const command = ["hash-object", "-w", "--no-filters", "--stdin-paths"];
    const [id = ""] = answerOf(await git.ask(path, command, lineQuestion(`${file}\n`, 1)), "git hash-object");
    if (isCommitId(id)) return id;
    throw appError("forge.git-failed", `git hash-object gave no id but ${id.slice(0, 100)}`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Is `ancestor` reachable from `descendant`? False when either is unknown. Throws as `Git.run` does. */
export async function reaches(git: Git, path: string, ancestor: string, descendant: string): Promise<boolean> {
  if (ancestor === descendant) return (await lackingCommits(git, path, [ancestor])).length === 0;
  try {
    return (await git.recall(path, ["merge-base", "--is-ancestor", ancestor, descendant], { exits: [0, 1] })).exitCode === 0;
  } catch (error) {
    // git ends at an unknown commit as it does at everything that it cannot go on with.
    if ((await lackingCommits(git, path, [ancestor, descendant])).length > 0) return false;
    throw error;
  }
}

/** A missing repository is an answer for those who only look. */
export function isUnknownRepository(error: unknown): boolean {
  return isAppError(error) && (error.code === "forge.repository-unknown" || error.code === "forge.name-invalid");
}
