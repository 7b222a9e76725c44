import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGit } from "../../../src/forge/git/git.ts";
import { historyOf, mergeBase, newCommits, readCommit, writeCommit } from "./git-commits.ts";
import { type GitObjects, gitObjects, type ObjectKind } from "./git-objects.ts";
import { type GitRefs, gitRefs } from "./git-refs.ts";
import { changedFiles, listTree, writeTree } from "./git-trees.ts";

export interface Signature {
  readonly name: string;
  readonly email: string;
  /** ISO 8601. */
  readonly date: string;
}

/** Who commits on the web pages, and what an App leaves to GitHub; such commits are signed. */
export const github: Omit<Signature, "date"> = { name: "GitHub", email: "noreply@github.com" };
/** The account of that address. */
export const webFlow = "web-flow";

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

/** Bare repositories that git can read. What git is good at is asked of git; the rest needs no process. Commits and trees are given by their ids. */
export interface GitStore {
  /** Directory of all bare repositories, as `<owner>/<name>.git`. */
  readonly root: string;
  path(repository: string): string;
  /** Forks share the objects of their network, as on GitHub: a fork's commit is known in the parent by its id. */
  create(repository: string, parent?: string): Promise<void>;
  run(repository: string, args: readonly string[]): Promise<string>;
  isRefName(repository: string, ref: string): Promise<boolean>;
  findRef(repository: string, ref: string): string | undefined;
  /** Refs that start with a prefix, sorted by name. */
  listRefs(repository: string, prefix: string): readonly { readonly ref: string; readonly sha: string; readonly type: string }[];
  setRef(repository: string, ref: string, sha: string | undefined): void;
  /** Commit that an id, branch, tag or ref names. */
  resolve(repository: string, name: string): string | undefined;
  kindOf(repository: string, id: string): ObjectKind | undefined;
  writeBlob(repository: string, bytes: string | Uint8Array): string;
  readBlob(repository: string, id: string): Buffer;
  writeTree(repository: string, base: string | undefined, changes: readonly FileChange[]): string;
  writeCommit(repository: string, commit: Omit<CommitObject, "sha">): string;
  readCommit(repository: string, sha: string): CommitObject;
  /** Of a tree, or of a commit's. */
  listTree(repository: string, tree: string, recursive: boolean): readonly TreeEntry[];
  /** What stands at a path of a commit. */
  findEntry(repository: string, commit: string, path: string): TreeEntry | undefined;
  /** Files of a commit that are other than in an older one, or all of them. */
  changes(repository: string, from: string | undefined, to: string): ReturnType<typeof changedFiles>;
  diff(repository: string, from: string, to: string): Promise<readonly DiffEntry[]>;
  /** Commits of `to` that none of the others has, oldest first. */
  between(repository: string, others: readonly string[], to: string): readonly string[];
  isAncestor(repository: string, ancestor: string, descendant: string): boolean;
  mergeBase(repository: string, one: string, other: string): string | undefined;
  /** Tree of a three-way merge; undefined when it conflicts. The base is what the histories share. */
  mergeTree(repository: string, ours: string, theirs: string): Promise<string | undefined>;
  archive(repository: string, sha: string, prefix: string): Promise<Buffer>;
  close(): Promise<void>;
}

/** What is pushed is kept as it came only above the limit; the objects here are loose ones. */
const config = `[core]
	repositoryformatversion = 0
	bare = true
[uploadpack]
	allowAnySHA1InWant = true
[receive]
	unpackLimit = 100000
[http]
	uploadpack = true
`;

export async function createGitStore(): Promise<GitStore> {
  const root = await mkdtemp(join(tmpdir(), "flibs-github-"));
  const plain = createGit();
  // Nothing has to outlive a crash of the machine here.
  const git: typeof plain = {
    ...plain,
    run: (repository, args, options) => plain.run(repository, ["-c", "core.fsync=none", ...args], options),
  };
  const path = (repository: string) => join(root, `${repository.toLowerCase()}.git`);
  const repositories = new Map<string, { readonly objects: GitObjects; readonly refs: GitRefs }>();
  function at(repository: string) {
    const found = repositories.get(repository.toLowerCase());
    if (!found) throw new Error(`there is no repository ${repository}`);
    return found;
  }
  const run = async (repository: string, args: readonly string[]) => (await git.run(path(repository), args)).text.replace(/\n$/, "");
  /** Tags are peeled. */
  function peel(here: ReturnType<typeof at>, id: string | undefined): string | undefined {
    const found = id === undefined ? undefined : here.objects.find(id);
    if (found?.kind === "tag") return peel(here, /^object ([0-9a-f]{40})$/m.exec(found.bytes.toString("utf8"))?.[1]);
    return found?.kind === "commit" ? id : undefined;
  }

  const store: GitStore = {
    root,
    path,
    run,
    async create(repository, parent) {
      const directory = path(repository);
      await mkdir(join(directory, "refs"), { recursive: true });
      await writeFile(join(directory, "HEAD"), "ref: refs/heads/main\n");
      await writeFile(join(directory, "config"), config);
      const objects = join(directory, "objects");
      if (parent) await symlink(join(path(parent), "objects"), objects);
      else await mkdir(objects);
      repositories.set(repository.toLowerCase(), { objects: parent ? at(parent).objects : gitObjects(objects), refs: gitRefs(directory) });
      for (const { ref, sha } of parent ? store.listRefs(parent, "refs/heads/") : []) store.setRef(repository, ref, sha);
    },
    isRefName: async (repository, ref) => (await git.run(path(repository), ["check-ref-format", ref], { exits: [0, 1] })).exitCode === 0,
    findRef: (repository, ref) => at(repository).refs.find(ref),
    listRefs(repository, prefix) {
      const { objects, refs } = at(repository);
      return refs.list(prefix).map(([ref, sha]) => ({ ref, sha, type: objects.find(sha)?.kind ?? "commit" }));
    },
    setRef(repository, ref, sha) {
      const { objects, refs } = at(repository);
      if (sha !== undefined && !objects.find(sha)) throw new Error(`${ref} can't be ${sha}, which is not there`);
      refs.set(ref, sha);
    },
    resolve(repository, name) {
      const here = at(repository);
      for (const ref of [`refs/heads/${name}`, `refs/tags/${name}`, name, `refs/${name}`]) {
        const sha = peel(here, here.refs.find(ref));
        if (sha) return sha;
      }
      if (name === "HEAD") return store.resolve(repository, "refs/heads/main");
      if (!/^[0-9a-f]{4,40}$/.test(name)) return undefined;
      return peel(here, name.length === 40 ? name : here.objects.complete(name));
    },
    kindOf: (repository, id) => at(repository).objects.find(id)?.kind,
    writeBlob: (repository, bytes) => at(repository).objects.write("blob", Buffer.from(bytes)),
    readBlob: (repository, id) => at(repository).objects.read(id, "blob"),
    writeTree: (repository, base, changes) => writeTree(at(repository).objects, base && treeOf(repository, base), changes),
    writeCommit: (repository, commit) => writeCommit(at(repository).objects, commit),
    readCommit: (repository, sha) => readCommit(at(repository).objects, sha),
    listTree: (repository, tree, recursive) => listTree(at(repository).objects, treeOf(repository, tree), recursive),
    findEntry: (repository, commit, path) => store.listTree(repository, commit, true).find((entry) => entry.path === path),
    changes: (repository, from, to) => changedFiles(at(repository).objects, from && treeOf(repository, from), treeOf(repository, to)),
    diff: async (repository, from, to) =>
      treeOf(repository, from) === treeOf(repository, to) ? [] : await readDiff(store, repository, from, to),
    between: (repository, others, to) => newCommits(at(repository).objects, to, others),
    isAncestor: (repository, ancestor, descendant) => historyOf(at(repository).objects, [descendant]).has(ancestor),
    mergeBase: (repository, one, other) => mergeBase(at(repository).objects, one, other),
    async mergeTree(repository, ours, theirs) {
      // One that has the other behind it is what both become.
      if (store.isAncestor(repository, ours, theirs)) return treeOf(repository, theirs);
      if (store.isAncestor(repository, theirs, ours)) return treeOf(repository, ours);
      const args = ["merge-tree", "--write-tree", "--allow-unrelated-histories", ours, theirs];
      const { exitCode, text } = await git.run(path(repository), args, { exits: [0, 1] });
      return exitCode === 0 ? text.trim() : undefined;
    },
    archive: async (repository, sha, prefix) =>
      (await git.run(path(repository), ["archive", "--format=tar.gz", `--prefix=${prefix}`, sha])).output,
    close: () => rm(root, { recursive: true, force: true }),
  };
  const treeOf = (repository: string, id: string) =>
    store.kindOf(repository, id) === "commit" ? store.readCommit(repository, id).tree : id;
  return store;
}

const statuses: Readonly<Record<string, DiffEntry["status"]>> = { A: "added", D: "removed", M: "modified", T: "modified", R: "renamed" };

async function readDiff(store: GitStore, repository: string, from: string, to: string): Promise<readonly DiffEntry[]> {
  const text = await store.run(repository, ["diff-tree", "-r", "-z", "-M", "--raw", "-p", "--no-abbrev", "--no-color", from, to]);
  // First what is in which way different, then, after an empty word, the patches in the same order.
  const end = text.indexOf("\0\0");
  const raw = text.slice(0, end).split("\0");
  const patches = text.slice(end + 2).split(/^(?=diff --git )/m);
  const entries: DiffEntry[] = [];
  for (let i = 0; i < raw.length; ) {
    const [, , before = "", after = "", letter = ""] = (raw[i] ?? "").split(" ");
    const first = raw[i + 1] ?? "";
    const renamed = letter.startsWith("R");
    const path = renamed ? (raw[i + 2] ?? "") : first;
    i += renamed ? 3 : 2;
    // What changes its type goes and comes again.
    const lines = patches
      .splice(0, letter === "T" ? 2 : 1)
      .join("")
      .replace(/\n$/, "")
      .split("\n");
    const hunks = lines.slice(
      Math.max(
        0,
        lines.findIndex((line) => line.startsWith("@@")),
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
