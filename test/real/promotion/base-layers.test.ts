import { execFileSync } from "node:child_process";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { BuildRecord } from "../../../src/builds/build-record.ts";
import { type Digest, digestOf } from "../../../src/domain/digest.ts";
import { countShared, readBases } from "../../../src/promotion/base-layers.ts";
import { readImageTree } from "../../../src/promotion/image-tree.ts";
import { namedRegistries } from "../../../src/registry/named-registries.ts";
import { registryClient } from "../../../src/registry/registry-client.ts";
import { world } from "../../promotion/world.ts";
import { startDockerRegistry } from "../../support/docker-registry.ts";
import { manifestOf } from "../../support/registry-image.ts";

/** The base's layer, pulled, built upon and pushed by a real Docker Engine, which compresses it anew. */

let server: Awaited<ReturnType<typeof startDockerRegistry>>;
const made: string[] = [];
const docker = (args: readonly string[], input?: string | Buffer) =>
  execFileSync("docker", args, {
    encoding: "utf8",
    stdio: "pipe",
    env: { ...process.env, DOCKER_BUILDKIT: "0" },
    ...(input === undefined ? {} : { input }),
  });

beforeAll(async () => {
  server = await startDockerRegistry();
});
afterAll(async () => {
  for (const image of made.toReversed()) docker(["rmi", "--force", image]);
  await server.stop();
});

test("a base layer that the engine pushed under another digest is still shared with the base", async () => {
  const client = registryClient({ endpoint: server.endpoint, plainHttp: true });
  const tar = execFileSync("tar", ["--create", "--file=-", "--mtime=@0", "--directory=/etc", "os-release", "hostname"], { stdio: "pipe" });
  // Compressed as no engine does it.
  const layer = gzipSync(tar, { level: 1 });
  const config = Buffer.from(
    JSON.stringify({ os: "linux", architecture: "amd64", config: {}, rootfs: { type: "layers", diff_ids: [digestOf(tar)] } }),
  );
  const oci = "application/vnd.oci.image";
  const manifest = manifestOf({
    ...{ schemaVersion: 2, mediaType: `${oci}.manifest.v1+json` },
    config: { mediaType: `${oci}.config.v1+json`, digest: await client.putBlob("fedora", config), size: config.length },
    layers: [{ mediaType: `${oci}.layer.v1.tar+gzip`, digest: await client.putBlob("fedora", layer), size: layer.length }],
  });
  await client.putManifest("fedora", manifest.digest, manifest);
  const pinned = `${server.endpoint}/fedora@${manifest.digest}`;
  const image = `${server.endpoint}/f40/cockpit:1`;
  made.push(pinned, image);
  docker(["build", "--quiet", "--tag", image, "-"], `FROM ${pinned}\nLABEL a=b\n`);
  docker(["push", "--quiet", image]);

  const pushed = (await client.findManifest("f40/cockpit", "1"))?.digest as Digest;
  const tree = await readImageTree(client, "f40/cockpit", pushed);
  const at = world();
  const facts = { publicName: "candidate.example.test", signingKey: "candidate", childTags: false };
  const registries = { candidate: { endpoint: server.endpoint, ...facts } };
  const ports = { ...at.ports, registries: namedRegistries({ candidate: client }), settings: { ...at.ports.settings, registries } };
  const base = (await readBases(ports, [{ written: "fedora", pinned, digest: manifest.digest }])).layers;
  const diffIds = JSON.parse(docker(["image", "inspect", "--format", "{{json .RootFS.Layers}}", image]));
  const build = { images: [{ platform: "linux/amd64", diffIds }] } as unknown as BuildRecord;
  expect(diffIds).toEqual([digestOf(tar)]);
  expect(tree.platforms.map((one) => countShared(one, build, base ?? new Set()))).toEqual([1]);
  // Nothing is shared with a base that is another.
  expect(tree.platforms.map((one) => countShared(one, build, new Set([digestOf("other")])))).toEqual([0]);
  expect(
    (await readBases(ports, [{ written: "fedora", pinned: "elsewhere.example.test/fedora", digest: manifest.digest }])).layers,
  ).toBeUndefined();
});
