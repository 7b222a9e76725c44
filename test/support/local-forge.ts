import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type LocalForgeOptions, localForge } from "../../src/forge/local/local-forge.ts";
import { silentLog } from "../../src/log.ts";
import type { ForgePerson } from "../contract/forge.contract.ts";
import { type ScratchDirectory, scratchDirectory } from "./scratch-directory.ts";

export const hookSecret = "a secret of the tests";

/** A local forge in a directory of its own, with one repository and a person who has a clone of it. */
export async function localForgeWorld(more: Partial<LocalForgeOptions> = {}) {
  const scratch: ScratchDirectory = await scratchDirectory("flibs-forge-");
  const directory = join(scratch.path, "git");
  const forge = localForge({ name: "local", directory, hookSecrets: [hookSecret], admins: ["alice"], log: silentLog, ...more });
  const repository = "containers/cockpit";
  await forge.createRepository(repository);
  const bare = join(directory, `${repository}.git`);
  const clone = join(scratch.path, "clone");
  const git = (...args: string[]) => gitAsBob(clone, ...args);
  gitAsBob(scratch.path, "clone", "--quiet", bare, clone);
  const person: ForgePerson = {
    async commit(branch, files, from) {
      git("fetch", "--quiet", "--prune", "origin");
      const start = (await forge.findHead(repository, branch)) ?? (from === undefined ? undefined : await forge.findHead(repository, from));
      if (start === undefined) git("symbolic-ref", "HEAD", `refs/heads/${branch}`);
      else git("checkout", "--quiet", "--force", "-B", branch, start);
      for (const [file, text] of Object.entries(files)) {
        const path = join(clone, file);
        await mkdir(dirname(path), { recursive: true });
        if (text === null) rmSync(path);
        else writeFileSync(path, text);
      }
      git("add", "--all");
      git("commit", "--quiet", "--message", `change ${branch}`);
      git("push", "--quiet", "origin", `HEAD:refs/heads/${branch}`);
      return git("rev-parse", "HEAD");
    },
    async deleteBranch(branch) {
      git("push", "--quiet", "origin", `:refs/heads/${branch}`);
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
