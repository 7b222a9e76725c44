import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Pull } from "../../../src/forge/forge.ts";
import { checkChange } from "../../../src/promotion/check-change.ts";
import type { PromotionPorts } from "../../../src/promotion/promotion-ports.ts";
import { proposePromotion } from "../../../src/promotion/propose-promotion.ts";
import { world } from "../../promotion/world.ts";
import { localForgeWorld } from "../../support/local-forge.ts";

/** What a pull request changes is what its merge would change, whatever its history looks like; with real git. */

const path = "images/f40/cockpit.yaml";
const image = "f40/cockpit";
let forge: Awaited<ReturnType<typeof localForgeWorld>>;
let at: ReturnType<typeof world>;
let ports: PromotionPorts;

beforeEach(async () => {
  forge = await localForgeWorld();
  at = world();
  ports = { ...at.ports, forge: forge.forge, settings: { ...at.ports.settings, repository: forge.repository } };
  await forge.person.commit("main", at.git.read(at.git.branches.get("main") ?? ""));
  await promote("b1", "1.fc40");
});
afterEach(() => forge.close());

/** Builds, proposes, merges; returns the merge commit. */
async function promote(id: string, release: string): Promise<string> {
  await at.build({ id, release, repository: image });
  const proposed = await proposePromotion(ports, id);
  if (!("number" in proposed)) throw new Error(proposed.outcome);
  return await forge.person.merge(proposed.number);
}

async function pullOf(branch: string): Promise<Pull> {
  const open = (await forge.forge.listPulls(forge.repository, "open")).find((one) => one.headBranch === branch);
  const number = open?.number ?? (await forge.person.openPull(branch, "main", branch));
  const pull = await forge.forge.findPull(forge.repository, number);
  if (!pull) throw new Error("no pull request");
  return pull;
}

/** As a person with a clone: merges main into the branch in the way that is named. */
async function mergeMain(branch: string, ...how: string[]): Promise<void> {
  forge.git("fetch", "--quiet", "origin");
  forge.git("checkout", "--quiet", "--force", "-B", branch, `origin/${branch}`);
  forge.git("merge", "--quiet", "--no-edit", ...how, "origin/main");
  forge.git("push", "--quiet", "origin", `HEAD:refs/heads/${branch}`);
}

const checked = async (branch: string) => {
  const { faults, plans } = await checkChange(ports, await pullOf(branch));
  return { faults: faults.map((fault) => `${fault.check} ${fault.file}: ${fault.message}`), planned: [...plans.keys()] };
};

describe("a branch that merged main but kept its own old texts", () => {
  test("is seen to drop a release, also when main went on meanwhile", async () => {
    await forge.person.commit("evil", { "docs/notes": "1\n" }, "main");
    await promote("b2", "2.fc40");
    await mergeMain("evil", "--strategy=ours");
    const dropped = [`CK2 ${path}: the release "323-2.fc40" is gone, releases are append-only`];
    expect((await checked("evil")).faults).toEqual(dropped);
    await forge.person.commit("main", { "docs/other": "1\n" });
    // What git makes of it: the old text, so the release would be lost.
    forge.git("fetch", "--quiet", "origin");
    forge.git("checkout", "--quiet", "--force", "-B", "trial", "origin/main");
    forge.git("merge", "--quiet", "--no-edit", "origin/evil");
    expect(forge.git("show", `HEAD:${path}`)).not.toContain("323-2.fc40");
    expect((await checked("evil")).faults).toEqual(dropped);
  });

  test("is seen to bring an old policy back", async () => {
    const policy = at.git.read(at.git.branches.get("main") ?? "")["policy.yaml"] ?? "";
    await forge.person.commit("main", { "policy.yaml": policy.replace("gates: [signature]", "gates: []") });
    await forge.person.commit("evil", { "docs/notes": "1\n" }, "main");
    await forge.person.commit("main", { "policy.yaml": policy });
    await mergeMain("evil", "--strategy=ours");
    await forge.person.commit("main", { "docs/other": "1\n" });
    const check = await checkChange(ports, await pullOf("evil"));
    expect(check.policy?.changes).toEqual(["**gate `signature` is taken away**"]);
  });

  test("must be brought up to date when main changed the file once more", async () => {
    await forge.person.commit("evil", { "docs/notes": "1\n" }, "main");
    await promote("b2", "2.fc40");
    await mergeMain("evil", "--strategy=ours");
    await promote("b3", "3.fc40");
    expect((await checked("evil")).faults).toContainEqual(`CK10 ${path}: main changed the file after this branch left it`);
  });
});

test("an ordinary merge of main is no change of what came with it, also when main went on", async () => {
  await forge.person.commit("topic", { "docs/notes": "1\n" }, "main");
  await promote("b2", "2.fc40");
  await mergeMain("topic");
  expect(await checked("topic")).toEqual({ faults: [], planned: [] });
  await promote("b3", "3.fc40");
  expect(await checked("topic")).toEqual({ faults: [], planned: [] });
});

test("a promotion is still checked after main was merged into it and went on elsewhere", async () => {
  await at.build({ id: "b2", release: "2.fc40", repository: image });
  const proposed = await proposePromotion(ports, "b2");
  if (!("branch" in proposed)) throw new Error(proposed.outcome);
  await forge.person.commit("main", { "docs/a": "1\n" });
  await mergeMain(proposed.branch);
  await forge.person.commit("main", { "docs/b": "1\n" });
  expect(await checked(proposed.branch)).toEqual({ faults: [], planned: [path] });
});

test("after merges that cross, a text kept from one side is not taken for unchanged", async () => {
  await forge.person.commit("left", { "docs/left": "1\n" }, "main");
  await promote("b2", "2.fc40");
  // main takes the old side in, the old side takes main in but keeps its own text.
  forge.git("fetch", "--quiet", "origin");
  const [left, main] = [forge.git("rev-parse", "origin/left"), forge.git("rev-parse", "origin/main")];
  forge.git("checkout", "--quiet", "--force", "-B", "cross", left);
  forge.git("merge", "--quiet", "--no-edit", "--strategy=ours", main);
  forge.git("push", "--quiet", "origin", "HEAD:refs/heads/cross");
  forge.git("checkout", "--quiet", "--force", "-B", "main", main);
  forge.git("merge", "--quiet", "--no-edit", left);
  forge.git("push", "--quiet", "origin", "HEAD:refs/heads/main");
  const pull = await pullOf("cross");
  expect(await forge.forge.listMergeBases(forge.repository, pull.baseHead, pull.head)).toEqual([left, main].sort());
  const { faults } = await checkChange(ports, pull);
  expect(faults.map((fault) => `${fault.check} ${fault.file}`)).toContain(`CK10 ${path}`);
});

test("histories that never met are told to be brought up to date", async () => {
  await forge.person.commit("stranger", { "docs/notes": "1\n" });
  const { faults } = await checked("stranger");
  expect(faults[0]).toMatch(/^CK10 /);
});

test("a merge queue's commit is judged by its own change alone, with git's own merge", async () => {
  await at.build({ id: "b2", release: "2.fc40", repository: image });
  const proposed = await proposePromotion(ports, "b2");
  if (!("number" in proposed)) throw new Error(proposed.outcome);
  await forge.person.commit("main", { "docs/other": "1\n" });
  forge.git("fetch", "--quiet", "origin");
  forge.git("checkout", "--quiet", "--force", "-B", "queue", "origin/main");
  const baseHead = forge.git("rev-parse", "HEAD");
  forge.git("merge", "--quiet", "--no-ff", "--no-edit", `origin/${proposed.branch}`);
  forge.git("push", "--quiet", "origin", "HEAD:refs/heads/queue");
  const head = forge.git("rev-parse", "HEAD");
  const { faults, plans } = await checkChange(ports, { repository: forge.repository, head, baseHead, baseBranch: "main", mergeable: true });
  expect({ faults, planned: [...plans.keys()] }).toEqual({ faults: [], planned: [path] });
});
