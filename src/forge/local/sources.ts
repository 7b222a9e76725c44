import { appError, isAppError } from "../../domain/errors.ts";
import type { ForgeSources, TreeFile } from "../forge.ts";
import { checkoutTree } from "./checkout.ts";
import { checkCommit, isBranchName, isCommitId, isTreePath } from "./names.ts";
import { commitExists, isUnknownRepository, reaches } from "./refs.ts";
import type { Repositories } from "./repositories.ts";
import { parseTree } from "./tree-listing.ts";

/** Reading bare repositories; a path that git could read in two ways is a path that does not exist. */
export function localSources({ git, path: pathOf }: Repositories): ForgeSources {
  async function commitPath(repository: string, commit: string): Promise<string> {
    const path = await pathOf(repository);
    if (await commitExists(git, path, checkCommit(commit))) return path;
    throw appError("forge.commit-unknown", `${repository} has no commit ${commit}`);
  }
  return {
    async findHead(repository, branch) {
      if (!isBranchName(branch)) return undefined;
      const path = await pathOf(repository).catch((error: unknown) => {
        if (isUnknownRepository(error)) return undefined;
        throw error;
      });
      if (path === undefined) return undefined;
      const { exitCode, text } = await git.run(path, ["rev-parse", "--verify", "--quiet", `refs/heads/${branch}`], { exits: [0, 1, 128] });
      return exitCode === 0 ? text.trim() : undefined;
    },
    async findFile(repository, commit, file) {
      const path = await commitPath(repository, commit);
      if (!isTreePath(file)) return undefined;
      // A symbolic link gives its target's name: links are never followed.
      const { exitCode, output } = await git.run(path, ["cat-file", "blob", `${commit}:${file}`], { exits: [0, 128] });
      return exitCode === 0 ? new Uint8Array(output) : undefined;
    },
    async listFiles(repository, commit, directory) {
      const path = await commitPath(repository, commit);
      const root = directory.replace(/^\.?\/+|\/+$/g, "").replace(/^\.$/, "");
      if (root !== "" && !isTreePath(root)) return [];
      const { exitCode, output } = await git.run(path, ["ls-tree", "-r", "-l", "-z", "--full-tree", `${commit}:${root}`], {
        exits: [0, 128],
      });
      if (exitCode !== 0) return [];
      const files = parseTree(output).filter((entry) => entry.kind !== "submodule");
      return files
        .map(({ path: file, blob, size }): TreeFile => ({ path: root === "" ? file : `${root}/${file}`, blob, size }))
        .sort((a, b) => (a.path < b.path ? -1 : 1));
    },
    async checkout(repository, commit, directory, maxBytes) {
      await checkoutTree(git, await commitPath(repository, commit), commit, directory, maxBytes);
    },
    async diff(repository, from, to, paths, maxBytes) {
      await commitPath(repository, from);
      const path = await commitPath(repository, to);
      const args = ["diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", from, to, "--", ...paths];
      const { output } = await git.run(path, args, { maxBytes, cut: true });
      // A character that the limit cut in two is left out.
      return new TextDecoder().decode(output, { stream: true });
    },
    async isAncestor(repository, ancestor, descendant) {
      if (!isCommitId(ancestor) || !isCommitId(descendant)) return false;
      try {
        return await reaches(git, await pathOf(repository), ancestor, descendant);
      } catch (error) {
        if (isAppError(error) && isUnknownRepository(error)) return false;
        throw error;
      }
    },
    async listMergeBases(repository, a, b) {
      await commitPath(repository, a);
      const { text } = await git.run(await commitPath(repository, b), ["merge-base", "--all", a, b], { exits: [0, 1] });
      return text
        .split("\n")
        .filter((line) => line !== "")
        .sort();
    },
    async fileHistory(repository, head, file, limit) {
      const path = await commitPath(repository, head);
      if (!isTreePath(file)) return [];
      const { text } = await git.run(path, ["rev-list", `--max-count=${Math.max(0, Math.trunc(limit))}`, head, "--", file]);
      return text.split("\n").filter((line) => line !== "");
    },
  };
}
