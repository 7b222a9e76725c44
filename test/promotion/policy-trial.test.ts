import { describe, expect, test } from "@jest/globals";
import type { Digest } from "../../src/domain/digest.ts";
import { checkPromotionFlow } from "../../src/promotion/check-promotion-flow.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import { manifests, run, world } from "./world.ts";

/** A pull request that changes the policy alone: what it would release is tried and told. */

type World = ReturnType<typeof world>;
const image = "f40/cockpit";
const signed = "gates: [signature]";

async function merge(at: World, id: string, release: string, repository = image): Promise<void> {
  await at.build({ id, release, repository });
  const proposed = await proposePromotion(at.ports, id);
  if (!("number" in proposed)) throw new Error(proposed.outcome);
  at.git.merge(proposed.number);
}

const releaseNow = (at: World, repository = image) =>
  run(releaseFlow(at.ports), { repository: manifests, registry: "production", path: `images/${repository}.yaml`, commit: "hint" });

/** Takes a build's candidate signatures away, so that CK6 refuses its release. */
async function unsign(at: World, id: string, tag: string, repository = image): Promise<void> {
  const [pushed, child] = [at.builds.get(id)?.digest, at.builds.get(id)?.images[0]?.imageId];
  for (const digest of [pushed, child] as Digest[])
    await at.signers.candidate.removeSignatures({ digest, publicName: `candidate.example.test/${repository}:${tag}` });
}

const policyOf = (at: World) => at.git.read(at.git.branches.get("main") ?? "")["policy.yaml"] ?? "";

/** Opens the pull request with a new policy, checks it, returns the status. */
async function check(at: World, policy: string | undefined) {
  at.git.branches.set("policy", at.git.branches.get("main") ?? "");
  const head = at.git.commit("policy", { "policy.yaml": policy });
  const number = at.git.openPull("policy", "Policy", "", "alice");
  await run(checkPromotionFlow(at.ports), { repository: manifests, number, head });
  return at.git.statuses.get(`${head} flibs / promotion`) ?? { state: "none", title: "", summary: "" };
}

test("a gate that is taken away shows what was refused until now and would be released", async () => {
  const at = world();
  await merge(at, "b1", "1.fc40");
  await unsign(at, "b1", "323-1.fc40");
  await expect(releaseNow(at)).rejects.toMatchObject({ code: "promotion.release-incomplete" });
  const status = await check(at, policyOf(at).replace(signed, "gates: []"));
  expect(status).toMatchObject({ state: "success", title: "changes the policy; writes 323-1.fc40, 323, latest" });
  const digest = at.builds.get("b1")?.digest;
  expect(status.summary).toBe(
    [
      "The policy is changed:\n\n- **gate `signature` is taken away**\n",
      "Tried under it: 1 of 1 image file.\n",
      "Merging does this, tried now without writing:\n",
      "| file | tag | what | digest |",
      "|---|---|---|---|",
      ...["323-1.fc40", "323", "latest"].map((tag) => `| \`images/f40/cockpit.yaml\` | \`${tag}\` | copy, sign, tag | \`${digest}\` |`),
    ].join("\n"),
  );
  expect(at.production.writes).toEqual([]);
});

test("what is released whole already is not asked for again, and nothing else is claimed", async () => {
  const at = world();
  await merge(at, "b1", "1.fc40");
  await releaseNow(at);
  const status = await check(at, policyOf(at).replace(signed, "gates: [signature, smoke]"));
  expect(status).toMatchObject({ state: "success", title: "changes the policy; writes no tag" });
  expect(status.summary).toBe(
    "The policy is changed:\n\n- gate `smoke` is added\n\nTried under it: 0 of 1 image file; 1 is released whole already, which this change does not reach.\n\nMerging writes no tag.",
  );
});

test("another route is tried for what is released already too", async () => {
  const at = world();
  await merge(at, "b1", "1.fc40");
  await releaseNow(at);
  const status = await check(at, policyOf(at).replace(/match: [^,}\n]*/, 'match: "f39/*"'));
  expect(status.state).toBe("failure");
  expect(status.title).toContain("no route in policy.yaml leads anywhere for f40/cockpit");
  expect(status.summary).toContain("**route ");
});

describe("faults", () => {
  test("a gate that the waiting release has not passed is the change's fault", async () => {
    const at = world();
    await merge(at, "b1", "1.fc40");
    const status = await check(at, policyOf(at).replace(signed, "gates: [signature, upgrade]"));
    expect(status.state).toBe("failure");
    expect(status.summary).toContain("the test upgrade of build b1 was not run");
    expect(status.summary).toContain("- gate `upgrade` is added");
  });

  test("what main's policy refuses too is told, and is nobody's fault here", async () => {
    const at = world();
    await merge(at, "b1", "1.fc40");
    await unsign(at, "b1", "323-1.fc40");
    const status = await check(at, policyOf(at).replace(signed, "gates: [signature, smoke]"));
    expect(status).toMatchObject({ state: "success", title: "changes the policy; writes no tag" });
    expect(status.summary).toContain("| `images/f40/cockpit.yaml` | `323-1.fc40` | **refused** |");
  });

  test("an image file that does not parse on main is named, not passed over", async () => {
    const at = world();
    at.git.commit("main", { "images/f40/broken.yaml": "schema: 2\n" });
    const status = await check(at, policyOf(at).replace(signed, "gates: []"));
    expect(status.state).toBe("success");
    expect(status.summary).toContain("1 is out of order on the branch already.\n\n- out of order: `images/f40/broken.yaml`");
  });

  test("a policy that is deleted or does not parse is refused", async () => {
    const at = world();
    expect((await check(at, undefined)).title).toBe("1 fault: the file is missing");
    const other = world();
    expect((await check(other, "schema: 1\n")).state).toBe("failure");
  });
});

test("when it takes too long the number of files that were tried is told, first those whose release never ended", async () => {
  const at = world();
  for (const [index, name] of ["a", "b", "c"].entries()) await merge(at, `b${name}`, `${index + 1}.fc40`, `f40/${name}`);
  let looks = 0;
  // Time runs out while the second file is tried.
  const now = () => new Date((looks++ < 3 ? 0 : 200_000) + 1_000_000_000_000);
  const slow = { ...at, ports: { ...at.ports, now } };
  const status = await check(slow, policyOf(at).replace(signed, "gates: []"));
  expect(status.title).toBe("changes the policy; only 2 of 3 image files were tried");
  expect(status.summary).toContain("**1 was not tried, what merging does to them is not known**");
  expect(status.summary).not.toContain("Merging writes no");
});

test("a branch's own old image files are not what is tried: those of main are", async () => {
  const at = world();
  at.git.branches.set("policy", at.git.branches.get("main") ?? "");
  const head = at.git.commit("policy", { "policy.yaml": policyOf(at).replace(signed, "gates: []") });
  await merge(at, "b1", "1.fc40");
  const number = at.git.openPull("policy", "Policy", "", "alice");
  await run(checkPromotionFlow(at.ports), { repository: manifests, number, head });
  expect(at.git.statuses.get(`${head} flibs / promotion`)?.title).toBe("changes the policy; writes 323-1.fc40, 323, latest");
});
