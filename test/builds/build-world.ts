import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { buildFlow } from "../../src/builds/build-flow.ts";
import type { BuildPorts } from "../../src/builds/build-ports.ts";
import type { BuildRequested } from "../../src/builds/build-record.ts";
import type { Component } from "../../src/builds/compare-components.ts";
import { readRpmDatabase } from "../../src/builds/rpmdb/rpm-database.ts";
import { directoryWorkspaces } from "../../src/builds/workspace/directory-workspaces.ts";
import { checkedOutTree } from "../../src/distgit/checkout/checked-out-tree.ts";
import { noSiteLabels } from "../../src/distgit/image-labels.ts";
import { digestOf } from "../../src/domain/digest.ts";
import { classicDialect, type DockerfileDialect } from "../../src/domain/dockerfile-dialect.ts";
import { appError } from "../../src/domain/errors.ts";
import type { Platform } from "../../src/domain/platform.ts";
import type { BuildOutcome, BuildRequest as EngineRequest } from "../../src/engines/engine.ts";
import { enginePool } from "../../src/engines/engine-pool.ts";
import type { CommitStatus } from "../../src/forge/forge.ts";
import type { Artifact } from "../../src/gating/artifact.ts";
import { readArtifacts } from "../../src/gating/artifacts/artifact-directory.ts";
import type { TestResult } from "../../src/gating/test-runner.ts";
import { silentLog } from "../../src/log.ts";
import type { NamedLayer } from "../../src/registry/measure-layer.ts";
import type { ReferrerRegistry } from "../../src/registry/referrers.ts";
import type { Manifest } from "../../src/registry/registry.ts";
import { turnsOfOneProcess } from "../../src/registry/turns.ts";
import { pemCosignKey } from "../../src/signing/cosign/cosign-key.ts";
import type { Signable } from "../../src/signing/signer.ts";
import type { Ending } from "../../src/workflow/run.ts";
import { fakeBuildStore } from "../fakes/build-store.ts";
import { fakeDownloads } from "../fakes/downloads.ts";
import { fakeLogStore } from "../fakes/log-store.ts";
import { fakeReferrers } from "../fakes/referrers.ts";
import { fakeSigner } from "../fakes/signer.ts";
import { makeCosignKey } from "../support/cosign-key.ts";
import { memoryGate } from "../support/memory-gate.ts";
import { memoryJournal } from "../support/memory-journal.ts";

export const request: BuildRequested = {
  forge: "local",
  repository: "containers/hello",
  branch: "f42",
  commit: "c".repeat(40),
  scratch: false,
  requestedBy: "alice",
};

export const goodFiles: Readonly<Record<string, string>> = {
  Dockerfile: "FROM registry.fedoraproject.org/fedora:42\nLABEL com.redhat.component=hello-container name=f42/hello version=1\n",
  "tests/commands.yaml": "smoke:\n  commands:\n    - {name: a, run: [/bin/true]}\n",
};

type ToldResult = Omit<TestResult, "suite" | "durationMs">;

/** Of a package; a test names what it is about. */
const noDetails = { epoch: undefined, arch: undefined, license: undefined, sourceRpm: undefined, sizeBytes: undefined, sigmd5: undefined };
/** A file in each image that tells its platform, for `rpms`. */
const platformFile = "/platform";

/** A build service whose every neighbour stands in memory. What a story needs to differ is a field. */
export function buildWorld(root: string) {
  const { builds, records, destinationTags, saves } = fakeBuildStore();
  const { logs, text } = fakeLogStore();
  const journal = memoryJournal();
  const statuses = new Map<string, CommitStatus>();
  const effects: string[] = [];
  const signer = fakeSigner("candidate");
  const keys = makeCosignKey();
  const web = new Map<string, string>();
  const downloads = fakeDownloads(web);
  const registry = memoryRegistry("candidate.example:5000", effects);
  const parents = memoryRegistry("mirror.example:5000", []);
  const upstream = memoryRegistry("registry.fedoraproject.org", []);
  const platformOf = new Map<string, Platform>();
  const parent = addParent(parents, "fedora", "42", ["linux/amd64", "linux/arm64"]);
  const world = {
    files: goodFiles as Readonly<Record<string, string | { readonly link: string }>>,
    platforms: ["linux/amd64"] as readonly Platform[],
    /** By platform; built when nothing is said. */
    outcome: undefined as BuildOutcome | ((platform: Platform) => BuildOutcome | undefined) | undefined,
    test: { outcome: "pass", message: "1 passed", cases: [{ name: "a", outcome: "pass", message: "", durationMs: 1 }] } as
      | ToldResult
      | ((suite: string, platform: Platform) => ToldResult),
    /** Files that each test leaves. */
    leaves: {} as Readonly<Record<string, string | Uint8Array>>,
    /** Artifacts that were kept, by build, run, suite, platform and number of the try. */
    artifacts: new Map<string, readonly Artifact[]>(),
    /** Pauses before further tries, milliseconds. */
    pauses: [] as number[],
    /** Results that others are told of. */
    told: [] as number[],
    saves,
    /** What the engine and the test print. */
    printed: "Step 1/2\ntoken hunter22 `` \u001b[31mred\n",
    engineDown: false,
    /** Layers that were measured, and whether the engine answers for them. */
    measured: [] as NamedLayer[],
    dialect: classicDialect as DockerfileDialect,
    /** Until it is over the engine has not begun. */
    hold: undefined as ((platform: Platform, signal: AbortSignal) => Promise<void>) | undefined,
    rpms: undefined as ((platform: Platform) => readonly Component[]) | undefined,
    mayDiffer: [] as readonly string[],
    /** Largest image; each has one byte. */
    imageBytes: 2,
    built: [] as string[],
    /** What the engine was asked for. */
    asked: [] as EngineRequest[],
    promoted: [] as string[],
    records,
    statuses,
    /** What stands at an address. */
    web,
    asksOfTheWeb: downloads.asked,
    effects,
    signer,
    /** What the signer was told that it will be asked for. */
    prepared: [] as Signable[],
    /** Of the candidate stage, for attestations. */
    keys,
    registry,
    parents,
    upstream,
    parent,
    checkoutFault: undefined as Error | undefined,
    /** Of commits other than the one that is built. */
    filesOf: {} as Readonly<Record<string, Readonly<Record<string, string | { readonly link: string }>>>>,
    /** Who may have a pull request built: nobody is asked when left out. */
    authorize: undefined as ((asked: BuildRequested) => Promise<void>) | undefined,
    /** Trees that the engine and the test runner were given, by their files. */
    contexts: [] as Readonly<Record<string, string>>[],
    testTrees: [] as Readonly<Record<string, string>>[],
    log: text,
    journal,
  };
  const gating = memoryGate();
  const ports: BuildPorts = {
    builds,
    destinationTags,
    logs,
    forge: () => ({
      sourceUrl: (repository) => `https://forge.example.test/${repository}.git`,
      checkout: async (_, commit, directory) => {
        if (world.checkoutFault !== undefined) throw world.checkoutFault;
        for (const [path, text] of Object.entries(world.filesOf[commit] ?? world.files)) {
          await mkdir(dirname(join(directory, path)), { recursive: true });
          if (typeof text === "string") await writeFile(join(directory, path), text);
          else await symlink(text.link, join(directory, path));
        }
        await mkdir(directory, { recursive: true });
      },
      setStatus: async (_, __, status) => void statuses.set(status.name, status),
      listStatuses: async () => [...statuses.values()],
    }),
    engines: enginePool([
      {
        slots: 2,
        engine: {
          name: "fake",
          kind: "fake",
          checksLayers: async () => false,
          capabilities: async () => ({ ...world.dialect, buildLimits: "each" }),
          platforms: async () => {
            if (world.engineDown) throw appError("engine.unreachable", "no answer");
            return world.platforms;
          },
          build: async (_, asked, sink, signal) => {
            world.built.push(asked.dockerfile);
            world.asked.push(asked);
            world.contexts.push(await textsOf(asked.context));
            sink(world.printed);
            await world.hold?.(asked.platform, signal);
            if (signal.aborted) return { outcome: "cancelled" };
            const outcome = typeof world.outcome === "function" ? world.outcome(asked.platform) : world.outcome;
            platformOf.set(digestOf(asked.dockerfile), asked.platform);
            return outcome ?? { outcome: "built", imageId: digestOf(asked.dockerfile) };
          },
          inspect: async (_, imageId) => ({
            imageId,
            platform: "linux/amd64",
            created: "2026-11-23T21:00:00Z",
            sizeBytes: 1,
            diffIds: [],
            config: {
              user: "",
              entrypoint: [],
              cmd: [],
              env: [],
              workingDir: "",
              exposedPorts: [],
              volumes: [],
              stopSignal: "",
              labels: {},
            },
            files: { [platformFile]: Buffer.from(platformOf.get(imageId) ?? "") },
          }),
          push: async (_, imageId, to) => {
            registry.blobs.set(imageId, Buffer.from(JSON.stringify({ os: "linux", rootfs: { type: "layers", diff_ids: [] } })));
            const manifest = registry.add(to.repository, to.tag, imageManifest(imageId));
            return { digest: manifest.digest, size: manifest.bytes.length };
          },
          run: async () => ({ outcome: "exited", exitCode: 0, outOfMemory: false }),
          examine: async () => {
            throw new Error("no suite of this world looks into an image");
          },
          open: async () => ({ outcome: "not-started", message: "nothing is opened here" }),
          cleanUp: async (keep) => (keep("run-1/build") ? [] : ["run-1"]),
        },
      },
    ]),
    candidate: { registry, endpoint: "candidate.example:5000", publicName: "candidate.example" },
    openRegistry: (endpoint) => (endpoint === upstream.endpoint ? upstream : parents),
    signer: {
      ...signer,
      prepare: async (signables) => {
        world.prepared.push(...signables);
        effects.push("prepare");
      },
      ensureSigned: async (signables, signal) => {
        effects.push(...signables.map((one) => `sign ${one.publicName.split(":")[1]}`));
        return await signer.ensureSigned(signables, signal);
      },
    },
    attestations: { registry, turns: turnsOfOneProcess(), keys: [pemCosignKey(keys.privatePem, "sign")] },
    runners: [
      {
        kind: "command",
        run: async (_, { suite, tree, platform, artifacts }, sink) => {
          world.testTrees.push(await textsOf(tree));
          sink(world.printed);
          for (const [path, text] of Object.entries(world.leaves)) await writeFile(join(artifacts, path), text);
          const test = typeof world.test === "function" ? world.test(suite.name, platform) : world.test;
          return { ...test, suite: suite.name, durationMs: 1 };
        },
      },
    ],
    results: {
      saveArtifacts: async ({ build, run, suite, platform, attempt }, artifacts) =>
        void world.artifacts.set([build, run, suite, platform, attempt].join(" "), artifacts),
      artifactBytes: async ({ build, run, suite, platform, attempt }) =>
        [...world.artifacts]
          .filter(([key]) => key !== [build, run, suite, platform, attempt].join(" "))
          .flatMap(([, artifacts]) => artifacts)
          .reduce((sum, { content }) => sum + content.length, 0),
    },
    readArtifacts,
    tellResult: async (result) => void world.told.push(result),
    pause: async (ms) => void world.pauses.push(ms),
    gate: gating.gate,
    workspaces: directoryWorkspaces(root),
    downloads,
    readTree: checkedOutTree,
    readRpms: async (files) => {
      const platform = Buffer.from(files[platformFile] ?? []).toString() as Platform;
      const rpms = world.rpms?.(platform).map(({ keyId, ...rpm }) => ({ ...noDetails, ...rpm, ...(keyId === undefined ? {} : { keyId }) }));
      return rpms === undefined ? readRpmDatabase(files) : { rpms };
    },
    measureLayer: async (_, layer) => {
      world.measured.push(layer);
      return undefined;
    },
    authorize: async (asked) => await world.authorize?.(asked),
    promote: async (build) => {
      world.promoted.push(build);
      return { repository: "flibs/manifests", number: 7 };
    },
    settings: {
      publicUrl: "http://flibs.example.test",
      digestMismatch: "fail",
      targets: [],
      allowedParents: [{ prefix: "registry.fedoraproject.org/", mirror: "mirror.example:5000", plainHttp: true }],
      buildMs: 3_600_000,
      diskBytes: 20 * 2 ** 30,
      testMs: 60_000,
      testTries: { more: 1, pauseMs: 10_000 },
      artifacts: { most: 100, eachBytes: 5 * 2 ** 20, totalBytes: 50 * 2 ** 20, buildBytes: 1000 },
      memoryBytes: 1,
      processes: 1,
      get imageBytes() {
        return world.imageBytes;
      },
      get mayDiffer() {
        return world.mayDiffer;
      },
      contextBytes: 512 * 2 ** 20,
      logBytes: 64 * 2 ** 20,
      gatingContext: "flibs_promote",
      labels: noSiteLabels,
      repositories: { site: [], allowedHosts: [] },
      sourcesUrl: undefined,
      version: "0.1.0",
    } as BuildPorts["settings"],
    secrets: ["hunter22"],
    log: silentLog,
  };
  const flow = buildFlow(ports);
  /** Runs one build to its end as the worker does, or goes on with it; what it threw is returned. */
  const run = (id: string, asked = request, ended?: () => Ending | undefined) => journal.attempt(flow, id, asked, ended);
  return Object.assign(world, { run, flow, ports, destinationTags, gating });
}

async function textsOf(directory: string): Promise<Readonly<Record<string, string>>> {
  const { entries, readFile } = await checkedOutTree(directory);
  const texts = entries.map(async ({ path }) => [path, Buffer.from((await readFile(path, 1000)) ?? []).toString()] as const);
  return Object.fromEntries(await Promise.all(texts));
}

type MemoryRegistry = ReturnType<typeof memoryRegistry>;

/** An image of one platform, or a manifest list of several; its ENV has FGC. */
export function addParent(
  registry: MemoryRegistry,
  repository: string,
  tag: string,
  platforms: readonly Platform[],
  more: { readonly Labels?: Readonly<Record<string, string>>; readonly User?: string } = {},
): Manifest {
  const children = platforms.map((platform) => {
    const [os, architecture] = platform.split("/");
    const config = Buffer.from(JSON.stringify({ os, architecture, config: { Env: ["FGC=f42"], ...more } }));
    registry.blobs.set(digestOf(config), config);
    const manifest = imageManifest(digestOf(config));
    return { manifest, platform: { os, architecture } };
  });
  const [only] = children;
  if (children.length === 1 && only !== undefined) return registry.add(repository, tag, only.manifest);
  const manifests = children.map(({ manifest, platform }) => {
    registry.add(repository, manifest.digest, manifest);
    return { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.bytes.length, platform };
  });
  const mediaType = "application/vnd.docker.distribution.manifest.list.v2+json";
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  return registry.add(repository, tag, { mediaType, bytes, digest: digestOf(bytes) });
}

function imageManifest(config: string): Manifest {
  const mediaType = "application/vnd.docker.distribution.manifest.v2+json";
  const size = 2;
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: { mediaType: "application/vnd.docker.container.image.v1+json", digest: config, size },
      layers: [],
    }),
  );
  return { mediaType, bytes, digest: digestOf(bytes) };
}

function memoryRegistry(endpoint: string, effects: string[]) {
  const manifests = new Map<string, Manifest>();
  const trouble: { findManifest?: Error } = {};
  const blobs = new Map<string, Uint8Array>();
  const add = (repository: string, reference: string, manifest: Manifest) => {
    manifests.set(`${repository} ${reference}`, manifest);
    manifests.set(`${repository} ${manifest.digest}`, manifest);
    return manifest;
  };
  const referrers = fakeReferrers(manifests, (repository, digest) => `${repository} ${digest}`);
  const registry = {
    endpoint,
    findManifest: async (repository, reference) => {
      if (trouble.findManifest !== undefined) throw trouble.findManifest;
      const found = manifests.get(`${repository} ${reference}`);
      return found && { mediaType: found.mediaType, digest: found.digest, size: found.bytes.length };
    },
    readManifest: async (repository, reference) => {
      const found = manifests.get(`${repository} ${reference}`);
      if (found === undefined) throw new Error(`${repository} ${reference} is not there`);
      return found;
    },
    putManifest: async (repository, reference, manifest) => {
      effects.push(`put ${reference}`);
      return add(repository, reference, manifest).digest;
    },
    readBlob: async (_, digest) => blobs.get(digest) ?? new Uint8Array(),
    hasBlob: async (_, digest) => blobs.has(digest),
    putBlob: async (_, bytes) => {
      blobs.set(digestOf(bytes), bytes);
      return digestOf(bytes);
    },
    ...referrers,
  } as Partial<ReferrerRegistry> as ReferrerRegistry;
  return Object.assign(registry, { blobs, add, manifests, trouble, artifacts: referrers.artifacts });
}
