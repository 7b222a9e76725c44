import { type FileChange, github } from "./git.ts";
import { moveRef } from "./state/branches.ts";
import type { Pull, Repository } from "./state/data.ts";
import { applied, signatureOf } from "./state/merge.ts";
import { openPull } from "./state/pulls.ts";
import { createRepository } from "./state/repositories.ts";
import { findRepository, nameOf, repositoryOf, type World } from "./world.ts";

/** Text, bytes, `{ link }` for a symbolic link, `{ text, executable }`; null deletes. */
export type FileContent = string | Uint8Array | { readonly link: string } | { readonly text: string; readonly executable: true } | null;
export type Files = Readonly<Record<string, FileContent>>;

export interface PushOptions {
  readonly message?: string;
  /** Branch or commit to begin at; the branch itself when it exists, else the default branch. */
  readonly from?: string;
  /** Puts the branch onto `from` whatever it held. */
  readonly force?: boolean;
  /** Begins a new branch with a commit that has no parent. */
  readonly orphan?: boolean;
  /** In the place of the branch's tip, whose author and message it keeps. */
  readonly amend?: boolean;
}

export async function ensureFork(world: World, repository: Repository, login: string): Promise<Repository> {
  const name = `${login}/${repository.name}`;
  return (
    findRepository(world, name) ??
    createRepository(world, name, { parent: repository, defaultBranch: repository.defaultBranch, private: repository.private })
  );
}

export async function pushFiles(
  world: World,
  repository: Repository,
  branch: string,
  files: Files,
  login: string,
  options: PushOptions = {},
): Promise<string> {
  const name = nameOf(repository);
  const ref = `refs/heads/${branch}`;
  const tip = options.force ? undefined : world.git.findRef(name, ref);
  const start = options.orphan ? undefined : world.git.resolve(name, options.from ?? repository.defaultBranch);
  const parent = tip ?? start;
  if (options.from !== undefined && !parent) throw new Error(`${name} has no ${options.from}`);
  const changes: FileChange[] = [];
  for (const [path, content] of Object.entries(files)) changes.push(await changeOf(world, name, path, content));
  const tree = world.git.writeTree(name, parent, changes);
  const committer = signatureOf(world, login);
  const old = options.amend && tip !== undefined ? world.git.readCommit(name, tip) : undefined;
  const { author, message, parents } = old ?? {
    author: committer,
    message: options.message ?? `Change ${Object.keys(files).join(", ")}`,
    parents: parent ? [parent] : [],
  };
  const commit = world.git.writeCommit(name, { tree, parents, author, committer, message });
  await moveRef(world, repository, ref, commit, login);
  return commit;
}

async function changeOf(world: World, name: string, path: string, content: FileContent): Promise<FileChange> {
  if (content === null) return { path, mode: "0", sha: null };
  if (typeof content === "string" || content instanceof Uint8Array)
    return { path, mode: "100644", sha: world.git.writeBlob(name, content) };
  if ("link" in content) return { path, mode: "120000", sha: world.git.writeBlob(name, content.link) };
  return { path, mode: "100755", sha: world.git.writeBlob(name, content.text) };
}

/** A branch and a pull request that take back what a merge brought. */
export async function revertPull(world: World, pull: Pull, login: string): Promise<number> {
  const repository = repositoryOf(world, pull.repository);
  const name = nameOf(repository);
  const merged = pull.mergedAt === null ? undefined : (pull.mergeCommit ?? undefined);
  const tip = world.git.findRef(name, `refs/heads/${pull.baseRef}`);
  if (!merged || !tip) throw new Error(`pull request ${pull.number} is not merged`);
  const before = world.git.readCommit(name, merged).parents[0] ?? merged;
  const tree = await applied(world, name, tip, merged, before);
  if (!tree) throw new Error(`pull request ${pull.number} can't be reverted automatically`);
  const author = signatureOf(world, login);
  const committer = { ...github, date: author.date };
  const message = `Revert "${pull.title}"\n\nThis reverts commit ${merged}.`;
  const commit = world.git.writeCommit(name, { tree, parents: [tip], author, committer, message });
  const branch = `revert-${pull.number}-${pull.headRef}`;
  await moveRef(world, repository, `refs/heads/${branch}`, commit, login);
  const body = `Reverts ${name}#${pull.number}`;
  const wanted = { head: repository, headRef: branch, base: pull.baseRef, title: `Revert "${pull.title}"`, body };
  return (await openPull(world, repository, login, { ...wanted, draft: false, maintainerCanModify: false })).number;
}
