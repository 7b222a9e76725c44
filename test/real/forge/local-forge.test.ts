import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { RawDelivery } from "../../../src/forge/forge.ts";
import { gitAsBob, hookSecret, localForgeWorld } from "../../support/local-forge.ts";

let world: Awaited<ReturnType<typeof localForgeWorld>>;
beforeEach(async () => {
  world = await localForgeWorld();
});
afterEach(() => world.close());

describe("the hook", () => {
  let server: Server;
  let heard: RawDelivery[];
  let answer: number | "never";
  beforeEach(async () => {
    heard = [];
    answer = 202;
    world.git("symbolic-ref", "HEAD", "refs/heads/main");
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      heard.push({ headers: { ...(request.headers as Record<string, string>), path: request.url ?? "" }, body: Buffer.concat(chunks) });
      if (answer !== "never") response.writeHead(answer).end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    writeFileSync(join(world.scratch, "secret"), `${hookSecret}\n`, { mode: 0o600 });
    await world.forge.setHookAddress(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { file: join(world.scratch, "secret") });
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });

  /** This process goes on serving meanwhile. */
  async function push(...refs: string[]): Promise<{ status: number | null; said: string; ms: number }> {
    const { spawn } = await import("node:child_process");
    const started = performance.now();
    const child = spawn("git", ["push", "origin", ...refs], {
      cwd: world.clone,
      env: { PATH: process.env.PATH, HOME: "/nonexistent", LC_ALL: "C" },
    });
    let said = "";
    child.stderr.on("data", (chunk) => {
      said += String(chunk);
    });
    const [status] = (await once(child, "close")) as [number | null];
    return { status, said, ms: performance.now() - started };
  }
  function commit(text: string): string {
    writeFileSync(join(world.clone, "a"), text);
    world.git("add", "--all");
    world.git("commit", "--quiet", "--message", text);
    return world.git("rev-parse", "HEAD");
  }

  test("a push is told in a signed delivery that the forge itself believes", async () => {
    const after = commit("one");
    const { status, said } = await push("HEAD:refs/heads/main", "HEAD:refs/heads/f40");
    expect([status, said.includes("flibs is not reachable")]).toEqual([0, false]);
    expect(heard).toHaveLength(1);
    const [delivery] = heard as [RawDelivery];
    expect(delivery.headers.path).toBe("/hooks/local");
    expect(world.forge.verifyDelivery(delivery)).toBe(delivery.headers["x-flibs-delivery"]);
    expect(await world.forge.parseDelivery(delivery)).toEqual(
      ["main", "f40"].map((branch) => expect.objectContaining({ kind: "branch-pushed", repository: world.repository, branch, after })),
    );
  });

  test("a push that merges a pull request by hand says so, and so does one that updates it", async () => {
    commit("one");
    await push("HEAD:refs/heads/main");
    commit("two");
    await push("HEAD:refs/heads/topic");
    const number = await world.person.openPull("topic", "main", "Two");
    const head = commit("three");
    await push("HEAD:refs/heads/topic");
    // As `git gc` does: the records are in the list of refs only.
    gitAsBob(world.bare, "pack-refs", "--all");
    rmSync(join(world.bare, "refs/flibs/pulls"), { recursive: true, force: true });
    await push("HEAD:refs/heads/main");
    const events = (await Promise.all(heard.map((one) => world.forge.parseDelivery(one))))
      .flat()
      .filter((event) => event.kind.startsWith("pull-"));
    expect(events).toMatchObject([
      { kind: "pull-opened", number, actor: "bob" },
      { kind: "pull-updated", number, head },
      { kind: "pull-merged", number, base: "main", mergeCommit: head },
    ]);
    expect(await world.forge.findPull(world.repository, number)).toMatchObject({ state: "merged", mergeCommit: head });
  });

  test.each(["answers with an error", "does not answer", "is not there"])("a flibs that %s does not stop a push", async (what) => {
    answer = what === "does not answer" ? "never" : 503;
    if (what === "is not there") await world.forge.setHookAddress("http://127.0.0.1:9", { file: join(world.scratch, "secret") });
    const after = commit("one");
    const { status, said, ms } = await push("HEAD:refs/heads/main");
    expect(status).toBe(0);
    expect(said).toContain("remote: flibs is not reachable; the sweep will find this push");
    expect(ms).toBeLessThan(15_000);
    expect((await world.forge.changesSince(undefined)).events).toMatchObject([{ kind: "branch-pushed", branch: "main", after }]);
  });

  test("neither the hook nor its address holds the secret", () => {
    const hook = readFileSync(join(world.bare, "hooks/post-receive"), "utf8");
    const address = readFileSync(join(world.directory, "flibs-hook.json"), "utf8");
    expect(`${hook}${address}`).not.toContain(hookSecret);
  });
});

describe("records below refs/flibs", () => {
  async function open(): Promise<number> {
    await world.person.commit("main", { a: "1" });
    await world.person.commit("topic", { b: "1" }, "main");
    return world.person.openPull("topic", "main", "Add b");
  }

  test("can't be pushed or deleted by people, and an ordinary clone has none of them", async () => {
    const number = await open();
    for (const ref of [`HEAD:refs/flibs/pulls/${number}`, `:refs/flibs/pulls/${number}`, "HEAD:refs/flibs/proposals/x"]) {
      expect(() => world.git("push", "--force", "origin", ref)).toThrow(/deny updating a hidden ref|remote rejected/);
    }
    expect(world.git("for-each-ref", "refs/flibs", "refs/remotes")).not.toContain("refs/flibs");
    expect(await world.forge.findPull(world.repository, number)).toMatchObject({ state: "open" });
  });

  test("git clone --mirror is a whole backup", async () => {
    const number = await open();
    await world.forge.ensureComment(world.repository, number, "k", "kept");
    const other = join(world.directory, "containers", "copy.git");
    gitAsBob(world.scratch, "clone", "--quiet", "--mirror", world.bare, other);
    expect(await world.forge.listComments("containers/copy", number)).toMatchObject([{ text: "kept", author: "flibs" }]);
  });

  test("comments written at the same moment are all kept", async () => {
    const number = await open();
    const texts = ["1", "2", "3", "4", "5", "6"];
    await Promise.all(texts.map((text) => world.forge.addComment(world.repository, number, "bob", text)));
    expect((await world.forge.listComments(world.repository, number)).map((one) => one.text).sort()).toEqual(texts);
  });

  test("a pull request whose branch was deleted unmerged is closed, and its commits outlive a clean-up of git", async () => {
    const number = await open();
    const head = await world.forge.findHead(world.repository, "topic");
    await world.person.deleteBranch("topic");
    gitAsBob(world.bare, "-c", "safe.directory=*", "gc", "--quiet", "--prune=now");
    expect(await world.forge.findPull(world.repository, number)).toMatchObject({ state: "closed", head });
    expect(await world.forge.listFiles(world.repository, head ?? "", "")).toHaveLength(2);
  });

  test("a merge is a merge commit that names the pull request and its author; a second merge is refused", async () => {
    const number = await open();
    const mergeCommit = await world.person.merge(number);
    world.git("fetch", "--quiet");
    expect(world.git("log", "-1", "--format=%an|%P|%s", mergeCommit)).toMatch(
      /^bob\|[0-9a-f]{40} [0-9a-f]{40}\|Merge pull request #1 from topic$/,
    );
    await expect(world.person.merge(number)).rejects.toMatchObject({ code: "forge.pull-closed" });
    await expect(world.person.close(number)).rejects.toMatchObject({ code: "forge.pull-closed" });
  });

  test("a conflict is refused and names the file", async () => {
    const number = await open();
    await world.person.commit("main", { b: "else" });
    await expect(world.person.merge(number)).rejects.toMatchObject({
      code: "forge.pull-unmergeable",
      message: expect.stringContaining("conflicts in b"),
    });
  });

  test("nobody speaks as flibs", async () => {
    const number = await open();
    await expect(world.forge.addComment(world.repository, number, "flibs", "x")).rejects.toMatchObject({ code: "forge.denied" });
    expect(await world.forge.findPermission(world.repository, "alice")).toBe("admin");
    expect(await world.forge.findPermission(world.repository, "bob")).toBe("write");
    expect(await world.forge.findPermission(world.repository, "-- x")).toBe("read");
    expect(await world.forge.findPermission("containers/none", "alice")).toBe("none");
  });
});

test("a pull request is merged only as it was looked at", async () => {
  await world.person.commit("main", { a: "1" });
  const seen = await world.person.commit("topic", { b: "1" }, "main");
  const { number } = await world.forge.openPull({
    ...{ repository: world.repository, headBranch: "topic", baseBranch: "main", title: "Topic", body: "", person: "bob" },
  });
  await world.person.commit("topic", { b: "2" });
  await expect(world.forge.mergePull(world.repository, number, "bob", seen)).rejects.toMatchObject({
    code: "forge.pull-unmergeable",
    hint: "Look at it again before you merge it",
  });
  const pull = await world.forge.findPull(world.repository, number);
  await expect(world.forge.mergePull(world.repository, number, "bob", pull?.head)).resolves.toBeDefined();
});

describe("a checkout", () => {
  const target = () => join(world.scratch, "tree");

  test("keeps modes and links, obeys no attribute, and done again changes nothing", async () => {
    world.git("symbolic-ref", "HEAD", "refs/heads/main");
    const put = (path: string, text: string, mode = 0o644) => writeFileSync(join(world.clone, path), text, { mode });
    put("run.sh", "#!/bin/sh\n", 0o755);
    symlinkSync("/etc/passwd", join(world.clone, "link"));
    put(".gitattributes", "id export-subst\nsecret export-ignore\n*.txt eol=crlf\n");
    mkdirSync(join(world.clone, "d"));
    const texts = { id: "$Format:%H$\n", secret: "kept\n", "d/a.txt": "one\n", empty: "", ünïcode: "x" };
    for (const [path, text] of Object.entries(texts)) put(path, text);
    world.git("add", "--all");
    world.git("commit", "--quiet", "--message", "all kinds");
    world.git("push", "--quiet", "origin", "HEAD:refs/heads/main");
    const commit = world.git("rev-parse", "HEAD");
    for (let i = 0; i < 2; i++) await world.forge.checkout(world.repository, commit, target(), 10_000);
    const read = (path: string) => readFileSync(join(target(), path), "utf8");
    expect([read("id"), read("secret"), read("d/a.txt"), read("empty"), read("ünïcode")]).toEqual([
      "$Format:%H$\n",
      "kept\n",
      "one\n",
      "",
      "x",
    ]);
    expect(lstatSync(join(target(), "run.sh")).mode & 0o777).toBe(0o755);
    expect(readlinkSync(join(target(), "link"))).toBe("/etc/passwd");
    expect(readdirSync(world.scratch).filter((name) => name.includes("partial"))).toEqual([]);
    writeFileSync(join(target(), "id"), "other");
    await expect(world.forge.checkout(world.repository, commit, target(), 10_000)).rejects.toMatchObject({
      code: "forge.checkout-occupied",
    });
  });

  test("a tree over the limit is refused before anything is written, and names the biggest file", async () => {
    const commit = await world.person.commit("main", { big: "x".repeat(900), small: "x".repeat(200) });
    await expect(world.forge.checkout(world.repository, commit, target(), 1000)).rejects.toMatchObject({
      ...{ code: "forge.tree-too-large", file: "big" },
      message: `the files of commit ${commit.slice(0, 12)} are 1.1 KiB, the limit is 1000 B; the biggest is big with 900 B`,
    });
    expect(existsSync(target())).toBe(false);
    await world.forge.checkout(world.repository, commit, target(), 1100);
  });

  test("a file larger than a pipe's buffer comes whole", async () => {
    const big = "0123456789\n".repeat(100_000);
    const commit = await world.person.commit("main", { big, next: "after\n" });
    await world.forge.checkout(world.repository, commit, target(), 2 ** 21);
    expect(readFileSync(join(target(), "big"), "utf8") === big).toBe(true);
    expect(readFileSync(join(target(), "next"), "utf8")).toBe("after\n");
  });

  test.each([
    ["a link that is a directory too", (blob: string, tree: string) => `120000 blob ${blob}\tx\n040000 tree ${tree}\tx\n`],
    ["a file of git's own", (blob: string) => `100644 blob ${blob}\t.git\n`],
    ["a way up", (_: string, tree: string) => `040000 tree ${tree}\t..\n`],
  ])("%s is never written", async (_, listing) => {
    const env = { ...process.env, GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "safe.directory", GIT_CONFIG_VALUE_0: "*" };
    const raw = (args: string[], input: string | Buffer) =>
      execFileSync("git", ["--git-dir", world.bare, ...args], { env, input })
        .toString()
        .trim();
    const blob = raw(["hash-object", "-w", "--stdin"], world.scratch);
    const inner = raw(["mktree"], `100644 blob ${blob}\tescaped\n`);
    // git mktree would refuse these names, so the tree is written byte by byte.
    const entries = listing(blob, inner)
      .trim()
      .split("\n")
      .map((line) => {
        const [, mode = "", id = "", name = ""] = /^(\d+) \w+ (\S+)\t(.*)$/.exec(line) ?? [];
        return Buffer.concat([Buffer.from(`${mode.replace(/^0/, "")} ${name}\0`), Buffer.from(id, "hex")]);
      });
    const tree = raw(["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], Buffer.concat(entries));
    const who = {
      GIT_AUTHOR_NAME: "bob",
      GIT_AUTHOR_EMAIL: "bob@example.test",
      GIT_COMMITTER_NAME: "bob",
      GIT_COMMITTER_EMAIL: "bob@example.test",
    };
    const made = spawnSync("git", ["--git-dir", world.bare, "commit-tree", tree], { env: { ...env, ...who }, input: "x" });
    await expect(world.forge.checkout(world.repository, made.stdout.toString().trim(), target(), 1000)).rejects.toMatchObject({
      code: "forge.tree-unsafe",
    });
    expect(readdirSync(world.scratch)).not.toContain("escaped");
    rmSync(target(), { recursive: true, force: true });
  });
});

describe("trees made to unfold", () => {
  const target = () => join(world.scratch, "tree");
  const treeId = (content: Buffer) =>
    createHash("sha1")
      .update(Buffer.concat([Buffer.from(`tree ${content.length}\0`), content]))
      .digest();
  /** Writes all trees with one git; each is its lines for `git mktree`. */
  const mktree = (trees: readonly string[]) =>
    execFileSync("git", ["--git-dir", world.bare, "mktree", "--missing", "--batch"], { input: trees.join("\n"), stdio: "pipe" });
  const commitOf = (tree: string) => gitAsBob(world.bare, "commit-tree", tree, "-m", "bomb");

  test("1,000 names over 1,900 levels in a small repository are refused in less than two seconds", async () => {
    await world.person.commit("main", { a: "x" });
    const blob = gitAsBob(world.bare, "rev-parse", "main:a");
    const trees = [`100644 blob ${blob}\ta\n`];
    let id = treeId(Buffer.concat([Buffer.from("100644 a\0"), Buffer.from(blob, "hex")]));
    for (let level = 1; level < 1900; level++) {
      trees.push(`040000 tree ${id.toString("hex")}\ta\n`);
      id = treeId(Buffer.concat([Buffer.from("40000 a\0"), id]));
    }
    const names = Array.from({ length: 1000 }, (_, i) => `n${String(i).padStart(4, "0")}`);
    trees.push(names.map((name) => `040000 tree ${id.toString("hex")}\t${name}\n`).join(""));
    const made = mktree(trees).toString().trim().split("\n");
    const commit = commitOf(made.at(-1) ?? "");
    const started = performance.now();
    await expect(world.forge.checkout(world.repository, commit, target(), 10_000)).rejects.toMatchObject({
      ...{ code: "forge.tree-too-large", kind: "input", file: expect.stringMatching(/^n0000\/a\//) },
      message: expect.stringMatching(
        /^the paths of commit \w{12} have 1901000 parts, the limit is 200000; the deepest is "n0000\/a\/.*" with 1901$/,
      ),
    });
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(existsSync(target())).toBe(false);
  });

  test("a name that no file system takes is told as such", async () => {
    await world.person.commit("main", { a: "x" });
    const blob = gitAsBob(world.bare, "rev-parse", "main:a");
    const [fits, long] = ["é".repeat(127), "é".repeat(128)];
    const commits = [fits, long].map((name) =>
      commitOf(
        mktree([`100644 blob ${blob}\t${name}\n`])
          .toString()
          .trim(),
      ),
    );
    await expect(world.forge.checkout(world.repository, commits[1] ?? "", target(), 100)).rejects.toMatchObject({
      ...{ code: "forge.tree-unsafe", kind: "input", hint: expect.stringContaining("255 bytes") },
    });
    await world.forge.checkout(world.repository, commits[0] ?? "", target(), 100);
    expect(readdirSync(target())).toEqual([fits]);
  });
});

describe("the sweep", () => {
  test("a branch that stands in the way of a proposal's name is told, not waited for", async () => {
    const base = await world.person.commit("main", { a: "1" });
    await world.person.commit("promote", { b: "1" }, "main");
    const change = { repository: world.repository, branch: "promote/f40/cockpit", baseBranch: "main", baseCommit: base, files: { a: "2" } };
    const proposed = world.forge.proposeChange({ ...change, commitMessage: "m", title: "t", body: "" });
    await expect(proposed).rejects.toMatchObject({ code: "forge.branch-blocked", message: expect.stringContaining("refs/heads/promote") });
  });

  test("a damaged cursor means looking at everything", async () => {
    await world.person.commit("main", { a: "1" });
    expect((await world.forge.changesSince("{")).events).toMatchObject([{ kind: "branch-pushed", branch: "main" }]);
  });

  test("a pull request merged by hand stays merged when its branch is deleted and used again", async () => {
    await world.person.commit("main", { a: "1" });
    const head = await world.person.commit("topic", { b: "1" }, "main");
    const number = await world.person.openPull("topic", "main", "Add b");
    const { cursor } = await world.forge.changesSince(undefined);
    world.git("push", "--quiet", "origin", `${head}:refs/heads/main`);
    const { events } = await world.forge.changesSince(cursor);
    expect(events.find((event) => event.kind === "pull-merged")).toMatchObject({ number, base: "main", mergeCommit: head });
    await world.person.deleteBranch("topic");
    await world.person.commit("topic", { c: "1" }, "main");
    expect(await world.forge.findPull(world.repository, number)).toMatchObject({ state: "merged", head, mergeCommit: head });
  });
});
