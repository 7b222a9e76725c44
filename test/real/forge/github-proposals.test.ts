import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ProposedChange } from "../../../src/forge/forge.ts";
import type { FaultKind } from "../../fakes/github/faults.ts";
import { githubClientOn, githubForgeWorld } from "../../support/github-forge.ts";

let world: Awaited<ReturnType<typeof githubForgeWorld>>;
let base: string;
beforeEach(async () => {
  world = await githubForgeWorld({ requestTimeoutMs: 5000 });
  base = await world.person.commit("main", { "images/f40/cockpit.yaml": "old\n", keep: "kept\n" });
});
afterEach(async () => {
  await world.close();
  expect(world.github.violations).toEqual([]);
});

const branch = "promote/f40/cockpit";
const file = "images/f40/cockpit.yaml";
const proposal = (more: Partial<ProposedChange> = {}): ProposedChange => ({
  ...{ repository: world.repository, branch, baseBranch: "main", baseCommit: base, files: { [file]: "new\n" } },
  ...{ commitMessage: "Promote cockpit", title: "Promote cockpit 1-1", body: "what changes", ...more },
});
const propose = (more: Partial<ProposedChange> = {}, forge = world.forge) => forge.proposeChange(proposal(more));
const pulls = () => world.github.reads.pulls(world.repository);
const head = () => world.github.reads.head(world.repository, branch);

describe("a proposal on GitHub", () => {
  test("only ever moves its branch forward, and its difference is that of the newest text", async () => {
    const heads: string[] = [];
    for (const text of ["new\n", "newer\n", "newest\n"]) {
      await propose({ files: { [file]: text } });
      heads.push((await head()) ?? "");
      base = await world.person.commit("main", { other: text });
    }
    for (const [i, older] of heads.entries())
      expect(await world.forge.isAncestor(world.repository, older, heads.at(i + 1) ?? older)).toBe(true);
    const last = heads.at(-1) ?? "";
    const [fork] = await world.forge.listMergeBases(world.repository, last, base);
    expect(await world.forge.diff(world.repository, fork ?? "", last, [], 10_000)).toMatch(/-old\n\+newest\n/);
    expect(pulls()).toHaveLength(1);
  });

  test("is the App's own commit, which GitHub signs", async () => {
    await propose();
    const client = githubClientOn(world.github);
    const ref = (await head()) ?? "";
    const { data } = await client.request(world.repository, "sources", "GET /repos/{owner}/{repo}/commits/{ref}", { ref });
    expect(data).toMatchObject({
      author: { login: "flibs[bot]" },
      committer: { login: "web-flow" },
      commit: { verification: { verified: true } },
    });
    expect(data.commit.message).toBe(`Promote cockpit\n\nFlibs-Proposal: ${branch}`);
  });

  test("of the same change costs no new commit and no edit, in another process as well", async () => {
    const first = await propose();
    const { usage } = world.github;
    const before = [usage.count("git/create-commit"), usage.count("pulls/update"), usage.count("git/update-ref")];
    expect(await propose({}, world.openForge())).toEqual({ ...first, outcome: "unchanged" });
    expect([usage.count("git/create-commit"), usage.count("pulls/update"), usage.count("git/update-ref")]).toEqual(before);
  });

  test("with another title only is an edit of the pull request", async () => {
    await propose();
    const before = await head();
    expect(await propose({ title: "Promote cockpit 1-2" })).toMatchObject({ outcome: "updated", head: before });
    expect(pulls()).toMatchObject([{ title: "Promote cockpit 1-2", body: "what changes" }]);
  });

  test("is brought onto a base that moved, though its own text stays", async () => {
    await propose();
    base = await world.person.commit("main", { other: "1\n" });
    expect(await propose()).toMatchObject({ outcome: "updated" });
    expect(await world.forge.isAncestor(world.repository, base, (await head()) ?? "")).toBe(true);
    expect(await world.github.reads.file(world.repository, branch, "other")).toBe("1\n");
  });

  test.each(["merge", "squash", "rebase"] as const)("after %s is a pull request of its own on the same branch", async (method) => {
    const first = await propose();
    base = await world.bob.merge(world.repository, "number" in first ? (first.number ?? 0) : 0, method);
    const second = await propose({ files: { [file]: "newer\n" } });
    expect(second).toMatchObject({ outcome: "opened" });
    expect(pulls().map((pull) => pull.mergedAt !== null)).toEqual([true, false]);
    expect(await world.forge.findPull(world.repository, "number" in second ? (second.number ?? 0) : 0)).toMatchObject({ mergeable: true });
    const [fork] = await world.forge.listMergeBases(world.repository, base, (await head()) ?? "");
    expect(fork).toBe(base);
  });

  test("that a person closed is proposed anew, and a branch that was deleted is made again", async () => {
    const first = await propose();
    await world.person.close("number" in first ? (first.number ?? 0) : 0);
    expect(await propose()).toMatchObject({ outcome: "opened" });
    await world.person.close(pulls().at(-1)?.number ?? 0);
    await world.person.deleteBranch(branch);
    expect(await propose()).toMatchObject({ outcome: "opened" });
  });

  test("leaves a branch to the person whose commit is its head, even one who writes our trailer", async () => {
    await propose();
    const by = await world.bob.push(world.repository, branch, { [file]: "by hand\n" }, { message: `x\n\nFlibs-Proposal: ${branch}` });
    expect(await propose({ files: { [file]: "newer\n" } })).toMatchObject({ outcome: "person-owned", number: 1, head: by });
    expect(await head()).toBe(by);
  });

  test("leaves a branch to the person who amended our commit: its author and message are ours still", async () => {
    await propose();
    const by = await world.bob.push(world.repository, branch, { [file]: "by hand\n" }, { amend: true });
    expect(await propose({ files: { [file]: "newer\n" } })).toMatchObject({ outcome: "person-owned", number: 1, head: by });
    expect(await world.github.reads.file(world.repository, branch, file)).toBe("by hand\n");
  });

  test("never writes over a commit that a person pushed between look and write", async () => {
    await propose();
    let by = "";
    // The person is quicker than the request that moves the branch.
    const forge = world.openForge({
      fetch: async (url, init) => {
        if (init?.method === "PATCH" && String(url).includes("/git/refs/") && by === "") {
          by = await world.bob.push(world.repository, branch, { [file]: "by hand\n" });
        }
        return fetch(url, init);
      },
    });
    expect(await propose({ files: { [file]: "newer\n" } }, forge)).toMatchObject({ outcome: "person-owned", head: by });
    expect(await head()).toBe(by);
  });

  test("of two processes at the same moment is one branch and one pull request", async () => {
    const forges = [world.forge, world.openForge(), world.openForge()];
    const outcomes = await Promise.all(forges.map((forge) => propose({}, forge)));
    expect(new Set(outcomes.map((one) => "number" in one && one.number))).toEqual(new Set([1]));
    expect(pulls()).toHaveLength(1);
    expect(await propose()).toMatchObject({ outcome: "unchanged" });
  });

  test("that GitHub would not take is refused before anything is written", async () => {
    await expect(propose({ body: "x".repeat(65_537) })).rejects.toMatchObject({ code: "forge.text-too-long" });
    await expect(propose({ files: { "../x": "" } })).rejects.toMatchObject({ code: "forge.name-invalid" });
    await expect(propose({ branch: "a..b" })).rejects.toMatchObject({ code: "forge.name-invalid" });
    expect(await head()).toBeUndefined();
  });
});

describe("when GitHub fails, a proposal", () => {
  const operations = ["git/create-tree", "git/create-commit", "git/create-ref", "pulls/create"] as const;
  const faults: readonly FaultKind[] = ["502-before", "502-after", "reset-after"];
  test.each(operations.flatMap((operation) => faults.map((fault) => [operation, fault] as const)))(
    "is there once after %s %s",
    async (operation, fault) => {
      world.github.faults.next(operation, fault);
      await expect(propose()).rejects.toMatchObject({ kind: "transient" });
      expect(await propose()).toMatchObject({ number: 1 });
      expect(pulls()).toMatchObject([{ number: 1, title: "Promote cockpit 1-1" }]);
      expect(await world.github.reads.file(world.repository, branch, file)).toBe("new\n");
      expect(world.github.faults.pending()).toEqual([]);
    },
  );

  test.each(["502-after", "reset-after"] as const)("is brought up to date once after git/update-ref %s", async (fault) => {
    await propose();
    world.github.faults.next("git/update-ref", fault);
    await expect(propose({ files: { [file]: "newer\n" } })).rejects.toMatchObject({ kind: "transient" });
    const moved = await head();
    expect(await propose({ files: { [file]: "newer\n" } })).toMatchObject({ outcome: "unchanged", head: moved });
  });

  test("is opened although a stale listing did not show the pull request", async () => {
    world.github.faults.next("pulls/list", "stale");
    const first = await propose();
    expect(await propose()).toEqual({ ...first, outcome: "unchanged" });
    expect(pulls()).toHaveLength(1);
  });
});
