import { randomBytes } from "node:crypto";
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type BaseImage, ensureBaseImage } from "../../../demo/base-image.ts";
import type { MorePackage } from "../../../demo/stand-in-image.ts";
import { buildFlow } from "../../../src/builds/build-flow.ts";
import type { BuildPorts } from "../../../src/builds/build-ports.ts";
import type { BuildRequested } from "../../../src/builds/build-record.ts";
import { httpDownloads } from "../../../src/builds/download/http-downloads.ts";
import type { OpenRegistry } from "../../../src/builds/parents.ts";
import { readRpmDatabase } from "../../../src/builds/rpmdb/rpm-database.ts";
import { directoryWorkspaces } from "../../../src/builds/workspace/directory-workspaces.ts";
import { removeTree } from "../../../src/builds/workspace/remove-tree.ts";
import { checkedOutTree } from "../../../src/distgit/checkout/checked-out-tree.ts";
import { noSiteLabels } from "../../../src/distgit/image-labels.ts";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import { enginePool } from "../../../src/engines/engine-pool.ts";
import type { CommitStatus } from "../../../src/forge/forge.ts";
import type { Artifact } from "../../../src/gating/artifact.ts";
import { readArtifacts } from "../../../src/gating/artifacts/artifact-directory.ts";
import { commandRunner } from "../../../src/gating/command/command-runner.ts";
import { stiRunner } from "../../../src/gating/sti/sti-runner.ts";
import { structureRunner } from "../../../src/gating/structure/structure-runner.ts";
import { silentLog } from "../../../src/log.ts";
import { layerMeasurer } from "../../../src/registry/measure-layer.ts";
import { type RegistryClient, registryClient } from "../../../src/registry/registry-client.ts";
import { turnsOfOneProcess } from "../../../src/registry/turns.ts";
import { pemCosignKey } from "../../../src/signing/cosign/cosign-key.ts";
import { openGnupgHome } from "../../../src/signing/openpgp/gnupg-home.ts";
import { openGpgChecker } from "../../../src/signing/openpgp/gpg-checker.ts";
import { openLookasideDirectory } from "../../../src/signing/openpgp/lookaside-directory.ts";
import { openpgpSigner } from "../../../src/signing/openpgp/openpgp-signer.ts";
import { openpgpJudge } from "../../../src/signing/signature-judge.ts";
import { type ImageVerification, verifyImage } from "../../../src/signing/verify-image.ts";
import { fakeBuildStore } from "../../fakes/build-store.ts";
import { fakeLogStore } from "../../fakes/log-store.ts";
import { makeCosignKey } from "../../support/cosign-key.ts";
import { dockerSocket, requireDocker } from "../../support/docker.ts";
import { startDockerRegistry } from "../../support/docker-registry.ts";
import { exportPublicKey, gnupgHome, makeFastKey } from "../../support/gnupg.ts";
import { memoryGate } from "../../support/memory-gate.ts";
import { memoryJournal } from "../../support/memory-journal.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";

const root = join(import.meta.dirname, "../../..");
export const publicName = "candidate.example.test";
export const request: BuildRequested = {
  forge: "local",
  repository: "containers/hello",
  branch: "f42",
  commit: "c".repeat(40),
  scratch: false,
  requestedBy: "alice",
};

/** What an engine differs in; all of them are the same daemon. */
type Member = Partial<Pick<Parameters<typeof dockerEngine>[0], "name" | "platforms" | "builder" | "networkMode">>;

/**
 * The build flow on a real engine, registry and gpg; forge, journal and stores stand in memory. The repository is the template. `packages` are in
 * the base image beside those of every stand-in.
 */
export async function realBuildWorld(members: readonly Member[] = [{}], packages: readonly MorePackage[] = []) {
  const docker = await requireDocker();
  const scratch = await scratchDirectory();
  const registry = await startDockerRegistry();
  const home = await gnupgHome();
  const fingerprint = await makeFastKey(home.path, "candidate");
  const cacheDirectory = join(root, "var/cache");
  const base: BaseImage = await ensureBaseImage({
    registry: registry.endpoint,
    cacheDirectory,
    packages,
    fedoraUrl: "http://127.0.0.1:1",
    log: () => {},
  });
  const installation = `flow-${randomBytes(4).toString("hex")}`;
  const opened = members.map((member, index) =>
    dockerEngine({
      ...{ host: `unix://${dockerSocket}`, installation, slots: 2, name: `docker${index === 0 ? "" : `-${index + 1}`}` },
      stateDirectory: join(scratch.path, `engine-${index}`),
      ...member,
    }),
  );
  const engines = enginePool(opened.map((engine) => ({ engine, slots: 2 })));
  const gnupg = openGnupgHome({ directory: home.path, timeoutMs: 60_000, agent: true });
  const lookaside = join(scratch.path, "lookaside");
  const signer = openpgpSigner({
    ...{ stage: "candidate", gnupgHome: gnupg, keys: [{ fingerprint, use: "sign" }], lookaside, creator: "flibs test", timeoutMs: 60_000 },
    ...{ log: silentLog, now: () => new Date() },
  });
  const keys = makeCosignKey();
  const clients = new Map<string, RegistryClient>();
  const open: OpenRegistry = (endpoint) => {
    const retry = { retries: 0 };
    const client = clients.get(endpoint) ?? registryClient({ endpoint, plainHttp: true, retry });
    clients.set(endpoint, client);
    return client;
  };
  const { builds, records, destinationTags } = fakeBuildStore();
  const { logs, text: logText } = fakeLogStore();
  const statuses = new Map<string, CommitStatus>();
  const promoted: string[] = [];
  const world = {
    /** Files put over the template's. */
    files: {} as Readonly<Record<string, string>>,
    allowedParents: [{ prefix: "registry.fedoraproject.org/", mirror: registry.endpoint, plainHttp: true }] as {
      prefix: string;
      mirror?: string;
      plainHttp: boolean;
    }[],
    testMs: 60_000,
    /** What tests left, by suite and name. */
    artifacts: new Map<string, Artifact>(),
    buildMs: 120_000,
    site: { labels: noSiteLabels, repositories: { site: [], allowedHosts: [] }, sourcesUrl: undefined } as Pick<
      BuildPorts["settings"],
      "labels" | "repositories" | "sourcesUrl"
    >,
  };
  const ports: BuildPorts = {
    builds,
    destinationTags,
    logs,
    forge: () => ({
      sourceUrl: (repository) => `https://forge.example.test/${repository}.git`,
      checkout: async (_, __, directory) => {
        // Ansible costs seconds: for tests that are about it, its suite comes back with the files.
        const filter = (path: string) => !path.endsWith("/tests/tests.yml");
        await cp(join(root, "containers-repo-template"), directory, { recursive: true, filter });
        // They tell of the template's own image.
        if (world.files.Dockerfile !== undefined) await rm(join(directory, "tests/structure.yaml"));
        for (const [path, text] of Object.entries(world.files)) {
          await mkdir(dirname(join(directory, path)), { recursive: true });
          await writeFile(join(directory, path), text);
        }
      },
      setStatus: async (_, __, status) => void statuses.set(status.name, status),
      listStatuses: async () => [...statuses.values()],
    }),
    engines,
    candidate: { registry: open(registry.endpoint, true), endpoint: registry.endpoint, publicName },
    openRegistry: open,
    signer,
    attestations: {
      registry: open(registry.endpoint, true) as RegistryClient,
      turns: turnsOfOneProcess(),
      keys: [pemCosignKey(keys.privatePem, "sign")],
    },
    results: {
      saveArtifacts: async ({ suite }, artifacts) => {
        for (const one of artifacts) world.artifacts.set(`${suite}/${one.name}`, one);
      },
      artifactBytes: async () => 0,
    },
    readArtifacts,
    pause: async () => {},
    runners: [commandRunner({ engine: engines }), structureRunner({ engine: engines }), stiRunner({ engine: engines, removeTree })],
    gate: memoryGate().gate,
    workspaces: directoryWorkspaces(join(scratch.path, "work")),
    downloads: httpDownloads({ privateHosts: ["127.0.0.1"], userAgent: "flibs test" }),
    readTree: checkedOutTree,
    readRpms: readRpmDatabase,
    measureLayer: layerMeasurer(open(registry.endpoint, true) as RegistryClient),
    promote: async (build) => {
      promoted.push(build);
      return { repository: "flibs/registry-manifests", number: 1 };
    },
    get settings() {
      return {
        ...{
          publicUrl: "http://flibs.example.test",
          allowedParents: world.allowedParents,
          targets: [],
          digestMismatch: "fail" as const,
          buildMs: world.buildMs,
          testMs: world.testMs,
          testTries: { more: 1, pauseMs: 0 },
          artifacts: { most: 100, eachBytes: 2 ** 20, totalBytes: 2 ** 22, buildBytes: 2 ** 24 },
        },
        ...{
          memoryBytes: 256 * 2 ** 20,
          processes: 200,
          contextBytes: 2 ** 26,
          logBytes: 2 ** 20,
          version: "0.1.0",
          mayDiffer: [],
          gatingContext: "flibs_promote",
        },
        ...world.site,
      };
    },
    secrets: [],
    log: silentLog,
  };
  const journal = memoryJournal();
  const flow = buildFlow(ports);

  async function verify(reference: string): Promise<ImageVerification> {
    const publicKeys = Buffer.from(await exportPublicKey(home.path, fingerprint));
    const checker = await openGpgChecker({ publicKeys, fingerprints: [fingerprint], timeoutMs: 60_000 });
    const signatures = openLookasideDirectory(lookaside);
    return verifyImage({
      ...{
        registry: open(registry.endpoint, true),
        repository: "f42/hello",
        reference,
        publicName,
        judges: [openpgpJudge(signatures, checker)],
      },
    }).finally(checker.close);
  }

  /** Files of the pushed image of `f42/hello`; the engine's own copy goes with its run. */
  async function filesOf(build: string, paths: readonly string[]): Promise<Readonly<Record<string, string>>> {
    const [image] = records.get(build)?.images ?? [];
    if (image?.digest === undefined) throw new Error(logText(build, "linux/amd64"));
    const pulled = await docker.pull(`${registry.endpoint}/f42/hello@${image.digest}`);
    await new Promise((resolve) => docker.modem.followProgress(pulled, resolve));
    const { files } = await engines.named("docker").inspect(`look-${build}`, image.imageId, paths);
    return Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, Buffer.from(bytes).toString()]));
  }

  async function leftovers(): Promise<readonly string[]> {
    const containers = (await docker.listContainers({ all: true })).flatMap((one) => one.Names);
    const images = (await docker.listImages()).flatMap((one) => one.RepoTags ?? []);
    return [...containers, ...images].filter((name) => name.includes(installation));
  }

  async function close(): Promise<void> {
    await engines.cleanUp(() => false);
    for (const image of await docker.listImages({ digests: true })) {
      for (const name of image.RepoDigests ?? []) {
        if (name.startsWith(`${registry.endpoint}/`))
          await docker
            .getImage(name)
            .remove({ force: true })
            .catch(() => undefined);
      }
    }
    for (const client of clients.values()) client.close();
    await signer.close();
    await gnupg.close();
    await home.remove();
    await registry.stop();
    await scratch.remove();
  }

  return Object.assign(world, {
    ...{
      docker,
      registry,
      base,
      engines,
      ports,
      records,
      statuses,
      promoted,
      journal,
      logText,
      lookaside,
      verify,
      filesOf,
      leftovers,
      close,
    },
    /** Of the next build that is complete. */
    nextRelease: () => String([...records.values()].filter((one) => one.state === "complete" && one.nvr !== undefined).length + 1),
    run: (id: string, asked: BuildRequested = request) => journal.attempt(flow, id, asked),
  });
}

/** The template's Dockerfile with another FROM. */
export function dockerfileFrom(image: string): string {
  return `FROM ${image}\nLABEL com.redhat.component=hello-container name=f42/hello version=1\nCOPY root/ /\n`;
}
