import { join } from "node:path";
import { appError } from "../../domain/errors.ts";

/** Everything that becomes part of a path or a git argument is looked at here first. */
const part = /^[A-Za-z0-9_][A-Za-z0-9._+-]{0,99}$/;

export function isRepositoryName(name: string): boolean {
  const parts = name.split("/");
  return parts.length === 2 && parts.every((one) => part.test(one) && !one.includes("..") && !/\.(git|lock)$/i.test(one));
}

/** Directory of the bare repository; throws `forge.name-invalid`. */
export function repositoryPath(directory: string, name: string): string {
  if (!isRepositoryName(name)) {
    throw appError("forge.name-invalid", `"${name.slice(0, 200)}" is no repository name`, {
      hint: "Write <namespace>/<name> with letters, digits and . _ + -",
    });
  }
  return join(directory, `${name}.git`);
}

/** Source specification: git-check-ref-format(1), for a branch below refs/heads/. */
export function isBranchName(branch: string): boolean {
  if (branch.length === 0 || branch.length > 200 || branch.startsWith("-") || branch === "@" || branch === "HEAD") return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{/.test(branch)) return false;
  return branch.split("/").every((one) => one !== "" && !one.startsWith(".") && !one.endsWith(".") && !one.endsWith(".lock"));
}

/** Returns its argument or throws `forge.name-invalid`. */
export function checkBranch(branch: string): string {
  if (isBranchName(branch)) return branch;
  throw appError("forge.name-invalid", `"${branch.slice(0, 200)}" is no branch name`, { hint: "See git check-ref-format" });
}

export function isCommitId(text: string): boolean {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/** Returns its argument or throws `forge.commit-unknown`. */
export function checkCommit(commit: string): string {
  if (isCommitId(commit)) return commit;
  throw appError("forge.commit-unknown", `"${commit.slice(0, 100)}" is no full commit id`);
}

/** A path that a checkout may write or a proposal may hold: relative, without `.`, `..`, `.git` and NUL, no part over the 255 bytes that file systems take. */
export function isTreePath(path: string): boolean {
  if (path.length === 0 || path.length > 4096 || path.includes("\0") || path.includes("\ufffd")) return false;
  return path
    .split("/")
    .every((one) => one !== "" && one !== "." && one !== ".." && one.toLowerCase() !== ".git" && Buffer.byteLength(one) <= 255);
}
