import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type ParentPorts, resolveParents } from "../../../src/builds/parents.ts";
import { demandParents, pinStages } from "../../../src/builds/pinned-parents.ts";
import { parseDockerfile } from "../../../src/distgit/dockerfile.ts";
import { rewriteDockerfile } from "../../../src/distgit/rewrite-dockerfile.ts";
import type { Platform } from "../../../src/domain/platform.ts";
import type { Manifest } from "../../../src/registry/registry.ts";
import { type RegistryClient, registryClient } from "../../../src/registry/registry-client.ts";
import { fakeBuildStore } from "../../fakes/build-store.ts";
import { type RunningRegistry, startDockerRegistry } from "../../support/docker-registry.ts";
import { describeManifest, manifestOf } from "../../support/registry-image.ts";

let server: RunningRegistry;
let client: RegistryClient;
beforeAll(async () => {
  server = await startDockerRegistry();
  client = registryClient({ endpoint: server.endpoint, plainHttp: true, retry: { retries: 0 } });
});
afterAll(async () => {
  client.close();
  await server.stop();
});

const { builds, records } = fakeBuildStore();
const platforms: readonly Platform[] = ["linux/amd64", "linux/arm64"];
const portsOf = (): ParentPorts => ({
  builds,
  openRegistry: () => client,
  candidate: { registry: client, endpoint: server.endpoint, publicName: "candidate.example.test" },
  settings: {
    allowedParents: [{ prefix: "registry.example.test/", mirror: `${server.endpoint}/mirrored`, plainHttp: true }],
    digestMismatch: "fail",
  },
});

/** The image of each platform, and the list of them under a tag. */
async function pushList(repository: string, tag: string, labels: Readonly<Record<string, string>>) {
  const images: Manifest[] = [];
  for (const platform of platforms) {
    const [os, architecture] = platform.split("/");
    const text = JSON.stringify({ os, architecture, config: { Env: ["FGC=f42", "EMPTY="], Labels: labels, User: "1001" } });
    const config = Buffer.from(text);
    const configType = "application/vnd.oci.image.config.v1+json";
    const descriptor = { mediaType: configType, digest: await client.putBlob(repository, config), size: config.length };
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const image = manifestOf({ schemaVersion: 2, mediaType, config: descriptor, layers: [] });
    await client.putManifest(repository, image.digest, image);
    images.push(image);
  }
  const manifests = images.map((image, index) => {
    const [os, architecture] = (platforms[index] ?? "").split("/");
    return { ...describeManifest(image), platform: { os, architecture } };
  });
  const list = manifestOf({ schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests });
  await client.putManifest(repository, tag, list);
  return { list, images };
}

const dockerfileOf = (text: string) => {
  const { dockerfile } = parseDockerfile(text);
  if (dockerfile === undefined) throw new Error("the Dockerfile is not read");
  return dockerfile;
};
const nvr = { "com.redhat.component": "base-container", version: "1", release: "1" };

test("a tag behind a mirror with a path is pinned to its list, with images, build and configuration", async () => {
  const { list, images } = await pushList("mirrored/f42/base", "1", nvr);
  const dockerfile = dockerfileOf("ARG V=1\nFROM registry.example.test/f42/base:$V\nRUN true\n");
  const { parents, warnings } = await resolveParents(portsOf(), dockerfile, platforms, {});
  expect(parents).toEqual([
    {
      written: "registry.example.test/f42/base:1",
      pinned: `${server.endpoint}/mirrored/f42/base@${list.digest}`,
      digest: list.digest,
      platforms: { "linux/amd64": images[0]?.digest, "linux/arm64": images[1]?.digest },
      nvr: "base-container-1-1",
      ...{ env: { FGC: "f42", EMPTY: "" }, labels: nvr, user: "1001", layers: 0 },
    },
  ]);
  expect(warnings).toEqual([]);
  expect(rewriteDockerfile(pinStages(dockerfile, parents), { pinned: (image) => image, labels: {} }).text).toBe(
    `ARG V=1\nFROM ${server.endpoint}/mirrored/f42/base@${list.digest}\nRUN true\n`,
  );
  // The tag moves; what was planned stays.
  await pushList("mirrored/f42/base", "1", { ...nvr, release: "2" });
  await demandParents(portsOf(), dockerfile, parents, "linux/amd64");
});

test("the digest of one image leads to its list, and a build made here takes the place of a FROM", async () => {
  const { list, images } = await pushList("mirrored/f42/pinned", "1-1", nvr);
  const digest = images[0]?.digest;
  const [pinned] = (await resolveParents(portsOf(), dockerfileOf(`FROM registry.example.test/f42/pinned@${digest}\n`), platforms, {}))
    .parents;
  expect(pinned).toMatchObject({ digest: list.digest, written: `registry.example.test/f42/pinned@${digest}` });

  const own = await pushList("f42/pinned", "u-1", nvr);
  const plan = {
    ...{ imageRepository: "f42/pinned", platforms, parents: [], labels: {}, uniqueTag: "u-1", floatingTags: [], suites: [] },
  };
  records.set("b1", {
    ...{ id: "b1", forge: "local", repository: "containers/base", branch: "f42", commit: "c".repeat(40), scratch: false },
    ...{ requestedBy: "alice", state: "complete", images: [], tests: [], createdAt: "2026-11-23T21:00:00.000Z" },
    ...{ nvr: { name: "base-container", version: "1", release: "1" }, digest: own.list.digest, plan },
  });
  const dockerfile = dockerfileOf("FROM registry.example.test/f42/pinned:never-there\n");
  const replaced = await resolveParents(portsOf(), dockerfile, platforms, { parentBuild: "base-container-1-1" });
  expect(replaced.parents).toMatchObject([
    { stage: 0, pinned: `${server.endpoint}/f42/pinned@${own.list.digest}`, build: "b1", nvr: "base-container-1-1" },
  ]);
  records.clear();
});

test("an image that a registry has removed is missed, its list or that of the platform", async () => {
  const { list, images } = await pushList("mirrored/f42/short-lived", "1", {});
  const dockerfile = dockerfileOf("FROM registry.example.test/f42/short-lived:1\n");
  const { parents } = await resolveParents(portsOf(), dockerfile, platforms, {});
  await client.deleteManifest("mirrored/f42/short-lived", images[1]?.digest ?? list.digest);
  await demandParents(portsOf(), dockerfile, parents, "linux/amd64");
  const gone = { code: "builds.parent-gone", line: 1 };
  await expect(demandParents(portsOf(), dockerfile, parents, "linux/arm64")).rejects.toMatchObject(gone);
  await client.deleteManifest("mirrored/f42/short-lived", list.digest);
  await expect(demandParents(portsOf(), dockerfile, parents, "linux/amd64")).rejects.toMatchObject(gone);
  await expect(resolveParents(portsOf(), dockerfile, platforms, {})).rejects.toMatchObject({ code: "builds.parent-unknown" });
});
