import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { Digest } from "../../../src/domain/digest.ts";
import { type RealWorld, realWorld } from "./real-world.ts";

/**
 * The state table of the handbook's section 8, each row brought about by hand in real docker-registries; each image is another repository, so
 * that the rows do not get in each other's way and one look at main does them all.
 */
let at: RealWorld;
const platforms = ["linux/amd64", "linux/arm64"];
const rows = ["rl1", "rl2", "rl3", "rl4", "rl5", "rl6", "rl7", "rl8"] as const;
type Row = (typeof rows)[number];
const imageOf = (row: Row) => `f40/${row}`;
const pathOf = (row: Row) => `images/f40/${row}.yaml`;
const built = new Map<string, Digest>();

jest.setTimeout(120_000);
beforeAll(async () => {
  at = await realWorld(platforms);
  for (const [i, row] of rows.entries()) {
    for (const release of ["1.fc40", "2.fc40"]) {
      const { digest } = await at.build({ id: `2026110${release[0]}-000${i}`, release, repository: imageOf(row) });
      built.set(`${row} ${release[0]}`, digest as Digest);
    }
  }
  const files = Object.fromEntries(rows.map((row, i) => [pathOf(row), fileOf(row, i, ["1"])]));
  await (await at.person("releng/manifests")).push(files);
}, 240_000);
afterAll(() => at.stop());

function fileOf(row: Row, i: number, releases: readonly string[], latest = releases.at(-1)): string {
  const entries = releases
    .map((n) => `  "323-${n}.fc40":\n    digest: ${built.get(`${row} ${n}`)}\n    build: "2026110${n}-000${i}"\n`)
    .join("");
  return `schema: 1\nrepository: ${imageOf(row)}\nreleases:\n${entries}floating:\n  latest: "323-${latest}.fc40"\n`;
}

const lines = (row: Row) => {
  const report = at.reports.findLast((one) => one.imageRepository === imageOf(row));
  return Object.fromEntries((report?.lines ?? []).map((line) => [line.tag, line.what]));
};
const stands = (row: Row, tag: string) => at.tag(imageOf(row), tag);

test("RL3: absent, in the source: copied, signed, tagged; RL4: absent everywhere: lost, and the others go on", async () => {
  await at.clients.candidate.deleteManifest(imageOf("rl4"), built.get("rl4 1") as Digest);
  const ended = await at.scan();
  expect(lines("rl3")).toEqual({
    ...{ "323-1.fc40-amd64": "tagged", "323-1.fc40-arm64": "tagged", "323-1.fc40": "copied", latest: "tagged" },
  });
  for (const tag of ["323-1.fc40", "323-1.fc40-amd64", "latest"]) expect(await at.verify(imageOf("rl3"), tag)).toMatchObject({ ok: true });
  expect(await at.pull(imageOf("rl3"), "latest", ["--all"])).toMatchObject({ exitCode: 0 });
  expect(lines("rl4")).toEqual({ "323-1.fc40": "lost", latest: "lost" });
  expect(at.reports.findLast((one) => one.imageRepository === imageOf("rl4"))?.lines[0]?.message).toMatch(/is in neither registry/);
  expect(await at.clients.production.listTags(imageOf("rl4"))).toEqual([]);
  const failed = ended.filter((run) => run.ending.status === "failed").map((run) => run.subject);
  expect(failed).toEqual([`release production ${pathOf("rl4")}`]);
});

test("RL4: what was released and is lost in both registries is told as lost, and its tag is not written", async () => {
  const image = imageOf("rl1");
  for (const client of [at.clients.candidate, at.clients.production]) await client.deleteManifest(image, built.get("rl1 1") as Digest);
  await at.scan(true);
  expect(lines("rl1")).toMatchObject({ "323-1.fc40": "lost", latest: "lost" });
  expect(await stands("rl1", "323-1.fc40")).toBeUndefined();
});

test("RL1: as wanted: nothing is written, lost platforms and signatures are made good", async () => {
  const image = imageOf("rl2");
  await at.scan(true);
  expect(Object.values(lines("rl2")).every((what) => what === "ok")).toBe(true);
  const { bytes } = await at.clients.production.readManifest(image, "latest");
  const [amd64, arm64] = (JSON.parse(new TextDecoder().decode(bytes)) as { manifests: { digest: Digest }[] }).manifests.map(
    (one) => one.digest,
  );
  await at.clients.production.deleteManifest(image, arm64 as Digest);
  await at.signers.production.removeSignatures({ digest: amd64 as Digest, publicName: `${at.names.production}/${image}:latest` });
  expect(await at.verify(image, "latest").catch(() => ({ ok: false }))).toMatchObject({ ok: false });
  await at.scan(true);
  expect(lines("rl2")).toMatchObject({ "323-1.fc40": "copied", "323-1.fc40-arm64": "tagged" });
  expect(await at.verify(image, "latest")).toMatchObject({ ok: true });
  expect(await at.pull(image, "latest", ["--all"])).toMatchObject({ exitCode: 0 });
});

test("RL2: absent, the digest is in the destination: signed, then tagged with the stored bytes, nothing is copied", async () => {
  const image = imageOf("rl3");
  const index = await at.clients.production.readManifest(image, "latest");
  // 2.8.2 cannot delete a tag alone: the manifest goes with its tags and comes back without them.
  await at.clients.production.deleteManifest(image, index.digest);
  await at.clients.production.putManifest(image, index.digest, index);
  await at.scan(true);
  expect(lines("rl3")).toMatchObject({ "323-1.fc40-amd64": "ok", "323-1.fc40": "tagged", latest: "tagged" });
  expect(at.reports.findLast((one) => one.imageRepository === image)?.lines.map((line) => line.bytesStreamed)).toEqual([0, 0, 0, 0]);
  expect((await at.clients.production.readManifest(image, "latest")).bytes).toEqual(index.bytes);
});

test("RL5, DG1: an immutable tag that somebody moved is told loudly and never written over", async () => {
  const row = "rl5";
  const other = await copyByHand(row);
  await at.clients.production.putManifest(imageOf(row), "323-1.fc40", other);
  await at.scan(true);
  expect(lines(row)).toMatchObject({ "323-1.fc40": "tag-move", latest: "refused" });
  expect(await stands(row, "323-1.fc40")).toBe(other.digest);
});

test("RL6: a floating tag at a value of a former commit is moved", async () => {
  const row = "rl6";
  await (await at.person("releng/manifests")).push({ [pathOf(row)]: fileOf(row, rows.indexOf(row), ["1", "2"]) });
  await at.scan();
  expect(lines(row)).toMatchObject({ "323-2.fc40": "copied", latest: "moved" });
  await (await at.person("releng/manifests")).push({ [pathOf(row)]: fileOf(row, rows.indexOf(row), ["1", "2"], "1") });
  await at.scan();
  expect(lines(row)).toMatchObject({ "323-1.fc40": "ok", "323-2.fc40": "ok", latest: "moved" });
  expect(await stands(row, "latest")).toBe(built.get("rl6 1"));
});

test("RL7: a floating tag at a value that git never said is told as drift and left alone", async () => {
  const row = "rl7";
  const other = await copyByHand(row);
  await at.clients.production.putManifest(imageOf(row), "latest", other);
  await at.scan(true);
  expect(lines(row)).toMatchObject({ "323-1.fc40": "ok", latest: "drift" });
  expect(await stands(row, "latest")).toBe(other.digest);
});

test("RL8: a tag that no file speaks of is told and left alone", async () => {
  const row = "rl8";
  const other = await copyByHand(row);
  await at.clients.production.putManifest(imageOf(row), "stranger", other);
  await at.scan(true);
  expect(lines(row)).toMatchObject({ "323-1.fc40": "ok", latest: "ok", stranger: "unmanaged" });
  expect(await stands(row, "stranger")).toBe(other.digest);
});

/** The second build's amd64 image, brought into production past flibs. */
async function copyByHand(row: Row) {
  const image = imageOf(row);
  const { bytes } = await at.clients.candidate.readManifest(image, built.get(`${row} 2`) as Digest);
  const { manifests } = JSON.parse(new TextDecoder().decode(bytes)) as { manifests: { digest: Digest }[] };
  const child = await at.clients.candidate.readManifest(image, manifests[0]?.digest as Digest);
  const { config, layers } = JSON.parse(new TextDecoder().decode(child.bytes)) as {
    config: { digest: Digest };
    layers: { digest: Digest }[];
  };
  for (const { digest } of [config, ...layers]) {
    await at.clients.production.putBlob(image, await at.clients.candidate.readBlob(image, digest, 10_000_000));
  }
  await at.clients.production.putManifest(image, child.digest, child);
  return child;
}
