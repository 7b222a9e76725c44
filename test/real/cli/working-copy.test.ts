import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { readWorkingCopy } from "../../../src/cli/checkout-of.ts";
import { type ScratchDirectory, scratchDirectory } from "../../support/scratch-directory.ts";

let scratch: ScratchDirectory;
let clone: string;
const git = (...args: string[]) => {
  const person = ["-c", "user.name=alice", "-c", "user.email=alice@example.test"];
  return execFileSync("git", ["-C", clone, ...person, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
};
const refused = (message: string, hint: string) => expect.objectContaining({ code: "cli.working-copy", message, hint });

beforeEach(async () => {
  scratch = await scratchDirectory();
  clone = join(scratch.path, "clone");
  const origin = join(scratch.path, "containers/hello.git");
  await mkdir(origin, { recursive: true });
  await mkdir(clone);
  execFileSync("git", ["init", "--quiet", "--bare", origin]);
  git("init", "--quiet", "--initial-branch", "f42");
  git("remote", "add", "origin", origin);
  await writeFile(join(clone, "Dockerfile"), "FROM scratch\n");
  git("add", ".");
  git("commit", "--quiet", "--message", "one");
  git("push", "--quiet", "origin", "f42");
});
afterEach(() => scratch.remove());

test("what is committed and pushed is built: repository, branch, commit", () => {
  const commit = git("rev-parse", "HEAD");
  expect(readWorkingCopy(clone)).toEqual({ repository: "containers/hello", branch: "f42", commit });
  expect(readWorkingCopy(clone, { commit: "d".repeat(40) })).toMatchObject({ branch: "f42", commit: "d".repeat(40) });
});

test("files that git does not know keep nothing back, changes do", async () => {
  await writeFile(join(clone, "notes"), "x");
  expect(readWorkingCopy(clone)).toMatchObject({ branch: "f42" });
  await writeFile(join(clone, "Dockerfile"), "FROM scratch\nLABEL a=b\n");
  expect(() => readWorkingCopy(clone)).toThrow(
    refused(`${clone} has uncommitted changes`, "Use git status to see details; commit and push them"),
  );
  git("add", ".");
  expect(() => readWorkingCopy(clone)).toThrow(expect.objectContaining({ message: `${clone} has uncommitted changes` }));
  git("commit", "--quiet", "--message", "two");
  expect(() => readWorkingCopy(clone)).toThrow(
    refused("There are unpushed changes in your repo: the head of f42 is not what origin has", "Push them: git push origin f42"),
  );
  git("push", "--quiet", "origin", "f42");
  expect(readWorkingCopy(clone)).toMatchObject({ commit: git("rev-parse", "HEAD") });
});

test("somebody else's push is unpushed work of ours no less: the clone has to be brought up to date", () => {
  const before = git("rev-parse", "HEAD");
  git("commit", "--quiet", "--allow-empty", "--message", "two");
  git("push", "--quiet", "origin", "f42");
  git("reset", "--quiet", "--hard", before);
  expect(() => readWorkingCopy(clone)).toThrow(/^There are unpushed changes in your repo/);
});

test("a branch that was never pushed, a detached head, and no clone at all say what to do", () => {
  git("checkout", "--quiet", "-b", "f43");
  expect(() => readWorkingCopy(clone)).toThrow(refused("origin has no branch f43", "Push it first: git push -u origin f43"));
  // The branch that is named is the one that counts.
  expect(readWorkingCopy(clone, { branch: "f42" })).toMatchObject({ branch: "f42" });
  git("checkout", "--quiet", "--detach");
  expect(() => readWorkingCopy(clone)).toThrow(refused("HEAD is detached, so no branch is known", "Check a branch out, or give --branch"));
  expect(readWorkingCopy(clone, { branch: "f42" })).toMatchObject({ branch: "f42" });
  git("remote", "remove", "origin");
  const name = "Name what to build: flibs container-build <namespace>/<name>";
  expect(() => readWorkingCopy(clone)).toThrow(refused(`${clone} has no remote "origin" to tell its repository`, name));
  expect(() => readWorkingCopy(scratch.path)).toThrow(refused(`${scratch.path} is not a git repository with a commit`, name));
});

test("a branch that looks like an option is only a name", () => {
  expect(() => readWorkingCopy(clone, { branch: "--upload-pack=touch /tmp/x" })).toThrow(/^origin has no branch/);
});
