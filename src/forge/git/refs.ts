import { setTimeout as delay } from "node:timers/promises";
import { appError, isAppError } from "../../domain/errors.ts";
import type { Git } from "./git.ts";

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
  const zero = "0".repeat(40);
  const lines = changes.map(({ ref, from, to }) => {
    if (from === to) return `verify ${ref} ${from ?? zero}`;
    return to === undefined ? `delete ${ref} ${from ?? zero}` : `update ${ref} ${to} ${from ?? zero}`;
  });
  const { exitCode, said } = await git.run(path, ["update-ref", "--stdin"], { input: `${lines.join("\n")}\n`, exits: [0, 1, 128] });
  if (exitCode === 0) return true;
  const blocked = /'(refs\/[^']+)' exists; cannot create '([^']+)'/.exec(said);
  if (blocked) {
    throw appError("forge.branch-blocked", `${blocked[2]} cannot be made beside ${blocked[1]}`, { hint: `Delete or rename ${blocked[1]}` });
  }
  if (/cannot lock ref|Unable to create .*\.lock/i.test(said)) return false;
  throw appError("forge.git-failed", `git update-ref refused: ${said.slice(0, 500)}`);
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

export async function writeBlob(git: Git, path: string, content: string | Uint8Array): Promise<string> {
  return (await git.run(path, ["hash-object", "-w", "--stdin"], { input: content })).text.trim();
}

/** Contents of blobs in the order asked for; one process. */
export async function readBlobs(git: Git, path: string, ids: readonly string[]): Promise<readonly Buffer[]> {
  if (ids.length === 0) return [];
  const { output } = await git.run(path, ["cat-file", "--batch"], { input: `${ids.join("\n")}\n`, maxBytes: 512 * 2 ** 20 });
  const blobs: Buffer[] = [];
  let at = 0;
  while (blobs.length < ids.length) {
    const end = output.indexOf(10, at);
    const size = Number(/^\S+ blob (\d+)$/.exec(output.subarray(at, end).toString())?.[1] ?? Number.NaN);
    if (end < 0 || Number.isNaN(size)) throw appError("forge.git-failed", `git cat-file has no blob ${ids[blobs.length]}`);
    blobs.push(output.subarray(end + 1, end + 1 + size));
    at = end + 1 + size + 1;
  }
  return blobs;
}

export async function commitExists(git: Git, path: string, commit: string): Promise<boolean> {
  return (await git.run(path, ["cat-file", "-e", `${commit}^{commit}`], { exits: [0, 1, 128] })).exitCode === 0;
}

/** Is `ancestor` reachable from `descendant`? False when either is unknown. */
export async function reaches(git: Git, path: string, ancestor: string, descendant: string): Promise<boolean> {
  if (ancestor === descendant) return commitExists(git, path, ancestor);
  return (await git.run(path, ["merge-base", "--is-ancestor", ancestor, descendant], { exits: [0, 1, 128] })).exitCode === 0;
}

/** A missing repository is an answer for those who only look. */
export function isUnknownRepository(error: unknown): boolean {
  return isAppError(error) && (error.code === "forge.repository-unknown" || error.code === "forge.name-invalid");
}
