import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { type LocalForgeOptions, localForge } from "../../src/forge/local/local-forge.ts";
import { silentLog } from "../../src/log.ts";
import type { ForgePerson } from "../contract/forge.contract.ts";
import { gitRefs } from "../fakes/github/git-refs.ts";
import { commitFiles } from "./commit-files.ts";
import { type ScratchDirectory, scratchDirectory } from "./scratch-directory.ts";

export const hookSecret = "a secret of the tests";

/** A local forge in a directory of its own, with one repository, a person who commits to it, and for who pushes, `git` in a clone that the first call makes. */
export async function localForgeWorld(more: Partial<LocalForgeOptions> = {}) {
  const scratch: ScratchDirectory = await scratchDirectory("flibs-forge-");
  const directory = join(scratch.path, "git");
  const forge = localForge({ name: "local", directory, hookSecrets: [hookSecret], admins: ["alice"], log: silentLog, ...more });
  const repository = "containers/cockpit";
  await forge.createRepository(repository);
  const bare = join(directory, `${repository}.git`);
  const clone = join(scratch.path, "clone");
  let isCloned = false;
  const git = (...args: string[]) => {
    if (!isCloned) gitAsBob(scratch.path, "clone", "--quiet", bare, clone);
    isCloned = true;
    return gitAsBob(clone, ...args);
  };
  const person: ForgePerson = {
    async commit(branch, files, from) {
      const parent =
        (await forge.findHead(repository, branch)) ?? (from === undefined ? undefined : await forge.findHead(repository, from));
      return commitFiles(bare, { branch, parent, files, message: `change ${branch}` });
    },
    async deleteBranch(branch) {
      gitRefs(bare).set(`refs/heads/${branch}`, undefined);
    },
    openPull: async (headBranch, baseBranch, title) =>
      (await forge.openPull({ repository, headBranch, baseBranch, title, body: "", person: "bob" })).number,
    comment: (number, text) => forge.addComment(repository, number, "bob", text),
    merge: async (number) => (await forge.mergePull(repository, number, "bob")).mergeCommit,
    close: (number) => forge.closePull(repository, number, "bob"),
  };
  const close = () => {
    forge.close();
    return scratch.remove();
  };
  return { forge, person, repository, directory, bare, clone, git, scratch: scratch.path, close };
}

/** Plain git as a person uses it, apart from this machine's configuration. Throws with what git said. */
export function gitAsBob(directory: string, ...args: string[]): string {
  return execFileSync("git", args, { cwd: directory, env: gitOfBob(), encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
}

/** Environment of a git that is bob's and knows nothing of this machine. */
export function gitOfBob(): Record<string, string> {
  const who = { NAME: "bob", EMAIL: "bob@example.test" };
  const people = Object.fromEntries(
    ["AUTHOR", "COMMITTER"].flatMap((role) => Object.entries(who).map(([key, value]) => [`GIT_${role}_${key}`, value])),
  );
  return {
    PATH: process.env.PATH ?? "",
    HOME: "/nonexistent",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    LC_ALL: "C",
    ...people,
  };
}
