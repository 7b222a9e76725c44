import type { BuildRecord, InstalledRpm } from "../../../src/builds/build-record.ts";
import type { Digest } from "../../../src/domain/digest.ts";
import type { RegistryClient } from "../../../src/registry/registry-client.ts";
import type { Signer } from "../../../src/signing/signer.ts";
import { describeManifest, manifestOf } from "../../support/registry-image.ts";

const types = {
  index: "application/vnd.oci.image.index.v1+json",
  image: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
};

/** What a build of the tests differs in. */
export interface BuildFields {
  readonly id: string;
  readonly release: string;
  readonly repository?: string;
  readonly version?: string;
  readonly tag?: string;
  readonly platforms?: readonly string[];
  readonly rpms?: readonly string[];
  readonly signed?: boolean;
  readonly tests?: BuildRecord["tests"];
}

/** Each build has its commit in dist-git: the Dockerfile names its release. */
export function distgitCommit(push: (files: Readonly<Record<string, string>>, branch: string) => Promise<string>) {
  return async (fields: BuildFields) =>
    await push(
      { Dockerfile: `FROM registry.example.test/fedora:40\nLABEL release="${fields.release}"\nRUN dnf -y update # ${fields.id}\n` },
      "f40",
    );
}

interface BuildPlace {
  readonly candidate: { readonly client: RegistryClient; readonly signer: Signer };
  readonly builds: Map<string, BuildRecord>;
  readonly names: { readonly candidate: string };
  readonly commit: (fields: BuildFields) => Promise<string>;
}

/** The base image, which stands in the candidate registry as a mirror would. */
async function pushBase(client: RegistryClient) {
  const layer = new TextEncoder().encode("the base image's layer, the same in each build");
  const digest = await client.putBlob("base/fedora", layer);
  const config = new TextEncoder().encode(
    JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [digest] } }),
  );
  const manifest = manifestOf({
    schemaVersion: 2,
    mediaType: types.image,
    config: { mediaType: types.config, digest: await client.putBlob("base/fedora", config), size: config.length },
    layers: [{ mediaType: types.layer, digest, size: layer.length }],
  });
  await client.putManifest("base/fedora", manifest.digest, manifest);
  return { layer, digest: manifest.digest };
}

/** A complete build: pushed, signed, recorded, its Dockerfile committed to dist-git. */
export async function makeBuild(at: BuildPlace, usual: readonly string[], fields: BuildFields) {
  const { id, release, repository = "f40/cockpit", version = "323", platforms = usual } = fields;
  const tag = fields.tag ?? `${version}-${release}`;
  const { client } = at.candidate;
  const base = await pushBase(client);
  const parent = await client.putBlob(repository, base.layer);
  const children: { readonly digest: Digest; readonly mediaType: string; readonly size: number; readonly platform: unknown }[] = [];
  for (const platform of platforms) {
    const [os = "", architecture = ""] = platform.split("/");
    const layer = new TextEncoder().encode(`the layer of ${id} for ${platform}`.padEnd(4000, "."));
    const top = await client.putBlob(repository, layer);
    const history = [{ created_by: "base" }, { created_by: id }];
    const config = new TextEncoder().encode(
      JSON.stringify({ architecture, os, rootfs: { type: "layers", diff_ids: [parent, top] }, history, config: { User: "1000" } }),
    );
    const manifest = manifestOf({
      schemaVersion: 2,
      mediaType: types.image,
      config: { mediaType: types.config, digest: await client.putBlob(repository, config), size: config.length },
      layers: [
        { mediaType: types.layer, digest: parent, size: base.layer.length },
        { mediaType: types.layer, digest: top, size: layer.length },
      ],
    });
    await client.putManifest(repository, manifest.digest, manifest);
    children.push({ ...describeManifest(manifest), platform: { os, architecture } });
  }
  const index = manifestOf({ schemaVersion: 2, mediaType: types.index, manifests: children });
  await client.putManifest(repository, tag, index);
  if (fields.signed !== false) {
    const publicName = `${at.names.candidate}/${repository}:${tag}`;
    const digests = [index.digest, ...children.map((child) => child.digest)];
    await at.candidate.signer.ensureSigned(
      digests.map((digest) => ({ digest, publicName })),
      new AbortController().signal,
    );
  }
  const nvr = { name: repository.split("/").at(-1) ?? "", version, release };
  const record: BuildRecord = {
    ...{
      id,
      forge: "local",
      repository: "containers/cockpit",
      branch: "f40",
      scratch: false,
      requestedBy: "alice",
      state: "complete",
      nvr,
    },
    commit: await at.commit(fields),
    plan: {
      nvr,
      imageRepository: repository,
      platforms: platforms as never,
      parents: [
        {
          written: "registry.example.test/fedora:40",
          pinned: `${at.names.candidate}/base/fedora@${base.digest}`,
          digest: base.digest,
        },
      ],
      labels: { release },
      uniqueTag: id,
      primaryTag: tag,
      floatingTags: [version, "latest"],
      suites: [{ name: "smoke", kind: "command", definition: {}, required: true }],
    },
    images: platforms.map((platform, i) => ({
      platform: platform as never,
      imageId: children[i]?.digest as Digest,
      sizeBytes: 4046,
      diffIds: [parent],
      config: {
        ...{ user: "1000", entrypoint: [], cmd: ["/start"], env: [], workingDir: "/", exposedPorts: ["8080/tcp"], volumes: [] },
        ...{ stopSignal: "", labels: { release } },
      },
      rpms: (fields.rpms ?? [`bash-5.2-${release}`]).map(rpm),
    })),
    digest: index.digest,
    tests: (fields.tests ?? [{ suite: "smoke", outcome: "pass" as const, cases: [], message: "3 of 3 passed", durationMs: 1200 }]).flatMap(
      (one) => platforms.map((platform) => ({ ...one, platform: platform as never })),
    ),
    createdAt: new Date(Date.UTC(2026, 10, 1, 0, at.builds.size)).toISOString(),
  };
  at.builds.set(id, record);
  return { ...record, digest: index.digest, children: children.map((child) => child.digest) };
}

function rpm(nvr: string): InstalledRpm {
  const [, name = "", version = "", release = ""] = /^(.+)-([^-]+)-([^-]+)$/.exec(nvr) ?? [];
  const unknown = { epoch: undefined, license: undefined, sourceRpm: undefined, sizeBytes: undefined, sigmd5: undefined };
  return { ...unknown, name, version, release, arch: "x86_64" };
}
