import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGit } from "../../../src/forge/git/git.ts";

export interface Signature {
  readonly name: string;
  readonly email: string;
  /** ISO 8601. */
  readonly date: string;
}

/** Who commits on the web pages, and what an App leaves to GitHub; such commits are signed. */
export const github: Omit<Signature, "date"> = { name: "GitHub", email: "noreply@github.com" };

export interface CommitObject {
  readonly sha: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: Signature;
  readonly committer: Signature;
  readonly message: string;
}

export interface TreeEntry {
  readonly mode: string;
  readonly type: string;
  readonly sha: string;
  readonly size: number | undefined;
  readonly path: string;
}

export interface DiffEntry {
  readonly path: string;
  readonly from: string | undefined;
  readonly status: "added" | "removed" | "modified" | "renamed";
  readonly sha: string;
  readonly additions: number;
  readonly deletions: number;
  readonly patch: string | undefined;
}

/** A change of a tree: path to text or bytes, a mode other than 100644, or null to delete. */
export interface FileChange {
  readonly mode: string;
  readonly sha: string | null;
  readonly path: string;
}

export interface GitStore {
  /** Directory of all bare repositories, as `<owner>/<name>.git`. */
  readonly root: string;
  path(repository: string): string;
  /** Forks share the objects of their network, as on GitHub: a fork's commit is known in the parent by its id. */
  create(repository: string, parent?: string): Promise<void>;
  run(repository: string, args: readonly string[], options?: RunOptions): Promise<string>;
  /** Exit code of a question. */
  ask(repository: string, args: readonly string[]): Promise<boolean>;
  bytes(repository: string, args: readonly string[]): Promise<Buffer>;
  findRef(repository: string, ref: string): Promise<string | undefined>;
  /** Refs that start with a prefix, sorted by name. */
  listRefs(repository: string, prefix: string): Promise<readonly { readonly ref: string; readonly sha: string; readonly type: string }[]>;
  setRef(repository: string, ref: string, sha: string | undefined): Promise<void>;
  /** Commit that an id, branch or tag names. */
  resolve(repository: string, name: string): Promise<string | undefined>;
  writeBlob(repository: string, bytes: string | Uint8Array): Promise<string>;
  writeTree(repository: string, base: string | undefined, changes: readonly FileChange[]): Promise<string>;
  writeCommit(repository: string, commit: Omit<CommitObject, "sha">): Promise<string>;
  readCommit(repository: string, sha: string): Promise<CommitObject>;
  listTree(repository: string, tree: string, recursive: boolean): Promise<readonly TreeEntry[]>;
  diff(repository: string, from: string, to: string): Promise<readonly DiffEntry[]>;
  /** Commits of `to` that `from` has not, oldest first. */
  between(repository: string, from: string, to: string): Promise<readonly string[]>;
  isAncestor(repository: string, ancestor: string, descendant: string): Promise<boolean>;
  /** Tree of a three-way merge; undefined when it conflicts. The base is the given tree, or what the histories share. */
  mergeTree(repository: string, ours: string, theirs: string): Promise<string | undefined>;
  close(): Promise<void>;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
}

export async function createGitStore(): Promise<GitStore> {
  const root = await mkdtemp(join(tmpdir(), "flibs-github-"));
  const plain = createGit();
  // Nothing has to outlive a crash of the machine here.
  const git: typeof plain = {
    ...plain,
    run: (repository, args, options) => plain.run(repository, ["-c", "core.fsync=none", ...args], options),
  };
  const path = (repository: string) => join(root, `${repository.toLowerCase()}.git`);
  const run = async (repository: string, args: readonly string[], options: RunOptions = {}) =>
    (await git.run(path(repository), args, options)).text.replace(/\n$/, "");
  const ask = async (repository: string, args: readonly string[]) =>
    (await git.run(path(repository), args, { exits: [0, 1, 128] })).exitCode === 0;
  const find = async (repository: string, args: readonly string[]) => {
    const { exitCode, text } = await git.run(path(repository), args, { exits: [0, 1, 128] });
    return exitCode === 0 ? text.trim() : undefined;
  };

  const store: GitStore = {
    root,
    path,
    run,
    ask,
    bytes: async (repository, args) => (await git.run(path(repository), args)).output,
    async create(repository, parent) {
      await mkdir(path(repository), { recursive: true });
      await git.run(path(repository), ["init", "--quiet", "--bare", "--initial-branch=main"]);
      await run(repository, ["config", "uploadpack.allowAnySHA1InWant", "true"]);
      await run(repository, ["config", "http.uploadpack", "true"]);
      if (!parent) return;
      await rm(join(path(repository), "objects"), { recursive: true });
      await symlink(join(path(parent), "objects"), join(path(repository), "objects"));
      for (const { ref, sha } of await store.listRefs(parent, "refs/heads/")) await store.setRef(repository, ref, sha);
    },
    findRef: (repository, ref) => find(repository, ["rev-parse", "--verify", "--quiet", ref]),
    async listRefs(repository, prefix) {
      const text = await run(repository, ["for-each-ref", "--format=%(refname) %(objectname) %(objecttype)"]);
      const rows = text === "" ? [] : text.split("\n").map((line) => line.split(" "));
      return rows.flatMap(([ref = "", sha = "", type = ""]) => (ref.startsWith(prefix) ? [{ ref, sha, type }] : []));
    },
    async setRef(repository, ref, sha) {
      await run(repository, sha ? ["update-ref", ref, sha] : ["update-ref", "-d", ref]);
    },
    async resolve(repository, name) {
      for (const each of [`refs/heads/${name}`, `refs/tags/${name}`, name]) {
        const sha = await find(repository, ["rev-parse", "--verify", "--quiet", "--end-of-options", `${each}^{commit}`]);
        if (sha) return sha;
      }
      return undefined;
    },
    writeBlob: (repository, bytes) => run(repository, ["hash-object", "-w", "--stdin"], { input: bytes }),
    async writeTree(repository, base, changes) {
      const index = join(root, `index-${randomUUID()}`);
      const env = { GIT_INDEX_FILE: index };
      await run(repository, base ? ["read-tree", base] : ["read-tree", "--empty"], { env });
      const lines = changes.map(({ mode, sha, path: file }) => (sha === null ? `0 ${"0".repeat(40)}\t${file}` : `${mode} ${sha}\t${file}`));
      await run(repository, ["update-index", "--add", "--replace", "-z", "--index-info"], {
        env,
        input: lines.map((line) => `${line}\0`).join(""),
      });
      const tree = await run(repository, ["write-tree"], { env });
      await rm(index, { force: true });
      return tree;
    },
    writeCommit(repository, { tree, parents, author, committer, message }) {
      const env = {
        GIT_AUTHOR_NAME: author.name,
        GIT_AUTHOR_EMAIL: author.email,
        GIT_AUTHOR_DATE: author.date,
        GIT_COMMITTER_NAME: committer.name,
        GIT_COMMITTER_EMAIL: committer.email,
        GIT_COMMITTER_DATE: committer.date,
      };
      return run(repository, ["commit-tree", tree, ...parents.flatMap((parent) => ["-p", parent])], { env, input: message });
    },
    async readCommit(repository, sha) {
      const format = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B";
      const text = await run(repository, ["show", "--no-patch", "--no-show-signature", `--format=${format}`, sha]);
      const [id = "", tree = "", parents = "", an = "", ae = "", ad = "", cn = "", ce = "", cd = "", message = ""] = text.split("\0");
      const date = (iso: string) => new Date(iso).toISOString().replace(".000Z", "Z");
      return {
        sha: id,
        tree,
        parents: parents === "" ? [] : parents.split(" "),
        author: { name: an, email: ae, date: date(ad) },
        committer: { name: cn, email: ce, date: date(cd) },
        message: message.replace(/\n+$/, ""),
      };
    },
    async listTree(repository, tree, recursive) {
      const text = await run(repository, ["ls-tree", "-z", "--long", ...(recursive ? ["-r", "-t"] : []), tree]);
      return text
        .split("\0")
        .filter((line) => line !== "")
        .map((line) => {
          const [meta = "", file = ""] = line.split("\t");
          const [mode = "", type = "", sha = "", size = "-"] = meta.split(/ +/);
          return { mode, type, sha, size: size === "-" ? undefined : Number(size), path: file };
        });
    },
    diff: (repository, from, to) => readDiff(store, repository, from, to),
    async between(repository, from, to) {
      const text = await run(repository, ["rev-list", "--reverse", "--topo-order", to, `^${from}`]);
      return text === "" ? [] : text.split("\n");
    },
    isAncestor: (repository, ancestor, descendant) => ask(repository, ["merge-base", "--is-ancestor", ancestor, descendant]),
    async mergeTree(repository, ours, theirs) {
      const { exitCode, text } = await git.run(
        path(repository),
        ["merge-tree", "--write-tree", "--allow-unrelated-histories", ours, theirs],
        {
          exits: [0, 1],
        },
      );
      return exitCode === 0 ? text.trim() : undefined;
    },
    close: () => rm(root, { recursive: true, force: true }),
  };
  return store;
}

const statuses: Readonly<Record<string, DiffEntry["status"]>> = { A: "added", D: "removed", M: "modified", T: "modified", R: "renamed" };

async function readDiff(store: GitStore, repository: string, from: string, to: string): Promise<readonly DiffEntry[]> {
  const raw = (await store.run(repository, ["diff-tree", "-r", "-z", "-M", "--raw", "--no-abbrev", from, to])).split("\0");
  const entries: DiffEntry[] = [];
  for (let i = 0; i < raw.length && raw[i]?.startsWith(":"); ) {
    const [, , before = "", after = "", letter = ""] = (raw[i] ?? "").split(" ");
    const first = raw[i + 1] ?? "";
    const renamed = letter.startsWith("R");
    const path = renamed ? (raw[i + 2] ?? "") : first;
    i += renamed ? 3 : 2;
    const patch = await store.run(repository, ["diff-tree", "-M", "-p", "--no-color", from, to, "--", path, ...(renamed ? [first] : [])]);
    const hunks = patch.split("\n").slice(
      Math.max(
        0,
        patch.split("\n").findIndex((line) => line.startsWith("@@")),
      ),
    );
    const isText = hunks[0]?.startsWith("@@") === true;
    entries.push({
      path,
      from: renamed ? first : undefined,
      status: statuses[letter[0] ?? "M"] ?? "modified",
      sha: letter === "D" ? before : after,
      additions: isText ? hunks.filter((line) => line.startsWith("+")).length : 0,
      deletions: isText ? hunks.filter((line) => line.startsWith("-")).length : 0,
      patch: isText ? hunks.join("\n") : undefined,
    });
  }
  return entries;
}
