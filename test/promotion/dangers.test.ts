import { describe, expect, test } from "@jest/globals";
import { type Digest, digestOf } from "../../src/domain/digest.ts";
import { checkPromotionFlow } from "../../src/promotion/check-promotion-flow.ts";
import { sanitiseTag } from "../../src/promotion/check-release.ts";
import { readImageTree } from "../../src/promotion/image-tree.ts";
import type { PromotionPorts } from "../../src/promotion/promotion-ports.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import { releaseScanFlow, startReleases } from "../../src/promotion/release-scan-flow.ts";
import { releaseSigner } from "../../src/promotion/sign-release.ts";
import { manifests, memoryRegistry, run, world } from "./world.ts";

/** The dangers of releasing (rows DG) that are promotion's to ward off. */

type World = ReturnType<typeof world>;
const path = "images/f40/cockpit.yaml";
const image = "f40/cockpit";
const intent = { repository: manifests, registry: "production", path, commit: "hint" };
const incomplete = { code: "promotion.release-incomplete" };

async function promote(at: World, id: string, release: string, repository = image) {
  const build = await at.build({ id, release, repository });
  const proposed = await proposePromotion(at.ports, id);
  if (!("number" in proposed)) throw new Error(proposed.outcome);
  return { ...proposed, digest: build.digest as Digest };
}

async function release(at: World, id: string, number: string) {
  const promoted = await promote(at, id, number);
  at.git.merge(promoted.number);
  await run(releaseFlow(at.ports), intent);
  return promoted.digest;
}

/** The same ports, but something happens while production signs, that is after the plan and before the first tag. */
function whileSigning(at: World, happens: () => Promise<void> | void): PromotionPorts {
  const signer = at.signers.production;
  const ensureSigned: typeof signer.ensureSigned = async (...args) => {
    await happens();
    return await signer.ensureSigned(...args);
  };
  const signers = { named: (name: string) => (name === "production" ? { ...signer, ensureSigned } : at.ports.signers.named(name)) };
  return { ...at.ports, signers, releaseSigner: releaseSigner({ ...at.ports, signers }) };
}

const mainText = (at: World) => at.git.read(at.git.branches.get("main") ?? "")[path] ?? "";
const lines = (at: World) => at.reports.at(-1)?.lines.map((line) => `${line.tag} ${line.what}`);

test("DG1 a release tag that a stranger wrote meanwhile is not overwritten", async () => {
  const at = world();
  at.git.merge((await promote(at, "b1", "1.fc40")).number);
  const stranger = await at.production.push(image, "stranger", ["linux/amd64"]);
  const ports = whileSigning(at, () => void at.production.tags.set(`${image}:323-1.fc40`, stranger.digest));
  await expect(run(releaseFlow(ports), intent)).rejects.toMatchObject(incomplete);
  expect(at.production.tags.get(`${image}:323-1.fc40`)).toBe(stranger.digest);
  // Floating tags never point to what their release could not become.
  expect(lines(at)).toEqual(["323-1.fc40 tag-move", "323 failed", "latest failed"]);
  expect(at.production.writes).toEqual([]);
});

test("DG1 a floating tag that a stranger moved meanwhile is left alone", async () => {
  const at = world();
  await release(at, "b1", "1.fc40");
  at.git.merge((await promote(at, "b2", "2.fc40")).number);
  const stranger = await at.production.push(image, "stranger", ["linux/amd64"]);
  const ports = whileSigning(at, () => void at.production.tags.set(`${image}:latest`, stranger.digest));
  await expect(run(releaseFlow(ports), intent)).rejects.toMatchObject(incomplete);
  expect(at.production.tags.get(`${image}:latest`)).toBe(stranger.digest);
  expect(lines(at)).toEqual(["323-1.fc40 ok", "323-2.fc40 copied", "323 moved", "latest drift"]);
});

test("DG2 a platform that production lost is copied again before anything else is said to be in order", async () => {
  const at = world();
  const digest = await release(at, "b1", "1.fc40");
  const [child] = [...at.production.manifests.keys()].filter((key) => !key.endsWith(digest));
  at.production.manifests.delete(child ?? "");
  await run(releaseFlow(at.ports), intent);
  expect(at.production.manifests.has(child ?? "")).toBe(true);
  expect(lines(at)).toEqual(["323-1.fc40 copied", "323 copied", "latest copied"]);
});

test("DG2 an index that the candidate registry has only in part is refused", async () => {
  const at = world(["linux/amd64", "linux/arm64"]);
  const { number, digest } = await promote(at, "b1", "1.fc40");
  const [child] = [...at.candidate.manifests.keys()].filter((key) => !key.endsWith(digest));
  at.candidate.manifests.delete(child ?? "");
  const head = (await at.ports.forge.findPull(manifests, number))?.head ?? "";
  await run(checkPromotionFlow(at.ports), { repository: manifests, number, head });
  expect(at.git.statuses.get(`${head} flibs / promotion`)?.summary).toContain("(CK3)");
  at.git.merge(number);
  await expect(run(releaseFlow(at.ports), intent)).rejects.toMatchObject(incomplete);
  expect(at.production.writes).toEqual([]);
});

test("DG3 what is copied, signed and tagged is the digest that was reviewed, wherever tags stand by then", async () => {
  const at = world();
  const { number, digest } = await promote(at, "b1", "1.fc40");
  at.git.merge(number);
  const other = await at.candidate.push(image, "other", ["linux/amd64"]);
  at.candidate.tags.set(`${image}:323-1.fc40`, other.digest);
  const ports = whileSigning(at, () => void at.candidate.tags.set(`${image}:latest`, other.digest));
  await run(releaseFlow(ports), intent);
  expect(at.production.tags.get(`${image}:latest`)).toBe(digest);
  expect(at.signers.production.signed.map((one) => one.digest)).not.toContain(other.digest);
  expect(at.production.manifests.has(`${image}@${other.digest}`)).toBe(false);
});

test("DG6 a candidate that is gone before the merge is told, and released when it is back", async () => {
  const at = world();
  const { number, digest } = await promote(at, "b1", "1.fc40");
  const kept = at.candidate.manifests.get(`${image}@${digest}`);
  at.candidate.manifests.delete(`${image}@${digest}`);
  const mergeCommit = at.git.merge(number);
  await expect(run(releaseFlow(at.ports), intent)).rejects.toMatchObject(incomplete);
  expect(at.production.writes).toEqual([]);
  const status = at.git.statuses.get(`${mergeCommit} flibs / release to production (${image})`);
  expect(status).toMatchObject({ state: "failure", title: "3 of 3 tags not released" });
  expect(status?.summary).toContain(`${digest} is in neither registry`);
  if (kept) at.candidate.manifests.set(`${image}@${digest}`, kept);
  // It was not remembered as done, so the next look goes on.
  expect((await startReleases(at.ports, false, "next")).runs).toHaveLength(1);
  await run(releaseFlow(at.ports), intent);
  expect(at.production.tags.get(`${image}:latest`)).toBe(digest);
  expect(at.git.statuses.get(`${mergeCommit} flibs / release to production (${image})`)?.state).toBe("success");
});

test("DG9 two merges at once release both images, each once", async () => {
  const at = world();
  const [one, two] = [await promote(at, "b1", "1.fc40"), await promote(at, "c1", "1.fc40", "f40/web")];
  at.git.merge(one.number);
  at.git.merge(two.number);
  await Promise.all([startReleases(at.ports, false, "hook"), startReleases(at.ports, false, "hook")]);
  const releases = at.started.filter((started) => started.flow === "release");
  expect(releases.map((started) => started.subject).sort()).toEqual([
    `release production ${path}`,
    "release production images/f40/web.yaml",
  ]);
  await Promise.all(releases.map((started) => run(releaseFlow(at.ports), started.intent as typeof intent)));
  expect(at.production.tags.get(`${image}:latest`)).toBe(one.digest);
  expect(at.production.tags.get("f40/web:latest")).toBe(two.digest);
  expect(at.production.writes).toHaveLength(6);
});

test("DG9 a run that was started for an older merge of the same image releases what main says now", async () => {
  const at = world();
  at.git.merge((await promote(at, "b1", "1.fc40")).number);
  await startReleases(at.ports, false, "first");
  const two = await promote(at, "b2", "2.fc40");
  at.git.merge(two.number);
  await run(releaseFlow(at.ports), at.started[0]?.intent as typeof intent);
  expect(at.production.tags.get(`${image}:latest`)).toBe(two.digest);
  expect(at.production.tags.has(`${image}:323-1.fc40`)).toBe(true);
});

test("DG9 a run that waited for its signer signs and moves nothing that main has taken back meanwhile", async () => {
  const at = world();
  const one = await release(at, "b1", "1.fc40");
  const two = await promote(at, "b2", "2.fc40");
  at.git.merge(two.number);
  at.signers.production.unavailable = true;
  const journal = new Map();
  await expect(run(releaseFlow(at.ports), intent, journal)).rejects.toMatchObject({ kind: "transient" });
  // Rolled back: the release stays, nothing floats to it.
  const after = mainText(at);
  at.git.commit("main", { [path]: after.replace(/(\n {2}"?(?:323|latest)"?: ).*/g, '$1"323-1.fc40"') });
  at.signers.production.unavailable = false;
  await expect(run(releaseFlow(at.ports), intent, journal)).rejects.toMatchObject({ code: "promotion.main-moved", kind: "stale" });
  expect(at.production.tags.get(`${image}:latest`)).toBe(one);
  expect(at.signers.production.signed.filter((signed) => signed.digest === two.digest)).toEqual([]);
  // The release of what main says now is another run's.
  await run(releaseFlow(at.ports), intent);
  expect(at.production.tags.get(`${image}:323-2.fc40`)).toBe(two.digest);
  expect(at.production.tags.get(`${image}:latest`)).toBe(one);
});

test("DG9 a revert while a release is under way is released, although that text was in order once", async () => {
  const at = world();
  const one = await release(at, "b1", "1.fc40");
  const before = mainText(at);
  const two = await promote(at, "b2", "2.fc40");
  at.git.merge(two.number);
  const journal = new Map();
  await expect(run(releaseFlow(at.ports), intent, journal, ">tag 323")).rejects.toThrow("killed");
  expect(at.production.tags.get(`${image}:323`)).toBe(two.digest);
  at.git.commit("main", { [path]: before });
  await expect(run(releaseFlow(at.ports), intent, journal)).rejects.toMatchObject({ code: "promotion.main-moved" });
  // As the timer looks: only at what is not in order.
  await run(releaseScanFlow(at.ports), { repository: manifests, full: false });
  const started = at.started.filter(({ flow }) => flow === "release");
  expect(started).toHaveLength(1);
  await run(releaseFlow(at.ports), started[0]?.intent as typeof intent);
  for (const tag of ["323", "latest"]) expect(at.production.tags.get(`${image}:${tag}`)).toBe(one);
  at.started.splice(0);
  await run(releaseScanFlow(at.ports), { repository: manifests, full: false });
  expect(at.started.filter(({ flow }) => flow === "release")).toEqual([]);
});

test("DG9 a run that was cut off between its signatures and its tags writes none that main has withdrawn meanwhile", async () => {
  const at = world();
  const { number } = await promote(at, "b1", "1.fc40");
  at.git.merge(number);
  const journal = new Map();
  await expect(run(releaseFlow(at.ports), intent, journal, ">tag 323-1.fc40")).rejects.toThrow("killed");
  at.production.tags.delete(`${image}:323-1.fc40`);
  at.git.commit("main", {
    [path]: `${mainText(at).replace(/floating:.*/s, "")}withdrawn:\n  "323-1.fc40":\n    reason: "CVE"\n    by: "alice"\n`,
  });
  await expect(run(releaseFlow(at.ports), intent, journal)).rejects.toMatchObject({ code: "promotion.main-moved" });
  expect([...at.production.tags.keys()]).toEqual([]);
});

test("DG10 a merge that nobody told of is found by the timer; told twice it is released once", async () => {
  const at = world();
  const { number, digest } = await promote(at, "b1", "1.fc40");
  at.git.merge(number);
  for (const key of ["timer", "late hook"]) {
    await run(releaseScanFlow(at.ports), { repository: manifests, full: false });
    for (const started of at.started.splice(0)) {
      if (started.flow === "release") await run(releaseFlow(at.ports), started.intent as typeof intent);
    }
    expect({ key, latest: at.production.tags.get(`${image}:latest`) }).toEqual({ key, latest: digest });
  }
  expect(at.production.writes).toHaveLength(3);
  expect(at.reports).toHaveLength(1);
});

test("DG12 a policy that comes with an image is judged by the base's policy, and refused", async () => {
  const at = world();
  const { number, branch } = await promote(at, "b1", "1.fc40");
  await at.signers.candidate.removeSignatures({
    digest: at.builds.get("b1")?.digest as Digest,
    publicName: "candidate.example.test/f40/cockpit:323-1.fc40",
  });
  const policy = at.git.read(at.git.branches.get("main") ?? "")["policy.yaml"] ?? "";
  at.git.commit(branch, { "policy.yaml": policy.replace("gates: [signature]", "gates: []") });
  const head = at.git.branches.get(branch) ?? "";
  await run(checkPromotionFlow(at.ports), { repository: manifests, number, head });
  const { summary } = at.git.statuses.get(`${head} flibs / promotion`) ?? { summary: "" };
  expect(summary).toContain("the policy is changed together with images/f40/cockpit.yaml");
  expect(summary).toContain("(CK6)");
});

describe("DG15 tags are never cut", () => {
  test("DG15 two long versions that agree in their first 128 characters stay two", () => {
    const long = "1".repeat(130);
    expect(sanitiseTag(`${long}~a-1`)).toBe(`${long}_a-1`);
  });

  /** A build of a version that is no tag, whose tag is made by promotion. */
  async function buildOf(at: World, id: string, version: string) {
    const build = await at.build({ id, release: "1.fc40" });
    if (!build.plan || !build.nvr) throw new Error("no plan");
    const { primaryTag: _, ...plan } = build.plan;
    at.builds.set(id, { ...build, nvr: { ...build.nvr, version }, plan: { ...plan, floatingTags: [] } });
  }

  test("DG15 a version that is too long for a tag is not proposed", async () => {
    const at = world();
    await buildOf(at, "b1", "1".repeat(130));
    await expect(proposePromotion(at.ports, "b1")).rejects.toMatchObject({ kind: "input" });
    expect(at.git.pulls).toEqual([]);
  });

  test("DG15 two versions that differ only in what a tag may not have are not both proposed", async () => {
    const at = world();
    await buildOf(at, "b1", "1.0~a");
    await buildOf(at, "b2", "1.0^a");
    const one = await proposePromotion(at.ports, "b1");
    at.git.merge("number" in one ? one.number : 0);
    expect(mainText(at)).toContain('"1.0_a-1.fc40"');
    await expect(proposePromotion(at.ports, "b2")).rejects.toMatchObject({ code: "promotion.tag-taken" });
  });
});

test("DG19 a signer that goes away in the middle leaves no tag without a signature", async () => {
  const at = world();
  at.git.merge((await promote(at, "b1", "1.fc40")).number);
  let calls = 0;
  const ports = whileSigning(at, () => {
    calls += 1;
    at.signers.production.unavailable = calls === 2;
  });
  const journal = new Map();
  await expect(run(releaseFlow(ports), intent, journal)).rejects.toMatchObject({ kind: "transient" });
  expect(at.production.writes).toEqual([]);
  await run(releaseFlow(ports), intent, journal);
  expect(at.production.writes).toHaveLength(3);
  expect(new Set(at.signers.production.signed.map((one) => `${one.digest} ${one.publicName}`)).size).toBe(6);
  expect(at.signers.production.signed).toHaveLength(6);
});

test("DG20 signatures name what users type, never the registry's inner address", async () => {
  const at = world();
  await release(at, "b1", "1.fc40");
  const names = new Set(at.signers.production.signed.map((one) => one.publicName));
  expect([...names].sort()).toEqual(["323", "323-1.fc40", "latest"].map((tag) => `registry.example.test/f40/cockpit:${tag}`));
});

test("DG21, DG22 attestations are no platform, and an index within an index has its platforms", async () => {
  const { registry, push } = memoryRegistry("candidate:5000");
  const pushed = await push(image, "x", ["linux/amd64", "linux/arm64"]);
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const attestation = {
    ...{ mediaType: "application/vnd.oci.image.manifest.v1+json", digest: digestOf("not there"), size: 1 },
    platform: { os: "unknown", architecture: "unknown" },
    annotations: { "vnd.docker.reference.type": "attestation-manifest" },
  };
  const bytes = new TextEncoder().encode(
    JSON.stringify({ schemaVersion: 2, mediaType, manifests: [{ mediaType, digest: pushed.digest, size: 1 }, attestation] }),
  );
  const digest = await registry.putManifest(image, digestOf(bytes), { mediaType, bytes, digest: digestOf(bytes) });
  const tree = await readImageTree(registry, image, digest);
  expect(tree.platforms.map((one) => [one.platform, one.digest])).toEqual([
    ["linux/amd64", pushed.children[0]],
    ["linux/arm64", pushed.children[1]],
  ]);
});

test("DG24 one digest released under two tags, and one tag in two repositories", async () => {
  const at = world();
  const one = await release(at, "b1", "1.fc40");
  const web = await promote(at, "c1", "1.fc40", "f40/web");
  at.git.merge(web.number);
  await run(releaseFlow(at.ports), { ...intent, path: "images/f40/web.yaml" });
  expect(at.production.tags.get("f40/web:323-1.fc40")).toBe(web.digest);
  expect(at.production.tags.get(`${image}:323-1.fc40`)).toBe(one);
  // The same bytes built again: a release of its own, no second copy, names of its own signed.
  const again = await at.build({ id: "b2", release: "2.fc40" });
  at.builds.set("b2", { ...again, digest: one });
  const proposed = await proposePromotion(at.ports, "b2");
  at.git.merge("number" in proposed ? proposed.number : 0);
  await run(releaseFlow(at.ports), intent);
  expect(lines(at)).toEqual(["323-1.fc40 ok", "323-2.fc40 tagged", "323 ok", "latest ok"]);
  expect(at.signers.production.signed.filter((signed) => signed.publicName.endsWith("f40/cockpit:323-2.fc40"))).toHaveLength(2);
});

test("DG25 a roll-back to a release whose bytes are gone everywhere moves nothing and says what is lost", async () => {
  const at = world();
  const one = await release(at, "b1", "1.fc40");
  const two = await release(at, "b2", "2.fc40");
  for (const place of [at.candidate, at.production]) place.manifests.delete(`${image}@${one}`);
  at.production.tags.delete(`${image}:323-1.fc40`);
  const mergeCommit = at.git.commit("main", { [path]: mainText(at).replaceAll(/: "323-2.fc40"/g, ': "323-1.fc40"') });
  await expect(run(releaseFlow(at.ports), intent)).rejects.toMatchObject(incomplete);
  expect(at.production.tags.get(`${image}:latest`)).toBe(two);
  expect(lines(at)).toEqual(["323-1.fc40 lost", "323-2.fc40 ok", "323 lost", "latest lost"]);
  expect(at.git.statuses.get(`${mergeCommit} flibs / release to production (${image})`)?.summary).toContain(
    `${one} is in neither registry`,
  );
});
