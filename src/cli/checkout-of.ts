import { execFileSync } from "node:child_process";
import { appError } from "../domain/errors.ts";

/** What the directory that a command was started in says about what to build, as `fedpkg container-build` reads it. */
export interface WorkingCopy {
  /** `namespace/name` from the origin's address. */
  readonly repository: string;
  readonly branch: string;
  readonly commit: string;
}

/**
 * Refuses what fedpkg refuses: uncommitted changes and commits that were not pushed, since flibs builds from the forge. Throws
 * `cli.working-copy`.
 */
export function readWorkingCopy(directory: string): WorkingCopy {
  const refuse = (message: string, hint: string) => appError("cli.working-copy", message, { hint });
  const name = "Name what to build: flibs container-build <namespace>/<name>";
  const git = (...args: string[]): string | undefined => {
    try {
      return execFileSync("git", ["-C", directory, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    } catch {
      return undefined;
    }
  };
  const commit = git("rev-parse", "--verify", "HEAD");
  if (commit === undefined) throw refuse(`${directory} is not a git repository with a commit`, name);
  const match = /([^/:]+\/[^/:]+?)(?:\.git)?\/?$/.exec(git("remote", "get-url", "origin") ?? "");
  if (!match?.[1]) throw refuse(`${directory} has no remote "origin" to tell its repository`, name);
  const branch = git("symbolic-ref", "--short", "HEAD");
  if (branch === undefined) throw refuse("HEAD is detached, so no branch is known", "Check a branch out, or give --branch and --commit");
  if (git("status", "--porcelain", "--untracked-files=no")) throw refuse("there are uncommitted changes", "Commit and push them first");
  git("fetch", "--quiet", "origin", branch);
  if (git("rev-parse", "--verify", `refs/remotes/origin/${branch}`) !== commit) {
    throw refuse(`the head of ${branch} is not what origin has`, `Push it first: git push origin ${branch}`);
  }
  return { repository: match[1], branch, commit };
}
