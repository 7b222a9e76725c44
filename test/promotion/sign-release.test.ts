import { describe, expect, test } from "@jest/globals";
import { type Digest, digestOf } from "../../src/domain/digest.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { signTags } from "../../src/promotion/release-effects.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import type { ReleaseToSign, SignedTags } from "../../src/promotion/release-signer.ts";
import { releaseSigner } from "../../src/promotion/sign-release.ts";
import { run, world } from "./world.ts";

const path = "images/f40/cockpit.yaml";
const never = new AbortController().signal;
type World = ReturnType<typeof world>;

/** Two releases on main and in production, unsigned there; `commit` is main's head. */
async function released(childTags = false) {
  const at = world(["linux/amd64", "linux/arm64"], [], childTags);
  for (const [id, release] of [
    ["b1", "1.fc40"],
    ["b2", "2.fc40"],
  ] as const) {
    await at.build({ id, release });
    const proposed = await proposePromotion(at.ports, id);
    if (!("number" in proposed)) throw new Error(proposed.outcome);
    at.git.merge(proposed.number);
    await run(releaseFlow(at.ports), { repository: at.ports.settings.repository, registry: "production", path, commit: "" });
  }
  for (const { digest, publicName } of [...at.signers.production.signed])
    await at.signers.production.removeSignatures({ digest, publicName });
  return { at, commit: head(at), signer: releaseSigner(at.ports) };
}
const head = (at: World) => at.git.branches.get("main") ?? "";
const text = (at: World) => at.git.read(head(at))[path] ?? "";
const change = (at: World, edit: (before: string) => string, branch = "main") => at.git.commit(branch, { [path]: edit(text(at)) });
const names = (at: World) => [...new Set(at.signers.production.signed.map((one) => one.publicName.split(":")[1]))].toSorted();
const releaseDigest = (at: World) => /digest: (sha256:\S+)/.exec(text(at))?.[1] as Digest;
/** How long it took is told too, and never the same. */
const untimed = (signed: SignedTags) => Object.fromEntries(Object.entries(signed).map(([tag, { ms: _, ...rest }]) => [tag, rest]));
const withdrawn = (tag: string) => (before: string) =>
  `${before.replaceAll(/: "323-\d.fc40"/g, `: "323-${tag.startsWith("323-1") ? 2 : 1}.fc40"`)}withdrawn:\n  "${tag}": {reason: CVE, by: alice}\n`;

describe("signing a release", () => {
  test("every tag of the file is signed for the index and each platform, and signing again adds nothing", async () => {
    const { at, commit, signer } = await released();
    const signed = await signer.sign({ commit, path, registry: "production" }, never);
    expect(untimed(signed)).toEqual({ "323-1.fc40": { added: 3 }, "323-2.fc40": { added: 3 }, "323": { added: 3 }, latest: { added: 3 } });
    expect(new Set(at.signers.production.signed.map((one) => one.publicName.split(":")[0]))).toEqual(
      new Set(["registry.example.test/f40/cockpit"]),
    );
    expect(await signer.sign({ commit, path, registry: "production" }, never)).toMatchObject({ latest: { added: 0 } });
  });

  test("tags narrow what is signed, and never widen it", async () => {
    const { at, commit, signer } = await released();
    const wanted = { commit, path, registry: "production", tags: ["latest", "evil", "__proto__"] };
    expect(untimed(await signer.sign(wanted, never))).toEqual({ latest: { added: 3 } });
    expect(names(at)).toEqual(["latest"]);
  });

  test.each<[string, (good: ReleaseToSign, at: World) => Partial<ReleaseToSign>, string]>([
    ["a commit that nobody merged", (_, at) => ({ commit: change(at, (before) => before, "evil") }), "is not on main"],
    ["a commit that there is not", () => ({ commit: "d".repeat(40) }), "is not on main"],
    ["a branch in place of a commit", () => ({ commit: "main" }), "is no commit"],
    ["an option in place of a commit", () => ({ commit: "--upload-pack=evil" }), "is no commit"],
    ["a path outside", () => ({ path: "images/../policy.yaml" }), "is no image file"],
    ["the policy", () => ({ path: "policy.yaml" }), "is no image file"],
    ["an absolute path", () => ({ path: "/etc/passwd" }), "is no image file"],
    ["a file that is not there", () => ({ path: "images/f40/none.yaml" }), "has no file"],
    ["a registry that no route leads to", () => ({ registry: "candidate" }), "no route leads"],
    ["a registry that there is not", () => ({ registry: "__proto__" }), "no route leads"],
  ])("%s is refused, and nothing is signed or withdrawn", async (_name, wrong, why) => {
    const { at, commit, signer } = await released();
    await signer.sign({ commit, path, registry: "production", tags: ["latest"] }, never);
    const good = { commit, path, registry: "production" };
    for (const ask of [signer.sign, signer.withdraw]) {
      await expect(ask({ ...good, ...wrong(good, at) }, never)).rejects.toMatchObject({
        code: "signing.request-refused",
        message: expect.stringContaining(why),
      });
    }
    expect(names(at)).toEqual(["latest"]);
  });

  test("a file with a fault is not signed at all", async () => {
    const { at, signer } = await released();
    const commit = change(at, (before) => `${before}colour: red\n`);
    const refused = signer.sign({ commit, path, registry: "production" }, never);
    await expect(refused).rejects.toMatchObject({ code: "promotion.file-invalid" });
    expect(names(at)).toEqual([]);
  });

  test("a policy that names a registry otherwise than the signer's settings is a fault", async () => {
    const { at, signer } = await released();
    const policy = at.git.read(head(at))["policy.yaml"] ?? "";
    const commit = at.git.commit("main", { "policy.yaml": policy.replace("registry.example.test", "registry.evil.test") });
    const refused = signer.sign({ commit, path, registry: "production" }, never);
    await expect(refused).rejects.toMatchObject({ code: "promotion.policy-invalid" });
  });

  test("an image that lost a platform is a failure of its tags alone", async () => {
    const { at, commit, signer } = await released();
    const [digest] = [...at.production.tags].find(([tag]) => tag === "f40/cockpit:323-1.fc40")?.slice(1) ?? [];
    const index = at.production.manifests.get(`f40/cockpit@${digest}`);
    const [child] = JSON.parse(new TextDecoder().decode(index?.bytes)).manifests;
    at.production.manifests.delete(`f40/cockpit@${child.digest}`);
    const signed = await signer.sign({ commit, path, registry: "production" }, never);
    expect(untimed(signed)["323-1.fc40"]).toEqual({ added: 0, failed: expect.any(String) });
    expect(untimed(signed)["323-2.fc40"]).toEqual({ added: 3 });
    expect(names(at)).toEqual(["323", "323-2.fc40", "latest"]);
  });

  test("DG19: an unavailable key is thrown, so that the run waits", async () => {
    const { at, commit, signer } = await released();
    at.signers.production.unavailable = true;
    const refused = signer.sign({ commit, path, registry: "production" }, never);
    await expect(refused).rejects.toMatchObject({ code: "signing.signer-unavailable", kind: "transient" });
  });
});

describe("the branch's head has the last word on withdrawals", () => {
  test("an old commit, asked for again, does not bring back what was withdrawn after it", async () => {
    const { at, commit, signer } = await released();
    await signer.sign({ commit, path, registry: "production" }, never);
    const later = change(at, withdrawn("323-2.fc40"));
    expect(await signer.withdraw({ commit: later, path, registry: "production" }, never)).toEqual({ "323-2.fc40": { removed: 9 } });
    expect(untimed(await signer.sign({ commit, path, registry: "production" }, never))).toEqual({ "323-1.fc40": { added: 0 } });
    expect(names(at)).toEqual(["323-1.fc40"]);
  });

  test("an old commit does not sign a release, or a tag that stood at it, which a revert took out again", async () => {
    const { at, commit, signer } = await released();
    const before = text(at);
    change(at, (now) => now.replace(/ {2}"?323-2\.fc40"?:\n(?: {4}.*\n)+/, "").replaceAll(/(: "?)323-2\.fc40/g, "$1323-1.fc40"));
    expect([before.includes("323-2"), text(at).includes("323-2")]).toEqual([true, false]);
    expect(untimed(await signer.sign({ commit, path, registry: "production" }, never))).toEqual({ "323-1.fc40": { added: 3 } });
    expect(names(at)).toEqual(["323-1.fc40"]);
  });

  test("an old commit does not sign for a registry that the policy leads to no more", async () => {
    const at = world(["linux/amd64"], ["mirror"]);
    await at.build({ id: "b1", release: "1.fc40" });
    const proposed = await proposePromotion(at.ports, "b1");
    if (!("number" in proposed)) throw new Error(proposed.outcome);
    const commit = at.git.merge(proposed.number);
    await at.ports.copier.copy(
      {
        source: { registry: "candidate", repository: "f40/cockpit", digest: releaseDigest(at) },
        destination: { registry: "mirror", repository: "f40/cockpit" },
      },
      never,
    );
    const policy = at.git.read(commit)["policy.yaml"] ?? "";
    const less = policy.replace(/to: \[.*\]/, "to: [production]");
    expect(less).not.toBe(policy);
    at.git.commit("main", { "policy.yaml": less });
    const signer = releaseSigner(at.ports);
    const refused = signer.sign({ commit, path, registry: "mirror" }, never);
    await expect(refused).rejects.toMatchObject({ code: "signing.request-refused", message: expect.stringContaining("no route leads") });
    at.git.commit("main", { "policy.yaml": policy });
    expect(Object.keys(await signer.sign({ commit, path, registry: "mirror" }, never))).toContain("323-1.fc40");
  });

  test("an old withdrawal does not take away what was allowed again", async () => {
    const { at, signer } = await released();
    const before = text(at);
    const old = change(at, withdrawn("323-2.fc40"));
    const now = change(at, () => before);
    await signer.sign({ commit: now, path, registry: "production" }, never);
    expect(await signer.withdraw({ commit: old, path, registry: "production" }, never)).toEqual({});
    expect(names(at)).toEqual(["323", "323-1.fc40", "323-2.fc40", "latest"]);
  });

  test("DG24: a name that a standing release needs on the same digest stays", async () => {
    const { at, signer } = await released();
    const digest = /323-2.fc40":\n\s+digest: (\S+)/.exec(text(at))?.[1];
    const same = (before: string) => before.replace(/(323-1.fc40":\n\s+digest: )\S+/, `$1${digest}`);
    const both = change(at, same);
    await signer.sign({ commit: both, path, registry: "production" }, never);
    const commit = change(at, withdrawn("323-2.fc40"));
    await signer.withdraw({ commit, path, registry: "production" }, never);
    expect(names(at)).toEqual(["323", "323-1.fc40", "latest"]);
  });
});

test.each(["constructor", "toString", "latest"])("a tag %s of which the signer says nothing is not taken for signed", async (tag) => {
  const { at, commit } = await released();
  const silent = { ...at.ports, releaseSigner: { sign: async () => ({}), withdraw: async () => ({}) } };
  const digest = releaseDigest(at);
  const plan = { imageRepository: "f40/cockpit", from: "candidate", to: "production", removeTags: [], tags: [] };
  const one = { tag, digest, class: "floating", release: "323-1.fc40", action: "tag", copy: false } as const;
  expect(await signTags(silent, plan, { commit, path }, [one], never)).toEqual({
    [tag]: { added: 0, ms: 0, failed: `${tag} is not signed any more` },
  });
});

/** Requests to the registry for withdrawing one release beside two that stand and `more` others. */
async function askedFor(more: number, childTags: boolean) {
  const { at, commit, signer } = await released(childTags);
  await signer.sign({ commit, path, registry: "production" }, never);
  change(at, withdrawn("323-2.fc40"));
  const others = Array.from({ length: more }, (_, n) => `  "5-${n}.fc40": {digest: "${digestOf(`${n}`)}", build: b${n}}\n`).join("");
  const latest = change(at, (before) => before.replace("releases:\n", `releases:\n${others}`));
  let asked = 0;
  const named = (name: string) =>
    new Proxy(at.ports.registries.named(name), {
      get(registry, member) {
        asked += member === "findManifest" || member === "readManifest" ? 1 : 0;
        return Reflect.get(registry, member);
      },
    });
  const counted = releaseSigner({ ...at.ports, registries: { named } });
  const done = await counted.withdraw({ commit: latest, path, registry: "production" }, never);
  return { asked, done, names: names(at) };
}

test.each([false, true])("what a withdrawal asks does not grow with the releases that stand (child tags: %s)", async (childTags) => {
  const few = await askedFor(0, childTags);
  expect(few.done["323-2.fc40"]?.removed).toBeGreaterThan(0);
  expect(few.names.filter((tag) => !tag?.startsWith("323-1.fc40"))).toEqual([]);
  expect(await askedFor(60, childTags)).toEqual(few);
});

test("no platform of a floating tag is signed under a name of its own: nobody merged that", async () => {
  const { at, commit, signer } = await released(true);
  await signer.sign({ commit, path, registry: "production" }, never);
  const parts = ["323-1.fc40", "323-2.fc40"].flatMap((tag) => [tag, `${tag}-amd64`, `${tag}-arm64`]);
  expect(names(at)).toEqual(["323", ...parts, "latest"].toSorted());
});
