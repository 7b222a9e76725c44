import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { createGit, gitEnvironment } from "../../../src/forge/git/git.ts";
import { findRef } from "../../../src/forge/git/ref-files.ts";
import { readRefs } from "../../../src/forge/git/refs.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";

let scratch: Awaited<ReturnType<typeof scratchDirectory>>;
let path: string;
let ids: readonly string[];
beforeEach(async () => {
  scratch = await scratchDirectory("flibs-refs-");
  path = join(scratch.path, "r.git");
  git("", "init", "--quiet", "--bare", path);
  ids = ["1", "2", "3"].map((text) => git(text, "hash-object", "-w", "--stdin"));
});
afterEach(() => scratch.remove());

function git(input: string, ...args: readonly string[]): string {
  return execFileSync("git", ["--git-dir", path, ...args], { input, encoding: "utf8", env: gitEnvironment() }).trim();
}
const set = (ref: string, id = "") => git("", "update-ref", ref, id);

/** As git itself tells it. */
async function expectAsGitSays(names: readonly string[]): Promise<void> {
  const said = await readRefs(createGit(), path, []);
  for (const name of [...names, ...said.keys()]) expect([name, await findRef(path, name)]).toEqual([name, said.get(name)]);
}

test("a ref is what git says: loose, packed, changed and deleted after it was packed, above and below others", async () => {
  const names = [
    "refs/other/main",
    "refs/other/a/b/c",
    "refs/other/a/b",
    "refs/other/a",
    "refs/flibs/pulls/1",
    "refs/other/mai",
    "refs/other/main2",
  ];
  await expectAsGitSays(names);
  const made = ["refs/other/main", "refs/other/a/b/c", "refs/flibs/pulls/1", "refs/other/main2", "refs/tags/v1"];
  for (const ref of made) set(ref, ids[0]);
  await expectAsGitSays(names);
  git("", "pack-refs", "--all");
  await expectAsGitSays(names);
  set("refs/flibs/pulls/1", ids[1]);
  set("refs/flibs/pulls/2", ids[2]);
  await expectAsGitSays(names);
  git("", "update-ref", "-d", "refs/flibs/pulls/1");
  git("", "update-ref", "-d", "refs/other/a/b/c");
  set("refs/other/a/b", ids[1]);
  await expectAsGitSays([...names, "refs/other/a/b/c", "refs/other/a"]);
  git("", "pack-refs", "--all", "--prune");
  await expectAsGitSays([...names, "refs/other/a/b/c", "refs/other/a"]);
});

test("a link leads to the ref that it names, and one that leads round leads nowhere", async () => {
  set("refs/other/main", ids[0]);
  git("", "symbolic-ref", "refs/other/stable", "refs/other/main");
  git("", "symbolic-ref", "refs/other/gone", "refs/other/nowhere");
  await expectAsGitSays(["refs/other/gone"]);
  expect(await findRef(path, "refs/other/stable")).toBe(ids[0]);
  git("", "pack-refs", "--all");
  expect(await findRef(path, "refs/other/stable")).toBe(ids[0]);
  for (const [from, to] of [
    ["x", "refs/other/y"],
    ["y", "refs/other/x"],
    ["out", "../../../secret"],
  ] as const) {
    writeFileSync(join(path, "refs/other", from), `ref: ${to}\n`);
    expect(await findRef(path, `refs/other/${from}`)).toBeUndefined();
  }
});

test("a tag or branch that is named as another ref does not pass for it", async () => {
  const asked = "refs/flibs/statuses/x";
  for (const where of ["refs/tags/", "refs/remotes/", "refs/"]) {
    set(`${where}${asked}`, ids[0]);
    // So git itself would do.
    expect(git("", "rev-parse", "--verify", asked)).toBe(ids[0]);
    expect(await findRef(path, asked)).toBeUndefined();
    git("", "update-ref", "-d", `${where}${asked}`);
  }
});

test("what a crash left is no ref, and no name leads to a file that is none", async () => {
  mkdirSync(join(path, "refs/other"), { recursive: true });
  for (const text of ["", "\0".repeat(41), "0123\n", `${ids[0]}x\n`]) {
    writeFileSync(join(path, "refs/other/broken"), text);
    expect(await findRef(path, "refs/other/broken")).toBeUndefined();
  }
  writeFileSync(join(path, "refs/other/made.lock"), `${ids[0]}\n`);
  writeFileSync(join(path, "secret"), `${ids[0]}\n`);
  for (const name of ["refs/other/made.lock", "refs/../secret", "secret", "refs//other", "refs/./x", "HEAD", "refs/x\0y", "refs", ""]) {
    expect(await findRef(path, name)).toBeUndefined();
  }
  expect(await findRef(join(scratch.path, "nowhere"), "refs/other/main")).toBeUndefined();
});

test("a list that is too long is not read, and refs that are kept in another way are told, not overlooked", async () => {
  appendFileSync(join(path, "packed-refs"), "");
  execFileSync("truncate", ["--size=65M", join(path, "packed-refs")]);
  await expect(findRef(path, "refs/heads/main")).rejects.toMatchObject({ code: "forge.output-too-large" });
  rmSync(join(path, "packed-refs"));
  mkdirSync(join(path, "reftable"));
  await expect(findRef(path, "refs/heads/main")).rejects.toMatchObject({
    code: "forge.git-failed",
    hint: expect.stringMatching(/migrate/),
  });
});
