import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { createGit } from "../../../src/forge/git/git.ts";
import { openMirrors } from "../../../src/forge/git/mirror.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";

const repository = "containers/hello";
const maxBytes = 200_000;
let scratch: Awaited<ReturnType<typeof scratchDirectory>>;
beforeEach(async () => {
  scratch = await scratchDirectory("flibs-mirror-");
  git("init", "--quiet", "--bare", ".");
});
afterEach(() => scratch.remove());

const server = () => join(scratch.path, "server");
const identity = { name: "alice", email: "alice@example.org" };
function git(...args: readonly string[]): string {
  const env = { ...process.env, GIT_AUTHOR_NAME: identity.name, GIT_AUTHOR_EMAIL: identity.email };
  return run(args, { ...env, GIT_COMMITTER_NAME: identity.name, GIT_COMMITTER_EMAIL: identity.email });
}
function run(args: readonly string[], env: NodeJS.ProcessEnv, input?: Buffer): string {
  const where = join(server(), `${repository}.git`);
  execFileSync("mkdir", ["-p", where]);
  return execFileSync("git", ["-C", where, ...args], { env, encoding: "utf8", input: input ?? "" }).trim();
}
/** A commit with one file, on a ref. */
function commit(ref: string, content: Buffer, ...parents: readonly string[]): string {
  const blob = run(["hash-object", "-w", "--stdin"], process.env, content);
  const tree = run(["mktree"], process.env, Buffer.from(`100644 blob ${blob}\tfile\n`));
  const made = git("commit-tree", tree, "-m", ref, ...parents.flatMap((one) => ["-p", one]));
  git("update-ref", ref, made);
  return made;
}
const mirrors = (program = "git", refs: readonly string[] | undefined = ["refs/heads/*", "refs/pull/*"]) =>
  openMirrors({
    ...{
      git: createGit(program),
      directory: join(scratch.path, "mirrors"),
      server: pathToFileURL(server()).href,
      maxBytes,
      timeoutMs: 60_000,
    },
    ...(refs && { refs }),
  });
/** A git whose calls are written down. */
async function watchedGit() {
  const [program, calls] = [join(scratch.path, "git"), join(scratch.path, "calls")];
  await writeFile(program, `#!/bin/sh\nprintf '%s\\n' "$*" >> '${calls}'\nexec git "$@"\n`, { mode: 0o755 });
  const count = (word: string) =>
    readFileSync(calls, "utf8")
      .split("\n")
      .filter((line) => line.includes(word)).length;
  return { program, count };
}

test("a stranger's huge pull request stops neither branches nor other pull requests", async () => {
  const main = commit("refs/heads/main", Buffer.from("1"));
  const huge = commit("refs/pull/1/head", randomBytes(2 * maxBytes), main);
  const small = commit("refs/pull/2/head", Buffer.from("2"), main);
  const { holding } = mirrors();
  await holding(repository, [main]);
  await holding(repository, [main, small]);
  // Its own is told as too large.
  await expect(holding(repository, [huge])).rejects.toMatchObject({ code: "forge.tree-too-large" });
  // What is not there yet is asked for again by whoever waits for it.
  await expect(holding(repository, ["f".repeat(40)])).rejects.toMatchObject({ code: "forge.commit-unknown" });
});

test("a server that hands out nothing by its id gives pull requests by their refs", async () => {
  const main = commit("refs/heads/main", Buffer.from("1"));
  const old = commit("refs/pull/1/head", Buffer.from("2"), main);
  commit("refs/pull/1/head", Buffer.from("3"), old);
  // The first protocol refuses what no ref ends with.
  const program = join(scratch.path, "git");
  await writeFile(program, '#!/bin/sh\nexec git -c protocol.version=0 "$@"\n', { mode: 0o755 });
  const { holding, git: mirrored } = mirrors(program);
  const path = await holding(repository, [old]);
  const { text } = await mirrored.run(path, ["for-each-ref", "--format=%(refname)"]);
  expect(text.trim().split("\n")).toEqual([`refs/flibs/seen/${old}`, "refs/flibs/there/heads/main", "refs/flibs/there/pull/1/head"]);
  await expect(holding(repository, ["f".repeat(40)])).rejects.toMatchObject({ code: "forge.commit-unknown" });
});

test.each([
  ["by refs", ["refs/heads/*", "refs/pull/*"]],
  ["by ids", undefined],
] as const)("what is too large to be fetched is fetched once, and hides nothing that is asked for with it: %s", async (_, refs) => {
  const main = commit("refs/heads/main", Buffer.from("1"));
  const huge = commit("refs/pull/1/head", randomBytes(2 * maxBytes), main);
  const small = commit("refs/pull/2/head", Buffer.from("2"), main);
  const { program, count } = await watchedGit();
  const { holding } = mirrors(program, refs);
  const tooLarge = { code: "forge.tree-too-large" };
  await expect(holding(repository, [huge, main, small])).rejects.toMatchObject(tooLarge);
  const before = count(" fetch ");
  await holding(repository, [main, small]);
  await expect(holding(repository, [main, huge])).rejects.toMatchObject(tooLarge);
  expect(count(" fetch ")).toBe(before);
  const later = commit("refs/pull/3/head", Buffer.from("3"), main);
  await expect(holding(repository, [huge, later])).rejects.toMatchObject(tooLarge);
  await holding(repository, [later]);
});
