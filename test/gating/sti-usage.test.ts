import { execFile } from "node:child_process";
import { chmod, mkdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { removeTree } from "../../src/builds/workspace/remove-tree.ts";
import { collectArtifacts } from "../../src/gating/sti/collect-artifacts.ts";
import { findDiskProblem, findLostRoom, unlockDirectory } from "../../src/gating/sti/look-at-disk.ts";
import { memoryOf } from "../../src/gating/sti/look-at-processes.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";

/** Deeper than a path can be long: each step goes from the directory before it. */
async function makeDeep(directory: string): Promise<void> {
  const script =
    "import os,sys\nos.chdir(sys.argv[1])\nfor i in range(30):\n os.mkdir('d'*200)\n os.chdir('d'*200)\nopen('hidden','w').write('x')";
  await promisify(execFile)("python3", ["-c", script, directory]);
}

test("what is deeper than a path can be is no hiding place, and can be removed", async () => {
  await using scratch = await scratchDirectory();
  const at = join(scratch.path, "work");
  await mkdir(at);
  expect(await findDiskProblem(at)).toBeUndefined();
  await makeDeep(at);
  expect(await findDiskProblem(at)).toBe("it made files that cannot be looked at");
  await removeTree(at);
  await removeTree(at);
});

test("what goes from the file system beyond the suite's limit and four GiB of others is too much, and the words say whose it may be", () => {
  const limit = 256 * 2 ** 20 + 4 * 2 ** 30;
  expect([findLostRoom(limit, 0), findLostRoom(0, 2 ** 40)]).toEqual([undefined, undefined]);
  expect(findLostRoom(limit + 2 ** 28, 0)).toBe(
    "while it ran, 4.5 GiB went from the file system of its workspace, by whomever; it may take 256.0 MiB",
  );
});

test("a locked directory is opened, a link that came into its place is not followed", async () => {
  await using scratch = await scratchDirectory();
  const [at, other] = [join(scratch.path, "locked"), join(scratch.path, "other")];
  await mkdir(at);
  await mkdir(join(other, "inner"), { recursive: true });
  for (const path of [at, join(other, "inner"), other]) await chmod(path, 0);
  await unlockDirectory(Buffer.from(at));
  expect((await stat(at)).mode & 0o777).toBe(0o700);
  await symlink("other", join(scratch.path, "link"));
  for (const path of ["link", "link/inner"]) {
    await expect(unlockDirectory(Buffer.from(join(scratch.path, path)))).rejects.toThrow();
  }
  expect((await stat(other)).mode & 0o777).toBe(0);
});

test("memory is what is resident, swapped out, huge, or a table of pages; a name in the same file is none of it", () => {
  const status =
    "Name:\tVmRSS:\t9 kB\nVmPeak:\t  9999 kB\nVmRSS:\t    10 kB\nVmPTE:\t     1 kB\nVmSwap:\t     5 kB\nHugetlbPages:\t       4 kB\n";
  expect(memoryOf(status)).toBe(20 * 1024);
  expect(memoryOf("")).toBe(0);
});

test("bytes, files and depth are counted, also below names that are no text", async () => {
  await using scratch = await scratchDirectory();
  expect(await findDiskProblem(scratch.path, 2 ** 28)).toBeUndefined();
  expect(await findDiskProblem(scratch.path, 2 ** 28 + 1)).toBe("it wrote more than 256.0 MiB");
  const odd = Buffer.concat([Buffer.from(`${scratch.path}/`), Buffer.from([0xe9])]);
  await mkdir(odd);
  await writeFile(Buffer.concat([odd, Buffer.from("/x")]), "x");
  expect(await findDiskProblem(scratch.path, 256 * 2 ** 20)).toBe("it wrote more than 256.0 MiB");
  await mkdir(join(scratch.path, Array(45).fill("d").join("/")), { recursive: true });
  expect(await findDiskProblem(scratch.path)).toBe("it made directories more than 40 deep");
});

test("artifacts: so many and no more, and what stays behind is told in one harmless line each", async () => {
  await using scratch = await scratchDirectory();
  const [from, to] = [join(scratch.path, "from"), join(scratch.path, "to")];
  await mkdir(from);
  await mkdir(to);
  for (let index = 0; index < 205; index++) await writeFile(join(from, `${index}.log`), "x");
  await writeFile(join(from, "test.log"), "x");
  await writeFile(join(from, "a\nb\u202ec"), "x");
  await symlink("/etc", join(from, "etc"));
  await mkdir(join(from, "locked"));
  await chmod(join(from, "locked"), 0);
  const { files, left, placeOf } = await collectArtifacts(from, to, ["7.log"]);
  expect(files).toHaveLength(200);
  expect(left).toContain('"etc" is a symbolic link');
  expect(left).toContain('"a\\nb?c" has a name with control characters');
  expect(left).toContain('"7.log" has a name that is flibs\' own');
  expect([placeOf("etc/passwd"), placeOf("etc"), placeOf("1.log"), placeOf("absent")]).toEqual(["link", "link", "file", "absent"]);
});
