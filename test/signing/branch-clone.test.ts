import { chownSync, readdirSync, statSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { branchClone } from "../../src/forge/git/branch-clone.ts";
import { createGit } from "../../src/forge/git/git.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";

const git = createGit();
let scratch: ScratchDirectory;
let origin: string;
let directory: string;
beforeEach(async () => {
  scratch = await scratchDirectory();
  origin = join(scratch.path, "origin.git");
  directory = join(scratch.path, "state", "clone.git");
  await git.run(origin, ["init", "--quiet", "--bare", "--template="]);
});
afterEach(() => scratch.remove());

const open = () => branchClone({ url: origin, branch: "main", directory, timeoutMs: 20_000 });

/** The next commit of main, with one file. */
async function commit(text: string): Promise<string> {
  const blob = (await git.run(origin, ["hash-object", "-w", "--stdin"], { input: text })).text.trim();
  const tree = (await git.run(origin, ["mktree"], { input: `100644 blob ${blob}\tfile\n` })).text.trim();
  const before = (await git.run(origin, ["rev-parse", "--verify", "--quiet", "refs/heads/main"], { exits: [0, 1] })).text.trim();
  const env = Object.fromEntries(["AUTHOR", "COMMITTER"].flatMap((who) => ["NAME", "EMAIL"].map((what) => [`GIT_${who}_${what}`, "a"])));
  const args = ["commit-tree", tree, "-m", text, ...(before === "" ? [] : ["-p", before])];
  const made = (await git.run(origin, args, { env })).text.trim();
  await git.run(origin, ["update-ref", "refs/heads/main", made]);
  return made;
}

test("a head is what stands there now, and its files and history are read", async () => {
  const first = await commit("one");
  const clone = open();
  expect(await clone.findHead("", "main")).toBe(first);
  const second = await commit("two");
  expect(await clone.findHead("", "main")).toBe(second);
  expect(Buffer.from((await clone.findFile("", first, "file")) ?? []).toString()).toBe("one");
  expect([await clone.isAncestor("", first, second), await clone.isAncestor("", second, first)]).toEqual([true, false]);
});

test("many who ask at once, while the branch goes on, all get a head that was there after they asked", async () => {
  const clone = open();
  for (let round = 0; round < 3; round += 1) {
    const head = await commit(`round ${round}`);
    expect(await Promise.all(Array.from({ length: 8 }, () => clone.findHead("", "main")))).toEqual(Array(8).fill(head));
  }
});

test("what a killed git left behind holds nobody up", async () => {
  await commit("one");
  await open().findHead("", "main");
  for (const name of ["config.lock", "HEAD.lock", "packed-refs.lock", "shallow.lock", "refs/flibs/head.lock"]) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), "");
  }
  const second = await commit("two");
  expect(await open().findHead("", "main")).toBe(second);
});

test("an address that is away is transient, and a head of before is not told in its place", async () => {
  await commit("one");
  const clone = open();
  await clone.findHead("", "main");
  await git.run(origin, ["update-ref", "-d", "refs/heads/main"]);
  await expect(clone.findHead("", "main")).rejects.toMatchObject({ code: "forge.unreachable", kind: "transient" });
});

/** Only root can give files away; everybody else reads what is somebody else's as it is. */
const asRoot = process.getuid?.() === 0 ? test : test.skip;
asRoot("a repository on this machine that belongs to another user, as the service's does, is fetched", async () => {
  const head = await commit("one");
  const given = (path: string): void => {
    chownSync(path, 65534, 65534);
    if (statSync(path).isDirectory()) for (const name of readdirSync(path)) given(join(path, name));
  };
  given(origin);
  expect(await open().findHead("", "main")).toBe(head);
});
