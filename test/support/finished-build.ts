import type { BuildRecord, BuiltImage, InstalledRpm } from "../../src/builds/build-record.ts";
import type { FinishedBuild } from "../../src/documents/finished-build.ts";
import { type Digest, digestOf } from "../../src/domain/digest.ts";
import type { Platform } from "../../src/domain/platform.ts";
import { rpmArchitecture } from "../../src/domain/platform.ts";

const commit = "a".repeat(40);
const ociImage = "application/vnd.docker.distribution.manifest.v2+json";
const gzipLayer = "application/vnd.docker.image.rootfs.diff.tar.gzip";

export function aRpm(name: string, changes: Partial<InstalledRpm> = {}): InstalledRpm {
  return {
    ...{
      name,
      epoch: undefined,
      version: "1.0",
      release: "1.fc42",
      arch: "x86_64",
      license: "MIT",
      sourceRpm: `${name}-1.0-1.fc42.src.rpm`,
    },
    ...{ sizeBytes: 1000, sigmd5: digestOf(name).slice(7, 39) },
    ...changes,
  };
}

/** What Fedora's packages look like, one of before SPDX, and one that somebody made to do harm. */
export function someRpms(arch: string): readonly InstalledRpm[] {
  const fedora = { arch, vendor: "Fedora Project", keyId: "c8ac4916105ef944" };
  return [
    aRpm("bash", { ...fedora, version: "5.2.37", license: "GPL-3.0-or-later" }),
    aRpm("evil\u001b]0;pwned\u0007", { arch, version: "1\u202e", license: "<script>\u001b[2J", sigmd5: undefined, sourceRpm: undefined }),
    aRpm("libstdc++", {
      ...fedora,
      version: "15.1.1",
      license: "GPL-3.0-or-later WITH GCC-exception-3.1 AND LicenseRef-Fedora-Public-Domain",
    }),
    aRpm("vim-minimal", { ...fedora, epoch: 2, version: "9.1.1~rc1^git", license: "Vim and MIT" }),
  ];
}

export function anImage(platform: Platform, rpms = someRpms(rpmArchitecture(platform))): BuiltImage {
  const architecture = platform.split("/")[1] ?? "";
  const layers = ["base", `cockpit ${platform}`].map((what, index) => ({
    ...{ digest: digestOf(`${what} packed`), mediaType: gzipLayer, compressedBytes: 30_000_000 / (index * 9 + 1) },
    ...{ diffId: digestOf(what), sizeBytes: 80_000_000 / (index * 9 + 1) },
  }));
  const labels = { "com.redhat.component": "cockpit-container", name: "f42/cockpit", version: "300", release: "1.f42", hostile: "\u001bX" };
  return {
    platform,
    imageId: digestOf(`config ${platform}`),
    sizeBytes: 90_000_000,
    diffIds: layers.map(({ diffId }) => diffId),
    config: {
      ...{ user: "1001", entrypoint: [], cmd: ["/usr/libexec/cockpit-ws"], env: ["PATH=/usr/bin"], workingDir: "/" },
      ...{ exposedPorts: ["9090/tcp"], volumes: [], stopSignal: "", labels },
    },
    rpms,
    distribution: { id: "fedora", version: "42" },
    parts: {
      mediaType: ociImage,
      layers,
      imageConfig: {
        architecture,
        os: "linux",
        config: { User: "1001", Labels: labels },
        container_config: { Hostname: "builder" },
        rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
        history: [{ created_by: "COPY root/ / # \u001b[2J" }],
      },
      base: { written: "registry.fedoraproject.org/fedora:42", imageId: digestOf("base config") },
    },
    digest: digestOf(`manifest ${platform}`),
    manifestSize: 740,
  };
}

/** A build for two platforms with everything in its record that a record can have. */
export function aFinishedBuild(changes: Partial<BuildRecord> = {}): FinishedBuild {
  const nvr = { name: "cockpit-container", version: "300", release: "1.f42" };
  const index = digestOf("index");
  const parent = (written: string) => ({
    written,
    pinned: `mirror.example.test:5000/${written.split("/")[1]?.split(":")[0]}@${digestOf(written)}`,
    digest: digestOf(written),
  });
  const build: BuildRecord = {
    ...{ id: "b7", forge: "github", repository: "containers/cockpit", branch: "f42", commit, scratch: false, requestedBy: "alice" },
    ...{
      isolated: false,
      yumRepositories: ["https://repos.example.test/extra.repo"],
      target: "f42-container-candidate",
      state: "building",
      nvr,
    },
    plan: {
      ...{ nvr, imageRepository: "f42/cockpit", platforms: ["linux/amd64", "linux/arm64"] },
      parents: [
        parent("registry.fedoraproject.org/golang:1.24"),
        { ...parent("registry.fedoraproject.org/fedora:42"), nvr: "fedora-container-base-42-20261101.0" },
      ],
      labels: { "build-date": "2026-11-23T11:00:00.000Z", "vcs-type": "git", "vcs-ref": commit, release: "1.f42" },
      ...{ uniqueTag: "cockpit-container-none-12345-20261123110000", primaryTag: "300-1.f42", floatingTags: ["300", "latest"], suites: [] },
    },
    images: [anImage("linux/amd64"), anImage("linux/arm64")],
    ...{ digest: index, tests: [], createdAt: "2026-11-23T11:00:00.123Z" },
    ...changes,
  };
  const log = (filename: string, architecture: string, text: string): FinishedBuild["described"]["logs"][number] => ({
    ...{ filename, architecture, sizeBytes: Buffer.byteLength(text), sha256: digestOf(text).slice(7) },
  });
  return {
    build,
    described: {
      finishedAt: "2026-11-23T11:05:30.456Z",
      source: "https://forge.example.test/containers/cockpit.git",
      index: { digest: index as Digest, mediaType: "application/vnd.docker.distribution.manifest.list.v2+json" },
      engine: "docker",
      logs: [
        log("x86_64-build.log", "x86_64", "one\n"),
        log("aarch64-build.log", "aarch64", "two\n"),
        log("osbs-build.log", "noarch", "--- lint\n"),
      ],
    },
    publicName: "candidate.example.test",
    maker: { name: "flibs", version: "0.1.0", url: "https://flibs.example.test" },
  };
}
