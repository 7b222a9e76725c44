import { access, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { appError } from "../../domain/errors.ts";

/** Links from ref to ref that git follows at most. */
const longestChain = 5;
const longestList = 64 * 2 ** 20;

/**
 * Id that a ref has now; undefined when there is no such ref. Read from git's files, as gitrepository-layout(5) describes them: a git that stays
 * (see sessions.ts) would take `refs/tags/refs/heads/main`, which anybody may push, for a `refs/heads/main` that is not there.
 */
export async function findRef(path: string, ref: string): Promise<string | undefined> {
  let name = ref;
  for (let link = 0; link <= longestChain; link += 1) {
    if (!isRefName(name)) return undefined;
    // The file first: git writes a ref into the list before it removes the file, and takes a deleted one out of there before.
    const text = await readFile(join(path, name), "latin1").catch(absent);
    if (text === undefined) return findListed(path, name);
    const target = /^ref:\s*(\S+)\s*$/.exec(text)?.[1];
    // What a crash of the machine left behind is no ref.
    if (target === undefined) return /^([0-9a-f]{64}|[0-9a-f]{40})(?:\s|$)/.exec(text)?.[1];
    name = target;
  }
  return undefined;
}

/** Many refs stand in one file, `packed-refs`: lines of id, space and name. */
async function findListed(path: string, ref: string): Promise<string | undefined> {
  const list = join(path, "packed-refs");
  const size = (await stat(list).catch(absent))?.size ?? 0;
  if (size > longestList) throw appError("forge.output-too-large", `packed-refs has ${size} bytes, more than ${longestList}`);
  const text = size === 0 ? undefined : await readFile(list, "utf8").catch(absent);
  if (text === undefined) await refuseTable(path);
  const end = text?.indexOf(` ${ref}\n`) ?? -1;
  if (text === undefined || end < 0) return undefined;
  const id = text.slice(text.lastIndexOf("\n", end) + 1, end);
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(id) ? id : undefined;
}

/** A ref that is not seen must not pass for one that is not there. */
async function refuseTable(path: string): Promise<void> {
  const isTable = await access(join(path, "reftable")).then(
    () => true,
    () => false,
  );
  if (!isTable) return;
  throw appError("forge.git-failed", "the refs of this repository are kept as a table (reftable), which flibs does not read", {
    hint: "Run git refs migrate --ref-format=files in it",
    details: { path },
  });
}

/** Source specification: git-check-ref-format(1), as far as a name could lead to a file that is no ref. */
function isRefName(ref: string): boolean {
  const [first, ...parts] = ref.split("/");
  return first === "refs" && parts.length > 0 && !ref.includes("\0") && parts.every((one) => one !== "" && !/^\.|\.lock$/.test(one));
}

function absent(error: NodeJS.ErrnoException): undefined {
  // Other refs stand below this name, one stands in the middle of it, or no file can have it.
  if (["ENOENT", "EISDIR", "ENOTDIR", "ENAMETOOLONG"].includes(error.code ?? "")) return undefined;
  throw error;
}
