import { beforeEach, describe, expect, test } from "@jest/globals";
import type { Digest } from "../../src/domain/digest.ts";

import { appError } from "../../src/domain/errors.ts";
import { silentLog } from "../../src/log.ts";
import { auditFlow, dueAudit } from "../../src/promotion/audit-flow.ts";
import { type AuditPorts, carryOutAudit } from "../../src/promotion/audit-run.ts";
import type { AuditScope } from "../../src/promotion/audit-walk.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import { reconciledKey } from "../../src/promotion/release-store.ts";
import { memoryAuditStore } from "../fakes/audit-store.ts";
import { manifests, type memoryRegistry, run, world } from "./world.ts";

// One image of two platforms, released to two registries; then somebody does something to one of them.
const image = "f40/cockpit";
const path = `images/${image}.yaml`;
const never = new AbortController().signal;
let at: ReturnType<typeof world>;
let ports: AuditPorts;
let released: Digest;

beforeEach(async () => {
  at = world(["linux/amd64", "linux/arm64"], ["mirror"]);
  ports = { ...at.ports, audits: memoryAuditStore(), log: silentLog };
  const build = await at.build({ id: "b1", release: "1.fc40" });
  released = build.digest as Digest;
  const proposed = await proposePromotion(ports, build.id);
  at.git.merge("number" in proposed ? proposed.number : 0);
  for (const registry of ["production", "mirror"]) await release(registry);
});

const release = (registry: string, deep = false) => run(releaseFlow(ports), { repository: manifests, registry, path, commit: "", deep });
const registryOf = (name: string) => at.all[name] as ReturnType<typeof memoryRegistry>;
/** `production latest moved: …` for all that is not in order, and what could not be looked at. */
async function audit(scope: Partial<AuditScope> = {}): Promise<readonly string[]> {
  const said: string[] = [];
  await carryOutAudit(ports, "a1", { deep: false, ...scope }, never, ({ registry, lines, failed }) => {
    if (failed !== undefined) said.push(`${registry} not looked at: ${failed}`);
    for (const line of lines) if (line.state !== "ok") said.push(`${registry} ${line.tag} ${line.state}: ${line.message}`);
  });
  return said.sort();
}

test("what was released is in order, everywhere, also when every layer is asked for", async () => {
  expect(await audit()).toEqual([]);
  expect(await audit({ deep: true })).toEqual([]);
  expect(await carryOutAudit(ports, "a2", { deep: false }, never)).toMatchObject({ images: 2, whole: true, unread: 0, counts: { ok: 6 } });
});

describe("each thing that somebody may do is told for the tags that it concerns", () => {
  const tags = ["323", "323-1.fc40", "latest"];
  const all = (what: string) => tags.map((tag) => `production ${tag} ${what}`);

  test("a tag is taken away", async () => {
    registryOf("production").tags.delete(`${image}:latest`);
    expect(await audit()).toEqual(["production latest missing: the tag is not there"]);
  });

  test("a tag is moved to something else", async () => {
    const other = await registryOf("production").push(image, "other", ["linux/amd64"]);
    registryOf("production").tags.set(`${image}:323-1.fc40`, other.digest);
    expect(await audit()).toEqual([`production 323-1.fc40 moved: the tag stands at ${other.digest}`]);
  });

  test("a tag is added that nobody asked for; companions of images are not", async () => {
    registryOf("mirror").tags.set(`${image}:bogus`, released);
    registryOf("mirror").tags.set(`${image}:${released.replace(":", "-")}.sig`, released);
    expect(await audit()).toEqual(["mirror bogus unmanaged: no registry manifest speaks of it"]);
  });

  test("a hundred tags that nobody asked for are told one by one, the rest is counted", async () => {
    for (let i = 0; i < 250; i += 1) registryOf("mirror").tags.set(`${image}:x${i}`, released);
    const said = await audit();
    expect(said).toHaveLength(101);
    expect(said).toContain("mirror  unmanaged: 150 more tags that no registry manifest speaks of");
  });

  test("signatures of one name go, on one platform", async () => {
    const [child] = childrenOf(released);
    await at.signers.production.removeSignatures({ digest: child as Digest, publicName: `registry.example.test/${image}:323` });
    expect(await audit()).toEqual([`production 323 unsigned: ${child?.slice(7, 19)}: no valid signature`]);
  });

  test("a signature has expired", async () => {
    const publicName = `registry.example.test/${image}:latest`;
    await at.signers.production.removeSignatures({ digest: released, publicName });
    at.signers.production.plant(image, released, { kind: "openpgp", location: "x", verdict: "expired", publicName });
    expect(await audit()).toEqual([`production latest unsigned: ${released.slice(7, 19)}: the signature has expired`]);
  });

  test("garbage is put beside the signatures", async () => {
    at.signers.production.plant(image, released, { kind: "openpgp", location: "signature-9", verdict: "unreadable" });
    expect(await audit()).toEqual(all("bad-signature: signature-9 cannot be read"));
  });

  test("a platform is deleted", async () => {
    const [child] = childrenOf(released);
    registryOf("production").manifests.delete(`${image}@${child}`);
    expect(await audit()).toEqual(all(`lost-child: ${child} is gone`));
  });

  test("a layer is deleted: seen when it is asked for", async () => {
    const [key = ""] = registryOf("production").blobs.keys();
    registryOf("production").blobs.delete(key);
    expect(await audit()).toEqual([]);
    expect(await audit({ deep: true })).toEqual(all(`lost-blob: ${key.split("@")[1]} is gone`));
  });

  test("a manifest has other bytes than its digest says", async () => {
    const real = registryOf("production").registry.readManifest;
    const [child] = childrenOf(released);
    registryOf("production").registry.readManifest = async (repository, reference) => {
      if (reference === child) throw appError("registry.digest-mismatch", "came back as another");
      return real(repository, reference);
    };
    expect(await audit()).toEqual([]);
    expect(await audit({ deep: true })).toEqual(all(`lost-child: ${child} is damaged`));
  });

  test("a withdrawn release is signed again", async () => {
    const text = at.git.read(at.git.branches.get("main") ?? "")[path] ?? "";
    at.git.commit("main", { [path]: `${text.replace(/floating:[\s\S]*/, "")}withdrawn:\n  "323-1.fc40": {reason: CVE, by: alice}\n` });
    for (const registry of ["production", "mirror"]) await release(registry);
    // Floating tags that the file speaks of no more stay.
    expect((await audit()).filter((line) => !line.includes("unmanaged"))).toEqual([]);
    await at.signers.production.ensureSigned([{ digest: released, publicName: `registry.example.test/${image}:323-1.fc40` }], never);
    expect(await audit({ registry: "production" })).toContainEqual(
      expect.stringMatching(/^production 323-1\.fc40 bad-signature: withdrawn, and still signed/),
    );
  });
});

describe("what can't be looked at", () => {
  test("a registry that is away is told, the other is looked at, and its old findings stay", async () => {
    registryOf("mirror").tags.delete(`${image}:latest`);
    await audit();
    registryOf("mirror").registry.findManifest = async () => {
      throw appError("registry.unreachable", "HEAD mirror answered 503");
    };
    registryOf("production").tags.delete(`${image}:323`);
    expect(await audit()).toEqual(["mirror not looked at: HEAD mirror answered 503", "production 323 missing: the tag is not there"]);
    expect((await ports.audits.listFindings({ limit: 10 })).map((one) => `${one.registry} ${one.tag}`).sort()).toEqual([
      "mirror latest",
      "production 323",
    ]);
  });

  test("an answer that nobody foresaw is told of its image and holds up no other", async () => {
    registryOf("mirror").registry.findManifest = async () => JSON.parse("{");
    registryOf("production").tags.delete(`${image}:323`);
    expect(await audit()).toEqual([
      expect.stringMatching(/^mirror not looked at: unexpected: .*JSON/),
      "production 323 missing: the tag is not there",
    ]);
  });

  test("a registry that does not answer five times is not asked for the rest", async () => {
    let asked = 0;
    registryOf("mirror").registry.findManifest = async () => {
      asked += 1;
      throw appError("registry.unreachable", "no answer");
    };
    const text = at.git.read(at.git.branches.get("main") ?? "")[path] ?? "";
    const more = Array.from({ length: 40 }, (_, i) => [`images/f40/i${i}.yaml`, text.replace("f40/cockpit", `f40/i${i}`)]);
    at.git.commit("main", Object.fromEntries(more));
    const said = await audit({ registry: "mirror" });
    expect(said).toHaveLength(41);
    expect(said.filter((line) => line.includes("not asked any more"))).not.toEqual([]);
    // Three tags each, four images at a time: those that were under way when the fifth failed.
    expect(asked).toBeLessThanOrEqual(3 * 12);
  });

  test("a file with a fault is told with its line", async () => {
    at.git.commit("main", { "images/f40/broken.yaml": "schema: 1\nrepository: f40/broken\ncolour: red\n" });
    expect(await audit({ registry: "production" })).toEqual([
      expect.stringMatching(/production not looked at: images\/f40\/broken\.yaml:/),
    ]);
  });

  test("an image that nobody releases is a mistake of the question", async () => {
    await expect(audit({ imageRepository: "f40/nothing" })).rejects.toMatchObject({ code: "promotion.image-unknown" });
  });

  test("a look that is called off ends with the reason", async () => {
    await expect(carryOutAudit(ports, "a", { deep: false }, AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
  });
});

describe("the timer's look", () => {
  const look = async (key: string, deep = false) => {
    const started = at.started.length;
    await run(auditFlow(ports), { repository: manifests, deep }, new Map(), undefined);
    return at.started.slice(started).map((one) => `${one.subject} ${key}`);
  };
  const statuses = () =>
    [...at.git.statuses.entries()].filter(([key]) => key.endsWith("flibs / audit")).map(([, one]) => `${one.state}: ${one.title}`);

  test("what git can make good is released again, and everything is told once, then closed", async () => {
    registryOf("production").tags.delete(`${image}:latest`);
    expect(await look("1")).toEqual([`release production ${path} 1`]);
    expect(at.started.at(-1)?.intent).toMatchObject({ registry: "production", path, deep: true });
    expect(statuses()).toEqual(["failure: 1 missing"]);
    expect([...at.git.statuses.values()].at(-1)?.summary).toContain(
      "| `production` | `f40/cockpit:latest` | **missing** | the tag is not there | released again by itself |",
    );
    at.git.statuses.clear();
    await look("2");
    expect(statuses()).toEqual([]);
    await release("production");
    await look("3");
    expect(statuses()).toEqual(["success: everything is in order again"]);
    at.git.statuses.clear();
    await look("4");
    expect(statuses()).toEqual([]);
  });

  test("what was moved is told and never mended; what nobody manages is no failure", async () => {
    const other = await registryOf("production").push(image, "other", ["linux/amd64"]);
    registryOf("production").tags.set(`${image}:latest`, other.digest);
    expect(await look("1")).toEqual([]);
    expect(statuses()).toEqual(["failure: 1 moved"]);
    registryOf("production").tags.set(`${image}:latest`, released);
    registryOf("production").tags.set(`${image}:bogus`, released);
    await look("2");
    expect(statuses()).toEqual(["neutral: 1 unmanaged"]);
  });

  test("a flood of tags that nobody manages hides neither what was moved nor what can be mended", async () => {
    const { listFindings } = ports.audits;
    ports = {
      ...ports,
      audits: { ...ports.audits, listFindings: (filter) => listFindings({ ...filter, limit: Math.min(filter.limit, 3) }) },
    };
    for (let n = 0; n < 5; n += 1) registryOf("mirror").tags.set(`${image}:a${n}`, released);
    const other = await registryOf("production").push(image, "other", ["linux/amd64"]);
    registryOf("production").tags.set(`${image}:latest`, other.digest);
    registryOf("production").tags.delete(`${image}:323`);
    expect(await look("1")).toEqual([`release production ${path} 1`]);
    expect(statuses()).toEqual(["failure: 1 missing, 1 moved, 1 unmanaged"]);
  });

  test("a platform that is gone is copied again from the candidate registry", async () => {
    const [child] = childrenOf(released);
    registryOf("production").manifests.delete(`${image}@${child}`);
    const [key = ""] = registryOf("production").blobs.keys();
    registryOf("production").blobs.delete(key);
    expect(await look("1", true)).toEqual([`release production ${path} 1`]);
    await release("production", true);
    expect(await audit({ deep: true })).toEqual([]);
  });

  test("what is gone everywhere is lost, and said loudly by its release", async () => {
    const [child] = childrenOf(released);
    registryOf("production").manifests.delete(`${image}@${child}`);
    at.candidate.manifests.delete(`${image}@${released}`);
    expect(await look("1")).toEqual([`release production ${path} 1`]);
    await expect(release("production", true)).rejects.toMatchObject({
      code: "promotion.release-incomplete",
      message: expect.stringContaining("lost"),
    });
    expect(await audit()).toHaveLength(3);
  });

  test("what a merge has just asked for is its release's affair: neither told nor started again", async () => {
    const two = await at.build({ id: "b2", release: "2.fc40" });
    const proposed = await proposePromotion(ports, two.id);
    at.git.merge("number" in proposed ? proposed.number : 0);
    expect(await look("1")).toEqual([]);
    expect(statuses()).toEqual([]);
    const found = await ports.audits.listFindings({ limit: 100 });
    expect(found.every((one) => one.pending)).toBe(true);
    expect(found.map((one) => `${one.registry} ${one.tag} ${one.state}`)).toContain("mirror 323-2.fc40 missing");
  });

  test("findings of an image that is no longer there go with it", async () => {
    registryOf("production").tags.set(`${image}:bogus`, released);
    await look("1");
    at.git.commit("main", { [path]: undefined as unknown as string });
    at.reconciled.delete(reconciledKey("production", path));
    await look("2");
    expect(await ports.audits.listFindings({ limit: 10 })).toEqual([]);
  });

  test("without a main branch there is nothing to say", async () => {
    at.git.branches.delete("main");
    expect(await look("1")).toEqual([]);
    expect(await ports.audits.listAudits({ limit: 1 })).toEqual([]);
  });
});

test("a deep look is due before a plain one, each by its own time, and neither right after the other", () => {
  const now = new Date("2026-11-23T12:00:00Z");
  const every = { plainMs: 3_600_000, deepMs: 24 * 3_600_000 };
  const before = (hours: number, deep: boolean) => ({ deep, startedAt: new Date(now.getTime() - hours * 3_600_000).toISOString() });
  expect(dueAudit([], now, every)).toBe("deep");
  expect(dueAudit([before(2, false), before(30, true)], now, every)).toBe("deep");
  expect(dueAudit([before(2, false), before(3, true)], now, every)).toBe("plain");
  expect(dueAudit([before(2, false), before(0.5, true)], now, every)).toBeUndefined();
  expect(dueAudit([before(0.5, false), before(3, true)], now, every)).toBeUndefined();
});

/** Digests of an index's children, in its order. */
function childrenOf(digest: Digest): readonly Digest[] {
  const manifest = at.candidate.manifests.get(`${image}@${digest}`);
  return JSON.parse(new TextDecoder().decode(manifest?.bytes)).manifests.map((one: { digest: Digest }) => one.digest);
}
