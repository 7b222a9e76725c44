import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { lstat, open, readlink, realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { appError } from "../../domain/errors.ts";
import { type ManifestCheckout, workTree } from "../manifest-sources.ts";

const run = promisify(execFile);
const mostOutput = 256 * 1024 * 1024;
/** One more than is taken, so that a larger file is told to be one. */
const mostBytes = 1024 * 1024 + 1;

/**
 * A clone as people and CI systems have it. Git is asked for names only where it can tell them without reading files (its index), so the cost of
 * a check follows the change, not the repository. Throws `promotion.checkout-unreadable` when the directory is in no clone.
 */
export async function openGitCheckout(directory: string): Promise<ManifestCheckout> {
  const top = await git(directory, "rev-parse", "--show-toplevel").catch(() => undefined);
  if (top === undefined) {
    const hint = "Run it in a clone of the registry-manifest repository, or name its directory";
    throw appError("promotion.checkout-unreadable", `${resolve(directory)} is in no git clone`, { hint });
  }
  const root = await realpath(top.trim());
  const silent = await silenceFilters(root);
  const ask = async (...args: readonly string[]) => (await gitBytes(root, args, silent)).toString();
  const names = async (...args: readonly string[]) => [...new Set((await ask(...args)).split("\0"))].filter((path) => path !== "").sort();

  const findBase: ManifestCheckout["findBase"] = async (since) => {
    const wanted = since ?? (await findMainBranch(ask));
    if (wanted === undefined) return undefined;
    // Of some names, `@{upstream}` for one, git says in other ways that there is none; whatever it is, nothing is compared.
    const commit = await findCommit(ask, wanted).catch(() => undefined);
    if (commit === undefined) {
      throw appError("promotion.checkout-unreadable", `this clone has no commit ${JSON.stringify(wanted.slice(0, 100))}`, {
        hint: "Fetch it first",
      });
    }
    const head = await findCommit(ask, "HEAD");
    if (head === undefined) return commit;
    const base = await ask("merge-base", commit, head).catch(() => undefined);
    if (base !== undefined) return base.trim();
    const hint = "A shallow clone lacks it: fetch the whole history (fetch-depth: 0 with actions/checkout)";
    throw appError("promotion.checkout-unreadable", `HEAD and ${wanted.slice(0, 100)} have no commit in common here`, { hint });
  };

  return {
    directory: root,
    findBase,
    listChanged: async (base) => {
      const changed = await names("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--ignore-submodules", base, "--");
      return [...new Set([...changed, ...(await names("ls-files", "-z", "--others", "--exclude-standard"))])].sort();
    },
    listPaths: () => names("ls-files", "-z", "--cached", "--others", "--exclude-standard"),
    writeFile: (path, text) => writeHere(root, path, text),
    sources: {
      findFile: async (_repository, commit, path) => (commit === workTree ? await readHere(root, path) : await readAt(root, commit, path)),
      async listFiles(_repository, commit, directory) {
        const below = directory === "" ? [] : [directory];
        const list = await ask("ls-tree", "-r", "-z", "-l", "--full-tree", commit === workTree ? "HEAD" : commit, "--", ...below);
        return list.split("\0").flatMap((line) => {
          const [, blob, size, path] = /^\d+ blob ([0-9a-f]+) +(\d+)\t(.*)$/s.exec(line) ?? [];
          return blob !== undefined && path !== undefined ? [{ path, blob, size: Number(size) }] : [];
        });
      },
      isAncestor: async (_repository, ancestor, descendant) => {
        if (ancestor === workTree) return descendant === workTree;
        const commit = descendant === workTree ? "HEAD" : descendant;
        return (await ask("merge-base", "--is-ancestor", ancestor, commit).catch(noneIfNo)) !== undefined;
      },
      async fileHistory(_repository, commit, path, limit) {
        const from = commit === workTree ? "HEAD" : commit;
        const list = await ask("rev-list", `--max-count=${limit}`, from, "--", path).catch(() => "");
        const commits = list.split("\n").filter((line) => line !== "");
        if (commit !== workTree) return commits;
        const [here, committed] = [await readHere(root, path), await readAt(root, "HEAD", path).catch(() => undefined)];
        const same = here && committed ? Buffer.compare(here, committed) === 0 : here === committed;
        return same ? commits : [workTree, ...commits].slice(0, limit);
      },
    },
  };
}

type Ask = (...args: readonly string[]) => Promise<string>;

async function findMainBranch(ask: Ask): Promise<string | undefined> {
  for (const name of ["refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master"]) {
    if ((await findCommit(ask, name)) !== undefined) return name;
  }
  return undefined;
}

/** `--end-of-options`: a name that begins with a dash is a name. */
async function findCommit(ask: Ask, name: string): Promise<string | undefined> {
  const found = await ask("rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`).catch(noneIfNo);
  return found?.trim();
}

/** git says no with 1. With everything else it says that it could not tell, and whoever took that for no would compare with nothing. */
function noneIfNo(error: unknown): undefined {
  if ((error as { readonly code?: unknown }).code !== 1) throw error;
}

async function git(directory: string, ...args: readonly string[]): Promise<string> {
  return (await gitBytes(directory, args)).toString();
}

type Environment = Readonly<Record<string, string | undefined>>;

/** To compare, git gives files that may differ to the programs of `filter.*`: in their place stands nothing, whatever the clone calls them. */
async function silenceFilters(root: string): Promise<Environment> {
  const found = await git(root, "config", "--null", "--name-only", "--get-regexp", "^filter\\.").catch(noneIfNo);
  const drivers = new Set(found?.split("\0").flatMap((key) => /^filter\.(.+)\.[^.]+$/s.exec(key)?.[1] ?? []));
  const first = Number(process.env.GIT_CONFIG_COUNT ?? 0);
  const settings = [...drivers].flatMap((name) =>
    Object.entries({ clean: "", process: "", required: "false" }).map(([key, value]) => [`filter.${name}.${key}`, value] as const),
  );
  const keys = settings.flatMap(([key, value], i) => [
    [`GIT_CONFIG_KEY_${first + i}`, key],
    [`GIT_CONFIG_VALUE_${first + i}`, value],
  ]);
  return { ...Object.fromEntries(keys), GIT_CONFIG_COUNT: String(first + settings.length) };
}

/** Nothing of the clone's own configuration is run: no monitor, no hook, no pager, no fetch; its index is not written to. */
async function gitBytes(directory: string, args: readonly string[], silent: Environment = {}): Promise<Buffer> {
  const fixed = ["core.fsmonitor=false", "core.hooksPath=/dev/null", "core.quotePath=false", "safe.bareRepository=explicit"];
  // A partial clone would fetch what it lacks, by whatever program its settings name.
  const offline = { GIT_NO_LAZY_FETCH: "1", GIT_ALLOW_PROTOCOL: "" };
  const env = { ...process.env, GIT_OPTIONAL_LOCKS: "0", GIT_LITERAL_PATHSPECS: "1", LC_ALL: "C", ...offline, ...silent };
  const options = { encoding: "buffer", maxBuffer: mostOutput, env } as const;
  return (await run("git", ["-C", directory, "--no-pager", ...fixed.flatMap((one) => ["-c", one]), ...args], options)).stdout;
}

async function readAt(root: string, commit: string, path: string): Promise<Uint8Array | undefined> {
  const list = await git(root, "ls-tree", "-z", "--full-tree", commit, "--", path).catch(() => {
    throw appError("promotion.checkout-unreadable", `this clone has no commit ${commit.slice(0, 100)}`, {
      hint: "Fetch the whole history",
    });
  });
  const [, blob] = /^\d+ blob ([0-9a-f]+)\t/.exec(list) ?? [];
  if (blob === undefined) return undefined;
  return await gitBytes(root, ["cat-file", "blob", blob]).catch(() => {
    const hint = "A partial clone lacks it: clone without --filter";
    throw appError("promotion.checkout-unreadable", `this clone lacks ${path} of commit ${commit.slice(0, 100)}`, { file: path, hint });
  });
}

/** As git would store it: of a link its target, never what it points to; nothing through a directory that is a link. */
async function readHere(root: string, path: string): Promise<Uint8Array | undefined> {
  const full = join(root, path);
  const parent = await realpath(dirname(full)).catch(() => undefined);
  if (parent !== dirname(full)) return undefined;
  const found = await lstat(full).catch(() => undefined);
  if (found?.isSymbolicLink()) return Buffer.from(await readlink(full));
  if (!found?.isFile()) return undefined;
  const file = await open(full);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(found.size, mostBytes)), 0, Math.min(found.size, mostBytes), 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Into a plain file that is there: a link's target is text of whoever made the link, and may be any file of the person who runs this. */
async function writeHere(root: string, path: string, text: string): Promise<boolean> {
  const full = join(root, path);
  const parent = await realpath(dirname(full)).catch(() => undefined);
  if (parent !== dirname(full) || !(await lstat(full)).isFile()) return false;
  const file = await open(full, constants.O_WRONLY | constants.O_TRUNC | constants.O_NOFOLLOW);
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
  return true;
}
