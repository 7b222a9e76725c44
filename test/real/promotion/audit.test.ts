import { existsSync } from "node:fs";
import { readdir, readFile, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { Digest } from "../../../src/domain/digest.ts";
import { silentLog } from "../../../src/log.ts";
import { repairablePlaces, startRepairs } from "../../../src/promotion/audit-repair.ts";
import { type AuditPorts, carryOutAudit } from "../../../src/promotion/audit-run.ts";
import { isIndexMediaType, parseImageManifest } from "../../../src/registry/image-manifest.ts";
import { memoryAuditStore } from "../../fakes/audit-store.ts";
import { putImage } from "../../support/registry-image.ts";
import { manifests, type RealWorld, realWorld } from "./real-world.ts";

// A released image of two platforms on a real docker-registry. Each test does one bad thing by hand, looks, mends, and looks again.
const image = "f40/cockpit";
const tags = ["323", "323-1.fc40", "323-1.fc40-amd64", "323-1.fc40-arm64", "latest"];
const oci = "application/vnd.oci.image.manifest.v1+json";
let at: RealWorld;
let ports: AuditPorts;
let top: Digest;
let children: readonly Digest[];

jest.setTimeout(120_000);
beforeAll(async () => {
  at = await realWorld(["linux/amd64", "linux/arm64"]);
  ports = { ...at.ports, audits: memoryAuditStore(), log: silentLog };
  const build = await at.build({ id: "20261101-0001", release: "1.fc40", rpms: ["bash-5.2-1.fc40"] });
  top = build.digest as Digest;
  await at.merge((await at.propose(build.id)).number);
  await at.scan();
  const index = parseImageManifest(await at.clients.production.readManifest(image, top));
  children = index.kind === "index" ? index.children.map((child) => child.descriptor.digest) : [];
  expect(await look()).toEqual([]);
}, 120_000);
afterAll(() => at.stop());

/** `latest missing: …` for everything that is not in order, sorted. */
async function look(deep = true): Promise<readonly string[]> {
  const said: string[] = [];
  const audit = await carryOutAudit(ports, "look", { deep }, new AbortController().signal, ({ lines, failed }) => {
    if (failed !== undefined) said.push(`not looked at: ${failed}`);
    for (const line of lines) if (line.state !== "ok") said.push(`${line.tag} ${line.state}: ${line.message}`);
  });
  await ports.audits.saveAudit({ ...(audit as NonNullable<typeof audit>), id: `${Math.random()}` });
  return said.sort();
}

let repairs = 0;
/** As the timer and `--repair --confirm` do; returns how the release runs ended. */
async function repair(): Promise<readonly string[]> {
  const places = repairablePlaces(await ports.audits.listFindings({ limit: 1000 }));
  repairs += 1;
  const head = (await at.forge.findHead(manifests, "main")) ?? "";
  await startRepairs(ports, places, head, `repair ${repairs}`);
  return (await at.scan()).filter((run) => run.subject.startsWith("release ")).map((run) => run.ending.status);
}

const signatures = (digest: Digest) => join(at.lookasides.production, `${image}@${digest.replace(":", "=")}`);
/** Where docker-registry keeps the bytes of a blob or manifest. */
const dataOf = (digest: string, stage: "candidate" | "production" = "production") =>
  join(at.servers[stage].storage, "docker/registry/v2/blobs/sha256", digest.slice(7, 9), digest.slice(7), "data");
const layerOf = async (digest: Digest) => {
  const manifest = await at.clients.production.readManifest(image, digest);
  expect(isIndexMediaType(manifest.mediaType)).toBe(false);
  const parsed = parseImageManifest(manifest);
  return parsed.kind === "image" ? (parsed.layers[0]?.digest as Digest) : top;
};
const states = (said: readonly string[]) => said.map((line) => line.split(":")[0]);

test("missing: the index is deleted with its tags; it is copied, signed and tagged again", async () => {
  await at.clients.production.deleteManifest(image, top);
  expect(states(await look())).toEqual(expect.arrayContaining(["323 missing", "323-1.fc40 missing", "latest missing"]));
  expect(await repair()).toEqual(["done"]);
  expect(await look()).toEqual([]);
});

test("moved: a tag that somebody wrote over is told each time, and never moved back", async () => {
  const other = await putImage(at.clients.production, image, oci);
  await at.clients.production.putManifest(image, "323-1.fc40", other);
  const told = [`323-1.fc40 moved: the tag stands at ${other.digest}`];
  expect(await look()).toEqual(told);
  expect(await repair()).toEqual([]);
  await at.scan(true);
  expect(await at.tag(image, "323-1.fc40")).toBe(other.digest);
  expect(await look()).toEqual(told);
  // A person puts it back; deleting the stranger's manifest by digest would take nothing of ours.
  await at.clients.production.putManifest(image, "323-1.fc40", await at.clients.production.readManifest(image, top));
  expect(await look()).toEqual([]);
});

test("unmanaged: a tag that nobody asked for is told each time, and never deleted", async () => {
  const other = await putImage(at.clients.production, image, oci);
  await at.clients.production.putManifest(image, "bogus", other);
  expect(await look()).toEqual(["bogus unmanaged: no registry manifest speaks of it"]);
  expect(await repair()).toEqual([]);
  expect(await look()).toEqual(["bogus unmanaged: no registry manifest speaks of it"]);
  await at.clients.production.deleteManifest(image, other.digest);
  expect(await look()).toEqual([]);
});

test("unsigned: a signature that is gone is made again, and nothing else is signed", async () => {
  const before = (await readdir(signatures(top))).length;
  await unlink(join(signatures(top), `signature-${before}`));
  const said = await look(false);
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(/ unsigned: [0-9a-f]{12}: no valid signature$/);
  expect(await repair()).toEqual(["done"]);
  expect(await look()).toEqual([]);
  expect(await readdir(signatures(top))).toHaveLength(before);
});

test("unsigned: all signatures of a platform are gone, nobody could pull it", async () => {
  await rm(signatures(children[0] as Digest), { recursive: true });
  expect(states(await look())).toEqual(["323 unsigned", "323-1.fc40 unsigned", "323-1.fc40-amd64 unsigned", "latest unsigned"]);
  expect(await repair()).toEqual(["done"]);
  expect(await look()).toEqual([]);
});

test("DG16: a gap in the numbers hides what stands behind it; the gap is filled", async () => {
  await unlink(join(signatures(top), "signature-1"));
  expect(new Set(states(await look()))).toEqual(new Set(["323 unsigned", "323-1.fc40 unsigned", "latest unsigned"]));
  expect(await repair()).toEqual(["done"]);
  expect(await look()).toEqual([]);
  expect(await at.pull(image, "latest", ["--override-os=linux", "--override-arch=amd64"])).toMatchObject({ exitCode: 0 });
});

test.each([
  { name: "garbage", poison: (file: string) => writeFile(file, "garbage") },
  { name: "nothing", poison: (file: string) => writeFile(file, "") },
  { name: "bytes that look like OpenPGP", poison: (file: string) => writeFile(file, Buffer.from([0x90, 1, 2, 3])) },
  {
    name: "a signature of another digest",
    poison: async (file: string) => writeFile(file, await readFile(join(signatures(top), "signature-1"))),
  },
  {
    name: "a link out of the lookaside",
    poison: async (file: string) => rm(file, { force: true }).then(() => symlink("/etc/passwd", file)),
  },
])("DG16: bad-signature: $name in a signature's place is set aside, and the image can be pulled again", async ({ poison }) => {
  const place = signatures(children[0] as Digest);
  await poison(join(place, "signature-2"));
  const said = states(await look());
  expect(said).toContain("latest bad-signature");
  expect(await repair()).toEqual(["done"]);
  expect(await look()).toEqual([]);
  const aside = join(at.lookasides.production, ".aside", `${image}@${(children[0] as Digest).replace(":", "=")}`);
  expect((await readdir(aside)).some((name) => name.startsWith("signature-2-"))).toBe(true);
  expect(await at.pull(image, "latest", ["--override-os=linux", "--override-arch=amd64"])).toMatchObject({ exitCode: 0 });
  await rm(join(at.lookasides.production, ".aside"), { recursive: true });
});

test("lost-child: a platform that is deleted is copied again from the candidate registry", async () => {
  await at.clients.production.deleteManifest(image, children[1] as Digest);
  const said = await look();
  expect(states(said)).toEqual(expect.arrayContaining(["323 lost-child", "323-1.fc40 lost-child", "latest lost-child"]));
  expect(said).toContain(`latest lost-child: ${children[1]} is gone`);
  expect(await repair()).toEqual(["done"]);
  expect(await look()).toEqual([]);
});

test("lost-blob: a layer that is gone from the disk is seen by a deep look and copied again", async () => {
  const layer = await layerOf(children[0] as Digest);
  await unlink(dataOf(layer));
  expect(await look(false)).toEqual([]);
  expect(await look()).toContain(`latest lost-blob: ${layer} is gone`);
  expect(await repair()).toEqual(["done"]);
  expect(await look()).toEqual([]);
  expect(existsSync(dataOf(layer))).toBe(true);
});

test("lost-blob: what the candidate registry has lost too is told loudly, and its tags stay", async () => {
  const layer = await layerOf(children[0] as Digest);
  const kept = `${dataOf(layer, "candidate")}.kept`;
  await rename(dataOf(layer, "candidate"), kept);
  await unlink(dataOf(layer));
  expect(await look()).toContain(`latest lost-blob: ${layer} is gone`);
  expect(await repair()).toEqual(["failed"]);
  expect(at.reports.at(-1)).toMatchObject({ outcome: "failed" });
  expect(await look()).toContain(`latest lost-blob: ${layer} is gone`);
  for (const tag of tags) expect(await at.tag(image, tag)).toBeDefined();
  await rename(kept, dataOf(layer, "candidate"));
  expect(await repair()).toEqual(["done"]);
  expect(await look()).toEqual([]);
});

test("a manifest whose bytes are gone or changed on the disk is never taken for whole", async () => {
  const data = dataOf(children[0] as Digest);
  const bytes = await readFile(data);
  await writeFile(data, Buffer.concat([bytes, Buffer.from(" ")]));
  const damaged = await look();
  expect(damaged).not.toEqual([]);
  await writeFile(data, bytes);
  await rename(data, `${data}.kept`);
  expect(await look()).not.toEqual([]);
  await rename(`${data}.kept`, data);
  expect(await look()).toEqual([]);
});

test("a registry that is away is not looked at, and nothing of it is called lost", async () => {
  const away = {
    ...at.ports.registries,
    named: () => ({ ...at.clients.production, findManifest: async () => Promise.reject(unreachable) }),
  };
  const { appError } = await import("../../../src/domain/errors.ts");
  const unreachable = appError("registry.unreachable", "connect ECONNREFUSED");
  const said: string[] = [];
  await carryOutAudit({ ...ports, registries: away as never }, "away", { deep: false }, new AbortController().signal, (one) =>
    said.push(one.failed ?? ""),
  );
  expect(said).toEqual(["connect ECONNREFUSED"]);
});
