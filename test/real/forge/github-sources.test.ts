import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { githubForgeWorld } from "../../support/github-forge.ts";

let world: Awaited<ReturnType<typeof githubForgeWorld>>;
beforeEach(async () => {
  world = await githubForgeWorld();
});
afterEach(() => world.close());

const mirrorOf = () => join(world.scratch, "state", "mirrors", `${world.repository}.git`);
const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();

describe("what is read of a GitHub repository", () => {
  test("is byte for byte what was committed, whatever its attributes ask of an archive", async () => {
    const { forge, bob, repository, scratch } = world;
    const commit = await bob.push(repository, "main", {
      ...{
        ".gitattributes": "secret export-ignore\nversion export-subst\n*.txt text eol=crlf\n",
        secret: "kept\n",
        version: "$Format:%H$\n",
      },
      ...{ "a.txt": "one\n", run: { text: "#!/bin/sh\n", executable: true }, link: { link: "a.txt" } },
    });
    const directory = join(scratch, "tree");
    await forge.checkout(repository, commit, directory, 1_000_000);
    expect(readdirSync(directory).sort()).toEqual([".gitattributes", "a.txt", "link", "run", "secret", "version"]);
    expect(readFileSync(join(directory, "version"), "utf8")).toBe("$Format:%H$\n");
    expect(readFileSync(join(directory, "a.txt"), "utf8")).toBe("one\n");
    expect(readlinkSync(join(directory, "link"))).toBe("a.txt");
    expect(statSync(join(directory, "run")).mode & 0o111).not.toBe(0);
  });

  test("is fetched once, and again after the mirror was thrown away", async () => {
    const { forge, person, repository, github } = world;
    const commit = await person.commit("main", { a: "1\n" });
    expect(text(await forge.findFile(repository, commit, "a"))).toBe("1\n");
    github.faults.next("*", "503-before", { times: 20 });
    expect(text(await forge.findFile(repository, commit, "a"))).toBe("1\n");
    github.faults.clear();
    rmSync(mirrorOf(), { recursive: true });
    expect(text(await forge.findFile(repository, commit, "a"))).toBe("1\n");
  });

  test("can be a commit that a force push left without a branch", async () => {
    const { forge, bob, repository } = world;
    await bob.push(repository, "main", { a: "1\n" });
    const lost = await bob.push(repository, "main", { a: "2\n" });
    await bob.push(repository, "main", { a: "3\n" }, { force: true, orphan: true });
    expect(text(await forge.findFile(repository, lost, "a"))).toBe("2\n");
  });

  test("is fetched by several callers and processes at the same time", async () => {
    const { person, repository, openForge } = world;
    const commits = [await person.commit("main", { a: "1\n" }), await person.commit("main", { a: "2\n" })];
    const forges = [world.forge, openForge(), openForge()];
    const reads = forges.flatMap((forge) => commits.map((commit) => forge.findFile(repository, commit, "a")));
    expect((await Promise.all(reads)).map(text)).toEqual(forges.flatMap(() => ["1\n", "2\n"]));
  });

  test("is fetched where a process was killed, or is at it, in the middle of making the mirror", async () => {
    const { forge, person, repository } = world;
    const commit = await person.commit("main", { a: "1\n" });
    mkdirSync(mirrorOf(), { recursive: true });
    // As git init has them for a moment.
    for (const file of ["HEAD", "config.lock"]) writeFileSync(join(mirrorOf(), file), "");
    expect(text(await forge.findFile(repository, commit, "a"))).toBe("1\n");
    expect(readdirSync(dirname(mirrorOf())).filter((name) => /\.(new|old)-/.test(name))).toEqual([]);
  });

  test("stays readable when the mirror is packed after many fetches", async () => {
    const { forge, person, repository } = world;
    const commits: string[] = [];
    for (let i = 0; i < 43; i++) {
      commits.push(await person.commit("main", { a: `${i}\n` }));
      await forge.findFile(repository, commits[i] ?? "", "a");
    }
    expect(readdirSync(join(mirrorOf(), "objects", "pack")).filter((name) => name.endsWith(".pack")).length).toBeLessThan(10);
    expect(text(await forge.findFile(repository, commits[0] ?? "", "a"))).toBe("0\n");
  });
});

describe("fetching from GitHub", () => {
  test("uses a token that can read the contents of this one repository, and leaves it nowhere", async () => {
    const { forge, person, repository, github } = world;
    await forge.findFile(repository, await person.commit("main", { a: "1\n" }), "a");
    expect(github.violations).toEqual([]);
    const config = execFileSync("git", ["--git-dir", mirrorOf(), "config", "--list", "--local"], { encoding: "utf8" });
    expect(config).not.toMatch(/ghs_|authorization|remote\./i);
    expect(existsSync(join(mirrorOf(), "FETCH_HEAD"))).toBe(false);
  });

  test("of a history larger than the limit is an error of the repository", async () => {
    const { bob, repository, openForge } = world;
    const commit = await bob.push(repository, "main", { big: randomBytes(3_000_000) });
    const forge = openForge({ maxMirrorBytes: 2 ** 20 });
    await expect(forge.findFile(repository, commit, "big")).rejects.toMatchObject({
      code: "forge.tree-too-large",
      message: `the history of ${repository} is larger than 1.0 MiB`,
    });
    expect(readdirSync(join(mirrorOf(), "objects", "pack"))).toEqual([]);
  });

  test("that cannot reach the server is tried again later", async () => {
    const { person, repository, openForge } = world;
    const commit = await person.commit("main", { a: "1\n" });
    const forge = openForge({ git: "/nonexistent/git" });
    await expect(forge.findFile(repository, commit, "a")).rejects.toMatchObject({ code: "forge.git-failed" });
    world.github.faults.next("*", "503-before", { times: 5 });
    await expect(world.forge.findFile(repository, commit, "a")).rejects.toMatchObject({ kind: "transient" });
  });
});

describe("a repository of GitHub", () => {
  test("that is not among the installation's says how to add it, and one of a stranger how to install the App", async () => {
    const { forge, github } = world;
    const commit = "a".repeat(40);
    await expect(forge.findFile("containers/unknown", commit, "a")).rejects.toMatchObject({
      code: "forge.repository-unknown",
      hint: expect.stringContaining("add the repository at http"),
    });
    github.organisation("elsewhere");
    await github.createRepository("elsewhere/thing");
    await expect(forge.findFile("elsewhere/thing", commit, "a")).rejects.toMatchObject({
      code: "forge.app-not-installed",
      hint: "Install the App for elsewhere, for all repositories or for elsewhere/thing",
    });
    for (const name of ["../etc/passwd", "a/b/c", "containers/..", "containers/x?y"]) {
      await expect(forge.findFile(name, commit, "a")).rejects.toMatchObject({ code: "forge.name-invalid" });
      expect(await forge.findHead(name, "main")).toBeUndefined();
    }
  });
});
