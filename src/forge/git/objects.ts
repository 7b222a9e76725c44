import { appError } from "../../domain/errors.ts";
import { type FoundObject, replyReader, requestOf } from "./cat-file.ts";
import type { Git } from "./git.ts";
import { answerOf, type Reply } from "./session.ts";

const command = ["cat-file", "--batch-command", "-z"];
const what = "git cat-file";

/**
 * What each name stands for, for example `<commit>:<path>`; undefined for what is not there. Never ask for a ref in this way: git takes
 * `refs/tags/refs/heads/main` for a `refs/heads/main` that is not there, and anybody may push such a tag.
 */
export async function findObjects(git: Git, path: string, names: readonly string[]): Promise<readonly (FoundObject | undefined)[]> {
  return answerOf(await askFor(git, path, names), what);
}

async function askFor(git: Git, path: string, names: readonly string[]): Promise<Reply<readonly (FoundObject | undefined)[]>> {
  const found: (FoundObject | undefined)[] = [];
  if (names.length === 0) return { answer: found };
  const isWhole = replyReader(names, false, { begin: (one) => found.push(one) });
  return git.ask(path, command, { say: requestOf("info", names), take: (piece) => (isWhole(piece) ? { answer: found } : undefined) });
}

/** Contents in the order asked for. Throws `forge.output-too-large` before anything is read when they are more than `maxBytes` together. */
export async function readObjects(git: Git, path: string, objects: readonly FoundObject[], maxBytes: number): Promise<readonly Buffer[]> {
  if (objects.length === 0) return [];
  const size = objects.reduce((sum, one) => sum + one.size, 0);
  if (size > maxBytes) throw appError("forge.output-too-large", `${what} would give ${size} bytes, more than ${maxBytes}`);
  const contents: Buffer[] = [];
  let parts: Buffer[] = [];
  const ids = objects.map(({ id }) => id);
  const isWhole = replyReader(ids, true, {
    begin(found) {
      const wanted = objects[contents.length];
      if (found?.size !== wanted?.size) throw new Error(`${wanted?.type} ${wanted?.id} was thrown away meanwhile`);
    },
    piece: (part) => parts.push(part),
    end() {
      contents.push(Buffer.concat(parts));
      parts = [];
    },
  });
  const take = (piece: Buffer) => (isWhole(piece) ? { answer: contents } : undefined);
  return answerOf(await git.ask(path, command, { say: requestOf("contents", ids), take }), what);
}

/** Contents of blobs by their ids. Throws `forge.git-failed` for one that is not there. */
export async function readBlobs(git: Git, path: string, ids: readonly string[]): Promise<readonly Buffer[]> {
  const found = await findObjects(git, path, ids);
  const blobs = found.map((one, i) => {
    if (one?.type === "blob") return one;
    throw appError("forge.git-failed", `${what} has no blob ${ids[i]}`);
  });
  return readObjects(git, path, blobs, 512 * 2 ** 20);
}

/** Those of the commits that are not there; all of them where there is no repository. */
export async function lackingCommits(git: Git, path: string, commits: readonly string[]): Promise<readonly string[]> {
  const asked = [...new Set(commits)];
  const reply = await askFor(
    git,
    path,
    asked.map((commit) => `${commit}^{commit}`),
  );
  // A git that cannot go on, for want of memory perhaps, ends with the same code.
  if ("ended" in reply && /^fatal: not a git repository/.test(reply.said)) return asked;
  const found = answerOf(reply, what);
  return asked.filter((_, i) => found[i] === undefined);
}
