import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Digest } from "../../src/domain/digest.ts";
import { digestOf } from "../../src/domain/digest.ts";
import { isTag } from "../../src/domain/image-reference.ts";
import { checkChange } from "../../src/promotion/check-change.ts";
import { childTag, findImage } from "../../src/promotion/image-children.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import { manifests, memoryRegistry, run, world } from "./world.ts";

const image = "f40/cockpit";
const path = `images/${image}.yaml`;
const platforms = ["linux/amd64", "linux/arm64"];
const makeWorld = () => world(platforms, [], true);
type World = ReturnType<typeof makeWorld>;

async function merge(at: World, id: string, release: string) {
  const build = await at.build({ id, release });
  const proposed = await proposePromotion(at.ports, id);
  if (!("number" in proposed)) throw new Error(proposed.outcome);
  at.git.merge(proposed.number);
  return { build, number: proposed.number };
}
const release = (at: World) => run(releaseFlow(at.ports), { repository: manifests, registry: "production", path, commit: "hint" });
const main = (at: World) => at.git.read(at.git.branches.get("main") ?? "")[path] ?? "";
const tagsOf = (at: World) => [...at.production.tags.keys()].map((key) => key.slice(image.length + 1)).sort();
const childrenOf = async (at: World, digest: Digest) => (await findImage(at.production.registry, image, digest))?.children ?? [];

describe("RG13: the children of a release have tags of their own", () => {
  test("written behind signatures for these names, before the release's tag", async () => {
    const at = makeWorld();
    const { build } = await merge(at, "b1", "1.fc40");
    await release(at);
    expect(at.production.writes).toEqual(
      ["323-1.fc40-amd64", "323-1.fc40-arm64", "323-1.fc40", "323", "latest"].map((tag) => `${image}:${tag}`),
    );
    for (const { digest, suffix } of await childrenOf(at, build.digest as Digest)) {
      expect(at.production.tags.get(`${image}:323-1.fc40-${suffix}`)).toBe(digest);
      const names = at.signers.production.signed.filter((one) => one.digest === digest).map((one) => one.publicName);
      expect(names).toContain(`registry.example.test/${image}:323-1.fc40-${suffix}`);
    }
    expect(at.reports.at(-1)?.lines.map((line) => `${line.tag} ${line.what}`)).toContain("323-1.fc40-amd64 tagged");
  });

  test("count as managed, and a second look has nothing to do", async () => {
    const at = makeWorld();
    await merge(at, "b1", "1.fc40");
    await release(at);
    const writes = [...at.production.writes];
    await release(at);
    expect(at.production.writes).toEqual(writes);
    expect(at.reports.at(-1)).toMatchObject({ outcome: "nothing-to-do" });
    expect(at.reports.at(-1)?.lines.map((line) => line.what)).not.toContain("unmanaged");
  });

  test("one that is gone is written again, one that stands elsewhere never, and its release stays", async () => {
    const at = makeWorld();
    const { build } = await merge(at, "b1", "1.fc40");
    await release(at);
    const [first, second] = await childrenOf(at, build.digest as Digest);
    at.production.tags.delete(`${image}:323-1.fc40-amd64`);
    await release(at);
    expect(at.production.tags.get(`${image}:323-1.fc40-amd64`)).toBe(first?.digest);
    at.production.tags.set(`${image}:323-1.fc40-amd64`, second?.digest as Digest);
    await expect(release(at)).rejects.toThrow(/323-1.fc40-amd64 tag-move/);
    expect(at.production.tags.get(`${image}:323-1.fc40-amd64`)).toBe(second?.digest);
    expect(at.production.tags.get(`${image}:latest`)).toBe(build.digest);
  });

  test("a name that the file gives to another tag is refused at the pull request (CK9)", async () => {
    const at = makeWorld();
    const { number } = await merge(at, "b1", "1.fc40");
    const policy = at.git.read(at.git.branches.get("main") ?? "")["policy.yaml"] ?? "";
    at.git.commit("main", { "policy.yaml": policy.replace("floating: [", () => "floating: ['^323-1.fc40-amd64$', ") });
    const base = at.git.branches.get("main") ?? "";
    at.git.branches.set("hand", base);
    const head = at.git.commit("hand", { [path]: main(at).replace("  latest:", '  "323-1.fc40-amd64": "323-1.fc40"\n  latest:') });
    const { faults } = await checkChange(at.ports, { repository: manifests, head, baseHead: base, baseBranch: "main", mergeable: true });
    expect(faults.map((fault) => `${fault.check} ${fault.message}`)).toEqual([
      "CK9 the name of a platform's tag (323-1.fc40-amd64) is taken by a tag of the file",
    ]);
    expect(number).toBe(1);
  });

  test("a withdrawal that removes the tag takes them along, but what another release shares stays", async () => {
    const at = makeWorld();
    await merge(at, "b1", "1.fc40");
    await release(at);
    const { build } = await merge(at, "b2", "2.fc40");
    await release(at);
    // The arm64 image of the first release is also the second's, as a rebuild that changed nothing makes it.
    const shared = (await childrenOf(at, at.builds.get("b1")?.digest as Digest))[1]?.digest as Digest;
    at.production.tags.set(`${image}:323-2.fc40-extra`, shared);
    at.git.commit("main", { [path]: `${main(at)}withdrawn:\n  "323-1.fc40": {reason: CVE, by: alice, removeTag: true}\n` });
    await release(at);
    expect(tagsOf(at)).toEqual([
      "323",
      "323-1.fc40-arm64",
      "323-2.fc40",
      "323-2.fc40-amd64",
      "323-2.fc40-arm64",
      "323-2.fc40-extra",
      "latest",
    ]);
    expect(at.signers.production.signed.filter((one) => one.publicName.includes("323-1.fc40"))).toEqual([]);
    expect(await findImage(at.production.registry, image, build.digest as Digest)).toMatchObject({ whole: true });
  });

  test("none are written where the setting says so", async () => {
    const at = world(platforms);
    await merge(at, "b1", "1.fc40");
    await release(at);
    expect(tagsOf(at)).toEqual(["323", "323-1.fc40", "latest"]);
  });
});

describe("names of children", () => {
  const types = { index: "application/vnd.oci.image.index.v1+json", image: "application/vnd.oci.image.manifest.v1+json" };
  const child = (text: string, platform: object | undefined, annotations?: object) => ({
    ...{ mediaType: types.image, digest: digestOf(text), size: 1 },
    ...(platform ? { platform } : {}),
    ...(annotations ? { annotations } : {}),
  });
  const suffixes = async (manifestsBelow: readonly object[]) => {
    const { registry } = memoryRegistry("r");
    const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests: manifestsBelow }));
    const digest = digestOf(bytes);
    await registry.putManifest("a/b", digest, { mediaType: types.index, bytes, digest });
    return (await findImage(registry, "a/b", digest))?.children.map((one) => one.suffix);
  };
  test("tell architectures, variants and systems apart; an attestation has its digest's beginning", async () => {
    const attestation = { "vnd.docker.reference.type": "attestation-manifest" };
    expect(
      await suffixes([
        child("a", { os: "linux", architecture: "amd64" }),
        child("b", { os: "linux", architecture: "arm", variant: "v7" }),
        child("c", { os: "windows", architecture: "amd64" }),
        child("d", { os: "unknown", architecture: "unknown" }, attestation),
      ]),
    ).toEqual(["amd64", "arm-v7", "windows-amd64", digestOf("d").slice(7, 19)]);
  });
  test("are the same in any order, also when two platforms have one name", async () => {
    const both = [child("a", { os: "linux", architecture: "amd64" }), child("b", { os: "linux", architecture: "amd64" })];
    expect((await suffixes(both))?.toSorted()).toEqual((await suffixes(both.toReversed()))?.toSorted());
    expect(await suffixes(both)).toEqual([digestOf("a").slice(7, 19), digestOf("b").slice(7, 19)]);
  });
  test("whatever an index calls its platforms, a child's name is a tag or too long for one, and begins with its release", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), fc.stringMatching(/^[a-zA-Z0-9_][\w.-]{0,127}$/), (suffix, tag) => {
        const name = childTag(tag, { digest: digestOf(suffix), suffix });
        expect(name.startsWith(`${tag}-`)).toBe(true);
        expect(isTag(name) || name.length > 128).toBe(true);
      }),
    );
  });
});
