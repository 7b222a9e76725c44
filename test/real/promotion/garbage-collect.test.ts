import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { type RealWorld, realWorld } from "./real-world.ts";

const image = "f40/cockpit";
const platforms = ["linux/amd64", "linux/arm64"];
const worlds: RealWorld[] = [];

jest.setTimeout(120_000);
let tagged: RealWorld;
let untagged: RealWorld;
beforeAll(async () => {
  tagged = await realWorld(platforms);
  untagged = await realWorld(platforms, false);
  worlds.push(tagged, untagged);
}, 120_000);
afterAll(async () => {
  for (const one of worlds) await one.stop();
});

async function releaseOne(at: RealWorld) {
  const build = await at.build({ id: "20261101-0001", release: "1.fc40" });
  await at.merge((await at.propose(build.id)).number);
  await at.scan();
  const { bytes } = await at.clients.production.readManifest(image, "latest");
  const children = (JSON.parse(new TextDecoder().decode(bytes)) as { manifests: { digest: string }[] }).manifests.map((one) => one.digest);
  expect(children).toHaveLength(2);
  return children;
}

const found = (at: RealWorld, references: readonly string[]) =>
  Promise.all(references.map(async (reference) => (await at.clients.production.findManifest(image, reference)) !== undefined));

test("RG13: with child tags docker-registry garbage-collect -m leaves every platform, signed as before", async () => {
  const children = await releaseOne(tagged);
  const tags = [...(await tagged.clients.production.listTags(image))].sort();
  expect(tags).toEqual([
    "323",
    "323-1.fc40",
    "323-1.fc40-amd64",
    "323-1.fc40-arm64",
    "latest",
    // The promotion record: the list of the index's referrers, and the tag that keeps it, in the order of their digests.
    expect.stringMatching(/^sha256-[0-9a-f]{64}/),
    expect.stringMatching(/^sha256-[0-9a-f]{64}/),
  ]);
  expect(tags.filter((tag) => tag.endsWith(".artifact"))).toHaveLength(1);
  await tagged.servers.production.collectGarbage();
  expect(await found(tagged, [...tags, ...children])).toEqual([...tags, ...children].map(() => true));
  for (const tag of ["323-1.fc40", "323-1.fc40-arm64", "latest"]) {
    expect(await tagged.verify(image, tag)).toMatchObject({ ok: true });
    expect(await tagged.pull(image, tag, ["--all"])).toMatchObject({ exitCode: 0 });
  }
});

test("RG13, DG2: without child tags it takes the platforms away, and the next look at main brings them back", async () => {
  const children = await releaseOne(untagged);
  await untagged.servers.production.collectGarbage();
  expect(await found(untagged, ["latest", ...children])).toEqual([true, false, false]);
  await untagged.scan(true);
  expect(await found(untagged, ["latest", ...children])).toEqual([true, true, true]);
  expect(await untagged.pull(image, "latest", ["--all"])).toMatchObject({ exitCode: 0 });
});
