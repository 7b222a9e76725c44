import { describe, expect, test } from "@jest/globals";
import { checkPromotionFlow } from "../../src/promotion/check-promotion-flow.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import { releaseScanFlow } from "../../src/promotion/release-scan-flow.ts";
import { manifests, run, world } from "./world.ts";

/** The checks of a pull request, a test for each row; test/real/promotion/check-rows.test.ts has those about registries on real ones. */

type World = ReturnType<typeof world>;
const path = "images/f40/cockpit.yaml";
const textAt = (at: World, branch = "main") => at.git.read(at.git.branches.get(branch) ?? "")[path] ?? "";

/** `323-1.fc40` is released, `323-2.fc40` is proposed in #2. */
async function proposed(platforms: readonly string[] = ["linux/amd64"]) {
  const at = world(platforms);
  await at.build({ id: "b1", release: "1.fc40" });
  await proposePromotion(at.ports, "b1");
  at.git.merge(1);
  await run(releaseFlow(at.ports), { repository: manifests, registry: "production", path, commit: "hint" });
  await at.build({ id: "b2", release: "2.fc40" });
  await proposePromotion(at.ports, "b2");
  return at;
}

async function judge(at: World, number = 2) {
  const head = (await at.ports.forge.findPull(manifests, number))?.head ?? "";
  await run(checkPromotionFlow(at.ports), { repository: manifests, number, head });
  return at.git.statuses.get(`${head} flibs / promotion`);
}

/** A person's pull request that gives the image file another text. */
async function judgeText(at: World, change: (text: string) => string, more: Record<string, string> = {}) {
  at.git.branches.set("topic", at.git.branches.get("main") ?? "");
  at.git.commit("topic", { [path]: change(textAt(at)), ...more });
  return await judge(at, at.git.openPull("topic"));
}

const failed = (row: string, says: string) => ({
  state: "failure",
  summary: expect.stringMatching(new RegExp(`${says}[^\n]*\\(${row}\\)`)),
});
const digest = (at: World, id: string) => at.builds.get(id)?.digest ?? "";

test("CK1: a field that nobody knows, and the policy together with an image", async () => {
  const at = await proposed();
  expect(await judgeText(at, (text) => `${text}colour: red\n`)).toMatchObject(failed("CK1", "unknown field"));
  const policy = at.git.read(at.git.branches.get("main") ?? "")["policy.yaml"] ?? "";
  const both = await judgeText(at, (text) => `# x\n${text}`, { "policy.yaml": `# x\n${policy}` });
  expect(both).toMatchObject(failed("CK1", "the policy is changed together with"));
});

test("CK1: a floating tag or a withdrawal whose release is only called like something that every JavaScript object has", async () => {
  const at = await proposed();
  for (const name of ["constructor", "toString", "hasOwnProperty"]) {
    const pointed = await judgeText(at, (text) => text.replace(/latest: .*/, `latest: "${name}"`));
    expect(pointed).toMatchObject(failed("CK1", "which is not among the releases"));
    const withdrawn = await judgeText(at, (text) => `${text}withdrawn:\n  "${name}":\n    reason: "CVE"\n    by: "alice"\n`);
    expect(withdrawn).toMatchObject(failed("CK1", "is not among the releases"));
  }
});

test("CK1: more tags at once than a stranger may have the registries asked for; what main has already does not count", async () => {
  const at = await proposed();
  const releases = (first: number, count: number) =>
    Array.from({ length: count }, (_, i) => `  "9-${first + i}":\n    digest: sha256:${"e".repeat(64)}\n    build: "b"\n`).join("");
  const asked: string[] = [];
  const { findManifest } = at.production.registry;
  at.production.registry.findManifest = async (repository, reference) => {
    asked.push(reference);
    return await findManifest(repository, reference);
  };
  const flood = await judgeText(at, (text) => text.replace("floating:", `${releases(0, 1001)}floating:`));
  expect(flood).toMatchObject(failed("CK1", "1001 tags are added"));
  expect(asked).toEqual([]);
  at.git.commit("main", { [path]: textAt(at).replace("floating:", `${releases(0, 1001)}floating:`) });
  const next = await judgeText(at, (text) => text.replace("floating:", `${releases(2000, 1)}floating:`));
  expect(next?.summary).not.toContain("are added");
  expect(asked).toContain("9-2000");
});

test("CK2: a release that is gone, one that would move, and one whose tag stands elsewhere in production", async () => {
  const at = await proposed();
  expect(await judgeText(at, (text) => text.replace(digest(at, "b1"), digest(at, "b2")))).toMatchObject(failed("CK2", "would move"));
  const gone = await judgeText(at, (text) => text.replaceAll("323-1.fc40", "322-1.fc40"));
  expect(gone).toMatchObject(failed("CK2", '323-1.fc40" is gone'));
  const stranger = await at.production.push("f40/cockpit", "stranger", ["linux/amd64"]);
  at.production.tags.set("f40/cockpit:323-2.fc40", stranger.digest);
  expect(await judge(at)).toMatchObject(failed("CK2", "is immutable and stands at"));
});

test("CK3: a digest, a platform, a layer or an attestation that is not there any more", async () => {
  for (const lose of ["top", "child", "layer"] as const) {
    const at = await proposed();
    const { manifests: known, blobs } = at.candidate;
    const top = known.get(`f40/cockpit@${digest(at, "b2")}`);
    const [child] = JSON.parse(new TextDecoder().decode(top?.bytes)).manifests;
    const image = JSON.parse(new TextDecoder().decode(known.get(`f40/cockpit@${child.digest}`)?.bytes));
    if (lose === "top") known.delete(`f40/cockpit@${digest(at, "b2")}`);
    if (lose === "child") known.delete(`f40/cockpit@${child.digest}`);
    if (lose === "layer") blobs.delete(`f40/cockpit@${image.layers[0].digest}`);
    expect(await judge(at)).toMatchObject(failed("CK3", digest(at, "b2")));
  }
});

test("CK4: the image of one platform after a manifest list, also when that was never released", async () => {
  const at = await proposed();
  const top = at.candidate.manifests.get(`f40/cockpit@${digest(at, "b2")}`);
  const [child] = JSON.parse(new TextDecoder().decode(top?.bytes)).manifests;
  const single = (text: string) => text.replace(digest(at, "b2"), child.digest);
  const line = textAt(at, "promote/f40/cockpit");
  expect(await judgeText(at, () => single(line))).toMatchObject(failed("CK4", "is the image of one platform"));
  at.production.manifests.clear();
  at.production.tags.clear();
  expect(await judgeText(at, () => single(line))).toMatchObject(failed("CK4", "is the image of one platform"));
});

test("CK5: a platform that the policy requires is missing", async () => {
  const at = await proposed();
  const policy = at.git.read(at.git.branches.get("main") ?? "")["policy.yaml"] ?? "";
  at.git.commit("main", { "policy.yaml": policy.replace("[linux/amd64]", "[linux/amd64, linux/arm64]") });
  expect(await judge(at)).toMatchObject(failed("CK5", "the image has no linux/arm64"));
});

test("CK6: a candidate that nobody signed, as a whole or one platform of it", async () => {
  const at = await proposed();
  const top = at.candidate.manifests.get(`f40/cockpit@${digest(at, "b2")}`);
  const [child] = JSON.parse(new TextDecoder().decode(top?.bytes)).manifests;
  for (const one of [child.digest, digest(at, "b2")]) {
    for (const { publicName } of await at.signers.candidate.listSignatures("candidate.example.test/f40/cockpit", one)) {
      if (publicName !== undefined) await at.signers.candidate.removeSignatures({ digest: one, publicName });
    }
    expect(await judge(at)).toMatchObject(failed("CK6", "has no valid signature"));
  }
});

test("CK7: a required test that did not pass, was not run, or another build's digest", async () => {
  const at = await proposed();
  const build = at.builds.get("b2");
  if (!build) throw new Error("no build");
  const [result] = build.tests;
  if (!result) throw new Error("no test");
  at.builds.set("b2", { ...build, tests: [{ ...result, outcome: "fail", message: "1 failed" }] });
  expect(await judge(at)).toMatchObject(failed("CK7", "failed on x86_64: 1 failed"));
  at.builds.set("b2", { ...build, tests: [] });
  expect(await judge(at)).toMatchObject(failed("CK7", "was not run"));
  at.builds.set("b2", { ...build, digest: digest(at, "b1") as `sha256:${string}` });
  expect(await judge(at)).toMatchObject(failed("CK7", "made sha256"));
});

test("CK8: a floating tag at a withdrawn release", async () => {
  const at = await proposed();
  const withdrawn = `withdrawn:\n  "323-1.fc40":\n    reason: "bad"\n    by: "alice"\n`;
  expect(await judgeText(at, (text) => `${text}${withdrawn}`)).toMatchObject(failed("CK8", "which is withdrawn"));
});

test("CK9: tags that collide by case or as release and floating tag, and a tag that is not the build's", async () => {
  const at = await proposed();
  const twice = await judgeText(at, (text) =>
    text.replace("floating:", `  "323-1.FC40":\n    digest: ${digest(at, "b2")}\n    build: "b2"\nfloating:`),
  );
  expect(twice).toMatchObject(failed("CK9", "differ in case only"));
  const line = textAt(at, "promote/f40/cockpit");
  expect(await judgeText(at, () => line.replaceAll("323-2.fc40", "323-9.fc40"))).toMatchObject(
    failed("CK9", "is 323-2.fc40, not 323-9.fc40"),
  );
});

describe("CK10: a change of main", () => {
  test("CK10: of the same file asks for the branch to be brought up to date", async () => {
    const at = await proposed();
    at.git.branches.set("topic", at.git.branches.get("main") ?? "");
    at.git.commit("topic", { [path]: `# mine\n${textAt(at)}` });
    const number = at.git.openPull("topic");
    expect(await judge(at, number)).toMatchObject({ state: "success" });
    at.git.commit("main", { [path]: `${textAt(at)}# theirs\n` });
    expect(await judge(at, number)).toMatchObject(failed("CK10", "changed the file after this branch left it"));
  });

  test("CK10: has every open pull request checked again, once for each head of main", async () => {
    const at = await proposed();
    at.git.openPull("promote/f40/cockpit");
    at.git.commit("main", { "images/f40/other.yaml": "broken: [" });
    const commit = at.git.branches.get("main");
    await run(releaseScanFlow(at.ports), { repository: manifests, full: false });
    const again = at.started.filter((one) => one.flow === "check-promotion" && one.key.endsWith(`on ${commit}`));
    expect(again.map((one) => one.subject).sort()).toEqual(["check releng/manifests #2", "check releng/manifests #3"]);
  });
});

test("DG11: what was pushed after the check is judged again in the merge commit's tree, and refused", async () => {
  const at = await proposed();
  expect(await judge(at)).toMatchObject({ state: "success" });
  at.git.commit("promote/f40/cockpit", { [path]: textAt(at, "promote/f40/cockpit").replace(digest(at, "b2"), `sha256:${"e".repeat(64)}`) });
  at.git.merge(2);
  await run(releaseFlow(at.ports), { repository: manifests, registry: "production", path, commit: "hint" }).catch(() => {});
  expect(at.production.tags.has("f40/cockpit:323-2.fc40")).toBe(false);
  expect(at.reports.at(-1)).toMatchObject({ outcome: "failed" });
});

describe("DG13: docker.io", () => {
  const policyWith = (at: World, publicName: string) =>
    (at.git.read(at.git.branches.get("main") ?? "")["policy.yaml"] ?? "").replace(
      'publicName: "registry.example.test"',
      `publicName: "${publicName}"`,
    );
  const faultsWith = async (publicName: string) => {
    const at = await proposed();
    at.git.branches.set("topic", at.git.branches.get("main") ?? "");
    at.git.commit("topic", { "policy.yaml": policyWith(at, publicName) });
    return (await judge(at, at.git.openPull("topic")))?.summary ?? "";
  };
  test.each(["index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"])(
    "DG13: %s is refused, clients make docker.io of it",
    async (name) => {
      expect(await faultsWith(name)).toMatch(/clients read (it|this) as docker.io/);
    },
  );
  test.each(["production", "quay", "my_registry"])("DG13: %s is refused, clients read it as a name at docker.io", async (name) => {
    expect(await faultsWith(name)).toMatch(/is no host that clients take for one/);
  });
});

test("DG14: names that no registry takes get no file, and no promotion", async () => {
  const at = await proposed();
  const upper = await judgeText(at, (text) => text, { "images/F40/Web.yaml": "x" });
  expect(upper).toMatchObject(failed("CK1", "the file is no image file"));
  const build = await at.build({ id: "b3", release: "3.fc40" });
  at.builds.set("b3", { ...build, ...(build.plan ? { plan: { ...build.plan, imageRepository: "f40/Cockpit" } } : {}) });
  await expect(proposePromotion(at.ports, "b3")).rejects.toMatchObject({ kind: "input", code: "promotion.file-invalid" });
});
