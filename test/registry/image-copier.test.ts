import { randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { digestOf } from "../../src/domain/digest.ts";
import { imageCopier } from "../../src/registry/image-copier.ts";
import { inMemoryMountMemory } from "../../src/registry/mount-memory.ts";
import { namedRegistries } from "../../src/registry/named-registries.ts";
import type { CopyReport } from "../../src/registry/registry.ts";
import { type RegistryClient, registryClient } from "../../src/registry/registry-client.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";
import { describeManifest, manifestOf, putImage } from "../support/registry-image.ts";

const oci = "application/vnd.oci.image.manifest.v1+json";
const ociIndex = "application/vnd.oci.image.index.v1+json";
const never = new AbortController().signal;

async function world() {
  const [candidate, production] = [await startFakeRegistry(), await startFakeRegistry()];
  const retry = { delay: async () => {}, random: () => 0 };
  const client = (fake: FakeRegistry) => registryClient({ endpoint: fake.endpoint, plainHttp: true, retry });
  const clients = { candidate: client(candidate), production: client(production) };
  const copier = imageCopier(namedRegistries(clients), { transfers: 3, mountMemory: inMemoryMountMemory() });
  const copy = (digest: string, to: "candidate" | "production", more: { repository?: string; from?: string; mountFrom?: string[] } = {}) =>
    copier.copy(
      {
        source: { registry: "candidate", repository: more.from ?? "containers/app", digest: digest as `sha256:${string}` },
        destination: { registry: to, repository: more.repository ?? "f40/app" },
        ...(more.mountFrom === undefined ? {} : { mountFrom: more.mountFrom }),
      },
      never,
    );
  const close = async () => {
    for (const one of Object.values(clients)) one.close();
    await candidate[Symbol.asyncDispose]();
    await production[Symbol.asyncDispose]();
  };
  return { candidate, production, clients, copier, copy, [Symbol.asyncDispose]: close };
}

async function putNested(client: RegistryClient, repository = "containers/app") {
  const images = [await putImage(client, repository, oci), await putImage(client, repository, oci)];
  const attestation = await putImage(client, repository, oci, [10]);
  for (const one of [...images, attestation]) await client.putManifest(repository, one.digest, one);
  const unknown = { os: "unknown", architecture: "unknown" };
  const [first, second] = images.map(describeManifest);
  const inner = manifestOf({
    schemaVersion: 2,
    mediaType: ociIndex,
    manifests: [second, { ...describeManifest(attestation), platform: unknown }],
  });
  await client.putManifest(repository, inner.digest, inner);
  const index = manifestOf({ schemaVersion: 2, mediaType: ociIndex, manifests: [first, describeManifest(inner)] });
  await client.putManifest(repository, "1", index);
  return index;
}

test("DG21, DG22: a nested index arrives whole, attestations too, children first, without a tag", async () => {
  await using w = await world();
  const index = await putNested(w.clients.candidate);
  const report = await w.copy(index.digest, "production");
  const copied = w.production.repository("f40/app");
  expect(report.manifests).toHaveLength(5);
  expect(report.manifests.at(-1)).toBe(index.digest);
  expect([...copied.manifests.keys()]).toEqual(report.manifests);
  expect(copied.tags.size).toBe(0);
  expect(report).toMatchObject({ blobsPresent: 0, blobsMounted: 0, blobsStreamed: 8 });
  expect(report.bytesStreamed).toBe(w.production.bytes.received);
});

test("in one registry no blob byte moves", async () => {
  await using w = await world();
  const index = await putNested(w.clients.candidate);
  Object.assign(w.candidate.bytes, { received: 0, sent: 0 });
  expect(await w.copy(index.digest, "candidate")).toMatchObject({ blobsMounted: 8, blobsStreamed: 0, bytesStreamed: 0 });
  expect(w.candidate.bytes).toEqual({ received: 0, sent: 0 });
});

test("a second copy finds everything there and writes nothing", async () => {
  await using w = await world();
  const index = await putNested(w.clients.candidate);
  await w.copy(index.digest, "production");
  w.production.requests.length = 0;
  expect(await w.copy(index.digest, "production")).toMatchObject({ blobsPresent: 8, blobsMounted: 0, blobsStreamed: 0 });
  expect(w.production.requests.filter((one) => !one.startsWith("HEAD"))).toEqual([]);
});

test("DG7: a mount that is refused is streamed, and the session that it opened is cancelled", async () => {
  await using w = await world();
  const index = await putNested(w.clients.candidate);
  w.candidate.flaws.mounts = "refused";
  expect(await w.copy(index.digest, "candidate")).toMatchObject({ blobsMounted: 0, blobsStreamed: 8 });
  expect(w.candidate.openUploads()).toBe(0);
});

test("layers that another repository of the destination got before are mounted from there", async () => {
  await using w = await world();
  const index = await putNested(w.clients.candidate);
  await w.copy(index.digest, "production");
  expect(await w.copy(index.digest, "production", { repository: "f41/app" })).toMatchObject({ blobsMounted: 8, blobsStreamed: 0 });
});

test("layers of a base image are mounted from where the caller says", async () => {
  await using w = await world();
  const image = await putImage(w.clients.candidate, "containers/app", oci);
  await w.clients.candidate.putManifest("containers/app", "1", image);
  for (const [digest, bytes] of w.candidate.repository("containers/app").blobs) w.production.repository("base").blobs.set(digest, bytes);
  expect(await w.copy(image.digest, "production", { mountFrom: ["other", "base"] })).toMatchObject({ blobsMounted: 3, blobsStreamed: 0 });
  expect(w.production.openUploads()).toBe(0);
});

test("a source that breaks off in the middle of a layer is asked again", async () => {
  await using w = await world();
  const image = await putImage(w.clients.candidate, "containers/app", oci, [500_000]);
  await w.clients.candidate.putManifest("containers/app", "1", image);
  w.candidate.flaws.cutBlobs.times = 2;
  Object.assign(w.candidate.flaws.cutBlobs, { times: 2, afterBytes: 5 });
  expect(await w.copy(image.digest, "production")).toMatchObject({ blobsStreamed: 2 });
  expect(w.production.openUploads()).toBe(0);
});

test("a damaged layer in the source never becomes part of the destination", async () => {
  await using w = await world();
  const image = await putImage(w.clients.candidate, "containers/app", oci, [5000]);
  await w.clients.candidate.putManifest("containers/app", "1", image);
  const { blobs } = w.candidate.repository("containers/app");
  for (const [digest, bytes] of blobs) if (bytes.length === 5000) blobs.set(digest, randomBytes(5000));
  await expect(w.copy(image.digest, "production")).rejects.toMatchObject({ code: "registry.digest-mismatch" });
  expect(w.production.repository("f40/app").manifests.size).toBe(0);
  expect(w.production.openUploads()).toBe(0);
});

test("DG6: an image whose child is gone from the source is refused before anything is written", async () => {
  await using w = await world();
  const index = await putNested(w.clients.candidate);
  const { manifests } = w.candidate.repository("containers/app");
  manifests.delete([...manifests.keys()][0] ?? "");
  await expect(w.copy(index.digest, "production")).rejects.toMatchObject({ code: "registry.manifest-unknown" });
  expect(w.production.requests).toEqual([]);
});

test("DG23: a foreign layer that the source does not have is left where it is", async () => {
  await using w = await world();
  const { clients } = w;
  const config = Buffer.from("");
  const foreign = {
    mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    digest: digestOf("windows"),
    size: 7,
    urls: ["https://example.test/l"],
  };
  const image = manifestOf({
    schemaVersion: 2,
    mediaType: "application/vnd.docker.distribution.manifest.v2+json",
    config: { mediaType: "application/octet-stream", digest: await clients.candidate.putBlob("containers/app", config), size: 0 },
    layers: [foreign],
  });
  await clients.candidate.putManifest("containers/app", "1", image);
  expect(await w.copy(image.digest, "production")).toMatchObject({ blobsStreamed: 1, bytesStreamed: 0 });
  expect(w.production.repository("f40/app").manifests.has(image.digest)).toBe(true);
});

test("an index nested deeper than any image is refused", async () => {
  await using w = await world();
  let inner = await putNested(w.clients.candidate);
  for (let depth = 0; depth < 5; depth += 1) {
    inner = manifestOf({ schemaVersion: 2, mediaType: ociIndex, manifests: [describeManifest(inner)] });
    await w.clients.candidate.putManifest("containers/app", inner.digest, inner);
  }
  await expect(w.copy(inner.digest, "production")).rejects.toMatchObject({ code: "registry.manifest-invalid" });
});

test("a copy that is called off stops with its reason, and goes on from there later", async () => {
  await using w = await world();
  const index = await putNested(w.clients.candidate);
  const stop = new AbortController();
  const request = {
    source: { registry: "candidate", repository: "containers/app", digest: index.digest },
    destination: { registry: "production", repository: "f40/app" },
  };
  const reports: CopyReport[] = [];
  const stopped = w.copier.copy(request, stop.signal, (report) => {
    reports.push(report);
    if (report.blobsStreamed === 3) stop.abort(new Error("called off"));
  });
  await expect(stopped).rejects.toThrow("called off");
  expect(w.production.repository("f40/app").manifests.size).toBe(0);
  const report = await w.copier.copy(request, never);
  expect(report.blobsPresent).toBeGreaterThanOrEqual(3);
  expect(report.blobsPresent + report.blobsStreamed).toBe(8);
});

test("an unknown registry name says which there are", async () => {
  await using w = await world();
  await expect(w.copy(digestOf("x"), "staging" as "candidate")).rejects.toMatchObject({
    code: "registry.unknown",
    hint: "Use one of candidate, production",
  });
});

test("a blob whose bytes are out makes room for the next one, while the registry still puts it on its disk", async () => {
  await using at = await world();
  const image = await putImage(at.clients.candidate, "containers/app", oci, [100_000, 100_000]);
  await at.clients.candidate.putManifest("containers/app", image.digest, image);
  const layers = JSON.parse(Buffer.from(image.bytes).toString()).layers.map(({ digest }: { digest: string }) => digest);
  const both = Promise.withResolvers<void>();
  const sent: string[] = [];
  const slow = {
    ...at.clients.production,
    uploadBlob: async (...[repository, blob, open, options]: Parameters<RegistryClient["uploadBlob"]>) => {
      await at.clients.production.uploadBlob(repository, blob, open, options);
      if (layers.includes(blob.digest)) sent.push(blob.digest);
      if (sent.length === 2) both.resolve();
      // The answer to the first comes after the second one's bytes.
      if (layers.includes(blob.digest)) await both.promise;
    },
  };
  const registries = namedRegistries({ candidate: at.clients.candidate, production: slow });
  const copier = imageCopier(registries, { transfers: 1, mountMemory: inMemoryMountMemory() });
  const destination = { registry: "production", repository: "f40/app" };
  await copier.copy({ source: { registry: "candidate", repository: "containers/app", digest: image.digest }, destination }, never);
  expect(sent.toSorted()).toEqual(layers.toSorted());
});

test("while a registry puts nothing on its disk, there are only so many blobs under way", async () => {
  await using at = await world();
  const image = await putImage(at.clients.candidate, "containers/app", oci, [1000, 1000, 1000, 1000, 1000, 1000]);
  await at.clients.candidate.putManifest("containers/app", image.digest, image);
  const stalled = Promise.withResolvers<void>();
  let underWay = 0;
  let most = 0;
  const slow = {
    ...at.clients.production,
    uploadBlob: async (...[repository, blob, open, options]: Parameters<RegistryClient["uploadBlob"]>) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await at.clients.production.uploadBlob(repository, blob, open, options);
      if (underWay === 3) setTimeout(stalled.resolve, 200);
      await stalled.promise;
      underWay -= 1;
    },
  };
  const registries = namedRegistries({ candidate: at.clients.candidate, production: slow });
  const copier = imageCopier(registries, { transfers: 1, mountMemory: inMemoryMountMemory() });
  const destination = { registry: "production", repository: "f40/app" };
  await copier.copy({ source: { registry: "candidate", repository: "containers/app", digest: image.digest }, destination }, never);
  expect(most).toBe(3);
});
