import { execFileSync } from "node:child_process";
import { appError } from "../domain/errors.ts";

/** What the directory that a command was started in says about what to build, as `fedpkg container-build` reads it. */
export interface WorkingCopy {
  /** `namespace/name` from the origin's address. */
  readonly repository: string;
  readonly branch: string;
  readonly commit: string;
}

/** What the command line says beside: it wins over the clone. */
export interface Chosen {
  readonly branch?: string;
  readonly commit?: string;
}

/**
 * Refuses what fedpkg refuses, in its words: uncommitted changes and commits that were not pushed, since flibs builds from the forge. A commit
 * that is named is looked up there, so the clone may be in any state. Throws `cli.working-copy`.
 */
export function readWorkingCopy(directory: string, chosen: Chosen = {}): WorkingCopy {
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
  const branch = chosen.branch ?? git("symbolic-ref", "--short", "HEAD");
  if (branch === undefined) throw refuse("HEAD is detached, so no branch is known", "Check a branch out, or give --branch");
  if (chosen.commit !== undefined) return { repository: match[1], branch, commit: chosen.commit };
  if (git("status", "--porcelain", "--untracked-files=no"))
    throw refuse(`${directory} has uncommitted changes`, "Use git status to see details; commit and push them");
  // Named in full, so that no name can be read as an option.
  git("fetch", "--quiet", "origin", `+refs/heads/${branch}:refs/remotes/origin/${branch}`);
  const pushed = git("rev-parse", "--verify", `refs/remotes/origin/${branch}`);
  if (pushed === undefined) throw refuse(`origin has no branch ${branch}`, `Push it first: git push -u origin ${branch}`);
  if (pushed !== commit) {
    throw refuse(
      `There are unpushed changes in your repo: the head of ${branch} is not what origin has`,
      `Push them: git push origin ${branch}`,
    );
  }
  return { repository: match[1], branch, commit };
}
