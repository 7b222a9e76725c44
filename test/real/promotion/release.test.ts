import { afterAll, expect, test } from "@jest/globals";
import type { Digest } from "../../../src/domain/digest.ts";
import { proposePromotion } from "../../../src/promotion/propose-promotion.ts";
import { releaseFlow } from "../../../src/promotion/release-flow.ts";
import { releaseSigner } from "../../../src/promotion/sign-release.ts";
import { imageCopier } from "../../../src/registry/image-copier.ts";
import { inMemoryMountMemory } from "../../../src/registry/mount-memory.ts";
import { namedRegistries } from "../../../src/registry/named-registries.ts";
import { type RegistryClient, registryClient } from "../../../src/registry/registry-client.ts";
import { manifests, run, world } from "../../promotion/world.ts";
import { startDockerRegistry } from "../../support/docker-registry.ts";

const running: { stop(): Promise<void> }[] = [];
const clients: RegistryClient[] = [];
afterAll(async () => {
  for (const client of clients) client.close();
  for (const one of running) await one.stop();
});

async function start(): Promise<RegistryClient> {
  const registry = await startDockerRegistry();
  running.push(registry);
  const client = registryClient({ endpoint: registry.endpoint, plainHttp: true });
  clients.push(client);
  return client;
}

test("a merged promotion is copied by digest between two real registries, released, and withdrawn with its tag", async () => {
  const [candidate, production] = [await start(), await start()];
  const at = world();
  const registries = namedRegistries({ candidate, production });
  const copier = imageCopier(registries, { transfers: 4, mountMemory: inMemoryMountMemory() });
  const ports = { ...at.ports, registries, copier, releaseSigner: releaseSigner({ ...at.ports, registries }) };
  const push = async (id: string, release: string) => {
    const build = await at.build({ id, release });
    for (const [key, blob] of at.candidate.blobs) await candidate.putBlob(key.split("@")[0] ?? "", blob);
    const all = [...at.candidate.manifests.values()].sort(
      (a, b) => Number(a.mediaType.includes("index")) - Number(b.mediaType.includes("index")),
    );
    for (const manifest of all) await candidate.putManifest("f40/cockpit", manifest.digest, manifest);
    const proposed = await proposePromotion(ports, id);
    at.git.merge("number" in proposed ? proposed.number : 0);
    await run(releaseFlow(ports), { repository: manifests, registry: "production", path: "images/f40/cockpit.yaml", commit: "" });
    return build.digest as Digest;
  };
  const one = await push("b1", "1.fc40");
  expect((await production.findManifest("f40/cockpit", "latest"))?.digest).toBe(one);
  expect(at.reports[0]?.lines[0]).toMatchObject({ what: "copied", signaturesAdded: 2 });
  expect(at.reports[0]?.lines[0]?.bytesStreamed).toBeGreaterThan(0);
  const two = await push("b2", "2.fc40");
  expect((await production.findManifest("f40/cockpit", "latest"))?.digest).toBe(two);
  expect((await production.findManifest("f40/cockpit", "323-1.fc40"))?.digest).toBe(one);
  const path = "images/f40/cockpit.yaml";
  const text = at.git.read(at.git.branches.get("main") ?? "")[path];
  at.git.commit("main", { [path]: `${text}withdrawn:\n  "323-1.fc40": {reason: CVE, by: alice, removeTag: true}\n` });
  await run(releaseFlow(ports), { repository: manifests, registry: "production", path, commit: "" });
  expect(await production.findManifest("f40/cockpit", "323-1.fc40")).toBeUndefined();
  expect((await production.findManifest("f40/cockpit", "323-2.fc40"))?.digest).toBe(two);
});
