import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createGit, type Git, gitEnvironment } from "../../../src/forge/git/git.ts";
import { mergesCleanly, tryMerge } from "../../../src/forge/git/merge.ts";
import { mirrorSources } from "../../../src/forge/git/mirror-sources.ts";
import { lackingCommits } from "../../../src/forge/git/objects.ts";
import { reaches } from "../../../src/forge/git/refs.ts";
import { gitSources } from "../../../src/forge/git/sources.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";

let scratch: Awaited<ReturnType<typeof scratchDirectory>>;
let git: Git;
let path: string;
let first: string;
let second: string;
let stranger: string;

beforeEach(async () => {
  scratch = await scratchDirectory("flibs-dying-git-");
  path = join(scratch.path, "r.git");
  const program = join(scratch.path, "git");
  const dies = '[ -e "$0-$3" ] && { rm "$0-$3"; echo "fatal: mmap failed: Cannot allocate memory" >&2; exit 128; }';
  await writeFile(program, `#!/bin/sh\n${dies}\nexec git "$@"\n`, { mode: 0o755 });
  git = createGit(program);
  plain("", "init", "--quiet", "--bare", path);
  const blob = plain("x", "hash-object", "-w", "--stdin");
  const images = plain(`100644 blob ${blob}\tcockpit.yaml\n`, "mktree");
  const gone = "a".repeat(40);
  const tree = plain(
    `040000 tree ${images}\timages\n100644 blob ${blob}\tpolicy.yaml\n160000 commit ${gone}\tsub\n`,
    "mktree",
    "--missing",
  );
  first = plain("", "commit-tree", tree, "-m", "first");
  second = plain("", "commit-tree", images, "-p", first, "-m", "second");
  stranger = plain("", "commit-tree", images, "-m", "of nobody");
});
afterEach(async () => {
  git.close();
  await scratch.remove();
});

function plain(input: string, ...args: readonly string[]): string {
  const who = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a" };
  return execFileSync("git", ["--git-dir", path, ...args], { input, encoding: "utf8", env: { ...gitEnvironment(), ...who } }).trim();
}
/** The next git of this command dies as it does of anything that it cannot go on with: with the code that also says "there is none". */
const dieOnce = (command: string) => writeFile(join(scratch.path, `git-${command}`), "");
const world = () => ({ git, holding: async () => path });
const died = { code: "forge.git-failed", message: expect.stringMatching(/mmap failed/) };

describe("a git that dies", () => {
  test.each(["", "images"])(
    "while the files of %p are listed lists none, and of a mirror they are listed by another one",
    async (directory) => {
      await dieOnce("ls-tree");
      await expect(gitSources(world()).listFiles("r", first, directory)).rejects.toMatchObject(died);
      await dieOnce("ls-tree");
      expect((await mirrorSources(world()).listFiles("r", first, directory)).map((file) => file.path)).toContain("images/cockpit.yaml");
    },
  );

  test("tells nothing of what reaches what", async () => {
    await dieOnce("merge-base");
    await expect(reaches(git, path, first, second)).rejects.toMatchObject(died);
    expect(await reaches(git, path, first, second)).toBe(true);
    expect(await reaches(git, path, second, first)).toBe(false);
    expect(await reaches(git, path, first, "f".repeat(40))).toBe(false);
  });

  test("tells nothing of a merge, which has conflicts or no common ancestor otherwise", async () => {
    for (const merge of [tryMerge, mergesCleanly]) {
      await dieOnce("merge-tree");
      await expect(merge(git, path, first, second)).rejects.toMatchObject(died);
    }
    expect(await mergesCleanly(git, path, first, second)).toBe(true);
    expect(await mergesCleanly(git, path, first, stranger)).toBe(false);
    expect(await tryMerge(git, path, first, stranger)).toEqual({ conflicts: [] });
  });

  test("lacks no commit, as a repository that is not there does", async () => {
    await dieOnce("cat-file");
    await expect(lackingCommits(git, path, [first])).rejects.toMatchObject(died);
    expect(await lackingCommits(git, path, [first])).toEqual([]);
    expect(await lackingCommits(git, join(scratch.path, "none.git"), [first])).toEqual([first]);
    expect(await lackingCommits(git, scratch.path, [first])).toEqual([first]);
  });
});

test("what is no directory, or is not there, has no files", async () => {
  const { listFiles } = gitSources(world());
  for (const directory of ["absent", "policy.yaml", "sub", "images/absent"]) expect(await listFiles("r", first, directory)).toEqual([]);
});

test("of a repository that was made anew under the reader's hands nothing is believed to be absent", async () => {
  rmSync(path, { recursive: true });
  plain("", "init", "--quiet", "--bare", path);
  const sources = gitSources(world());
  await expect(sources.listFiles("r", first, "images")).rejects.toMatchObject({ code: "forge.git-failed" });
  await expect(sources.listFiles("r", first, "")).rejects.toMatchObject({ code: "forge.git-failed" });
  await expect(sources.findFile("r", first, "policy.yaml")).rejects.toMatchObject({ code: "forge.git-failed" });
});
