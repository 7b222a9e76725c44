import { appError, isAppError } from "../../domain/errors.ts";
import type { ForgeSources, TreeFile } from "../forge.ts";
import type { FoundObject } from "./cat-file.ts";
import { checkoutTree } from "./checkout.ts";
import type { Git } from "./git.ts";
import { checkCommit, isCommitId, isTreePath } from "./names.ts";
import { findObjects, readObjects } from "./objects.ts";
import { isUnknownRepository, reaches } from "./refs.ts";
import { parseTree } from "./tree-listing.ts";

/** Where a forge's repositories stand as bare git repositories. */
export interface GitRepositories {
  readonly git: Git;
  /**
   * Path of the repository once it holds these commits and all that they reach. Throws `forge.commit-unknown`, `forge.repository-unknown` and
   * `forge.name-invalid`.
   */
  holding(repository: string, commits: readonly string[]): Promise<string>;
}

/** Reading bare repositories; a path that git could read in two ways is a path that does not exist. */
export function gitSources({ git, holding }: GitRepositories): Omit<ForgeSources, "findHead" | "sourceUrl" | "compareUrl"> {
  return {
    async findFile(repository, commit, file) {
      const path = await holding(repository, [checkCommit(commit)]);
      if (!isTreePath(file)) return undefined;
      // A symbolic link gives its target's name: links are never followed.
      const found = await findAt(git, path, commit, file);
      if (found?.type !== "blob") return undefined;
      const [content] = await readObjects(git, path, [found], 64 * 2 ** 20);
      return content && new Uint8Array(content);
    },
    async listFiles(repository, commit, directory) {
      const path = await holding(repository, [checkCommit(commit)]);
      const root = directory.replace(/^\.?\/+|\/+$/g, "").replace(/^\.$/, "");
      if (root !== "" && !isTreePath(root)) return [];
      // Asked by itself, since a listing that git broke off must never be taken for an empty one: releases are planned from it.
      if ((await findAt(git, path, commit, root))?.type !== "tree") return [];
      const { output } = await git.recall(path, ["ls-tree", "-r", "-l", "-z", "--full-tree", `${commit}:${root}`]);
      const files = parseTree(output).filter((entry) => entry.kind !== "submodule");
      return files
        .map(({ path: file, blob, size }): TreeFile => ({ path: root === "" ? file : `${root}/${file}`, blob, size }))
        .sort((a, b) => (a.path < b.path ? -1 : 1));
    },
    async checkout(repository, commit, directory, maxBytes) {
      await checkoutTree(git, await holding(repository, [checkCommit(commit)]), commit, directory, maxBytes);
    },
    async diff(repository, from, to, paths, maxBytes) {
      const path = await holding(repository, [checkCommit(from), checkCommit(to)]);
      const args = ["diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", from, to, "--", ...paths];
      const { output } = await git.run(path, args, { maxBytes, cut: true });
      // A character that the limit cut in two is left out.
      return new TextDecoder().decode(output, { stream: true });
    },
    async isAncestor(repository, ancestor, descendant) {
      if (!isCommitId(ancestor) || !isCommitId(descendant)) return false;
      try {
        return await reaches(git, await holding(repository, [ancestor, descendant]), ancestor, descendant);
      } catch (error) {
        if (isUnknownRepository(error) || (isAppError(error) && error.code === "forge.commit-unknown")) return false;
        throw error;
      }
    },
    async listMergeBases(repository, a, b) {
      const path = await holding(repository, [checkCommit(a), checkCommit(b)]);
      const { text } = await git.recall(path, ["merge-base", "--all", a, b], { exits: [0, 1] });
      return text
        .split("\n")
        .filter((line) => line !== "")
        .sort();
    },
    async fileHistory(repository, head, file, limit) {
      const path = await holding(repository, [checkCommit(head)]);
      if (!isTreePath(file)) return [];
      const { text } = await git.recall(path, ["rev-list", `--max-count=${Math.max(0, Math.trunc(limit))}`, head, "--", file]);
      return text.split("\n").filter((line) => line !== "");
    },
  };
}

/** What stands at a path of a commit, its root by ""; undefined for nothing. Throws `forge.git-failed` when the commit itself has gone meanwhile, as with a mirror. */
async function findAt(git: Git, path: string, commit: string, place: string): Promise<FoundObject | undefined> {
  const [root, found] = await findObjects(git, path, [`${commit}^{tree}`, `${commit}:${place}`]);
  if (root === undefined) throw appError("forge.git-failed", `git has no files of commit ${commit} any more`);
  return found;
}
