import { describe, expect, test } from "@jest/globals";
import { findMergedPull } from "../../src/promotion/merged-pull.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import { releaseScanFlow } from "../../src/promotion/release-scan-flow.ts";
import { manifests, run, world } from "./world.ts";

/** Which pull request brought what main says, however the forge merged it and whoever told of it. */

type World = ReturnType<typeof world>;
const path = "images/f40/cockpit.yaml";
const ways = ["merge", "squash", "rebase"] as const;
const head = (at: World) => at.git.branches.get("main") ?? "";
const found = async (at: World, commit = head(at)) => (await findMergedPull(at.ports, { commit, path }))?.number;

async function promote(at: World, id: string, release: string) {
  await at.build({ id, release });
  const proposed = await proposePromotion(at.ports, id);
  if (!("number" in proposed)) throw new Error(proposed.outcome);
  return proposed;
}

describe.each(ways)("merged by %s", (how) => {
  test("and told by nobody: the scan finds it, the report stands on the pull request and on its merge commit", async () => {
    const at = world();
    const { number } = await promote(at, "b1", "1.fc40");
    const mergeCommit = at.git.merge(number, how);
    at.git.commit("main", { "docs/notes": "1" });
    await run(releaseScanFlow(at.ports), { repository: manifests, full: false });
    for (const one of at.started.filter((started) => started.flow === "release"))
      await run(releaseFlow(at.ports), one.intent as { repository: string; path: string; commit: string });
    expect(at.production.writes).toHaveLength(3);
    expect([...at.git.comments.keys()]).toEqual([expect.stringMatching(new RegExp(`^#${number} release `))]);
    expect(at.git.statuses.get(`${mergeCommit} flibs / release to production (f40/cockpit)`)).toMatchObject({
      state: "success",
      key: "run-1",
    });
  });

  test("with more commits than the one that changed the file", async () => {
    const at = world();
    const { number, branch } = await promote(at, "b1", "1.fc40");
    at.git.commit(branch, { "docs/notes": "1" });
    at.git.merge(number, how);
    at.git.merge((await unrelated(at)).number, how);
    expect(await found(at)).toBe(number);
  });

  test("and followed by another of the same image: the last one", async () => {
    const at = world();
    at.git.merge((await promote(at, "b1", "1.fc40")).number, how);
    const first = head(at);
    const two = await promote(at, "b2", "2.fc40");
    at.git.merge(two.number, how);
    expect([await found(at, first), await found(at)]).toEqual([1, two.number]);
  });

  test("a lower number that was merged later", async () => {
    const at = world();
    at.git.merge((await promote(at, "b1", "1.fc40")).number, how);
    const two = await promote(at, "b2", "2.fc40");
    const text = at.git.read(two.head)[path] ?? "";
    const three = at.git.openPull("promote/f40/cockpit");
    at.git.branches.set("promote/f40/cockpit", two.head);
    at.git.merge(three, how);
    // The same branch again, brought up to date with a comment more.
    at.git.branches.set("promote/f40/cockpit", head(at));
    at.git.commit("promote/f40/cockpit", { [path]: `# more\n${text}` });
    at.git.merge(two.number, how);
    expect(await found(at)).toBe(two.number);
  });
});

/** A pull request that touches another file. */
async function unrelated(at: World) {
  at.git.branches.set("topic", head(at));
  at.git.commit("topic", { "docs/other": "1" });
  return { number: at.git.openPull("topic") };
}

test("a branch that took main in before it was merged is still found by its text", async () => {
  const at = world();
  const { number, branch } = await promote(at, "b1", "1.fc40");
  const text = at.git.read(at.git.branches.get(branch) ?? "")[path];
  at.git.commit("main", { "docs/notes": "1" });
  at.git.commit(branch, { "docs/notes": "1", [path]: text }, "alice", head(at));
  const mergeCommit = at.git.commit("main", { [path]: text }, "alice", at.git.branches.get(branch));
  at.git.pulls[number - 1] = { ...(await pullOf(at, number)), state: "merged", mergeCommit };
  expect(await found(at)).toBe(number);
  at.git.pulls[number - 1] = { ...(await pullOf(at, number)), headBranch: "revert-7-promote/f40/cockpit" };
  expect(await found(at)).toBe(number);
  at.git.pulls[number - 1] = { ...(await pullOf(at, number)), headBranch: "promote/f40/cockpit-web" };
  expect(await found(at)).toBeUndefined();
});

async function pullOf(at: World, number: number) {
  const pull = await at.ports.forge.findPull(manifests, number);
  if (!pull) throw new Error("no pull request");
  return pull;
}

test("a push past all pull requests belongs to none", async () => {
  const at = world();
  at.git.merge((await promote(at, "b1", "1.fc40")).number);
  const { number } = await unrelated(at);
  at.git.commit("main", { [path]: `# by hand\n${at.git.read(head(at))[path]}` });
  at.git.merge(number);
  expect(await found(at)).toBeUndefined();
  // Begun after the push, so that its branch has the text, too.
  const later = await unrelated(at);
  at.git.merge(later.number);
  expect(await found(at)).toBeUndefined();
});

test("no more merged pull requests are read than it takes, however many there were", async () => {
  const at = world();
  for (let i = 0; i < 5; i++) at.git.merge((await unrelated(at)).number, "squash");
  const { number } = await promote(at, "b1", "1.fc40");
  at.git.merge(number);
  for (let i = 0; i < 3; i++) at.git.merge((await unrelated(at)).number, "squash");
  const read: number[] = [];
  const listMergedPulls: typeof at.ports.forge.listMergedPulls = async function* (repository) {
    for await (const pull of at.ports.forge.listMergedPulls(repository)) {
      read.push(pull.number);
      yield pull;
    }
  };
  const ports = { ...at.ports, forge: { ...at.ports.forge, listMergedPulls } };
  expect((await findMergedPull(ports, { commit: head(at), path }))?.number).toBe(number);
  expect(read).toEqual([9, 8, 7, 6]);
});

test("a stranger's pull request of the same commit, which was merged along, is not the one", async () => {
  const at = world();
  const { number, head: commit } = await promote(at, "b1", "1.fc40");
  const theirs = at.git.openFork("promote/f40/cockpit", "");
  const mergeCommit = at.git.merge(number);
  at.git.pulls[theirs - 1] = { ...(await pullOf(at, theirs)), head: commit, state: "merged", mergeCommit };
  expect(await found(at)).toBe(number);
});
