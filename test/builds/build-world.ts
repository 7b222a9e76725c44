import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { buildFlow } from "../../src/builds/build-flow.ts";
import type { BuildPorts } from "../../src/builds/build-ports.ts";
import type { BuildRecord, BuildRequested, BuildStore } from "../../src/builds/build-record.ts";
import type { LogStore } from "../../src/builds/log-store.ts";
import { readRpmDatabase } from "../../src/builds/rpmdb/rpm-database.ts";
import { directoryWorkspaces } from "../../src/builds/workspace/directory-workspaces.ts";
import { checkedOutTree } from "../../src/distgit/checkout/checked-out-tree.ts";
import { digestOf } from "../../src/domain/digest.ts";
import { reportError } from "../../src/domain/errors.ts";
import { formatNvr } from "../../src/domain/nvr.ts";
import type { BuildOutcome } from "../../src/engines/engine.ts";
import type { CommitStatus } from "../../src/forge/forge.ts";
import { silentLog } from "../../src/log.ts";
import type { Manifest, Registry } from "../../src/registry/registry.ts";
import type { Ending } from "../../src/workflow/run.ts";
import type { Step } from "../../src/workflow/step.ts";
import { fakeSigner } from "../fakes/signer.ts";

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

/** A build service whose every neighbour stands in memory. What a story needs to differ is a field. */
export function buildWorld(root: string) {
  const records = new Map<string, BuildRecord>();
  const statuses = new Map<string, CommitStatus>();
  const logs = new Map<string, { text: string; closed: boolean }>();
  const effects: string[] = [];
  const signer = fakeSigner("candidate");
  const registry = memoryRegistry("candidate.example:5000", effects);
  const parents = memoryRegistry("mirror.example:5000", []);
  const config = Buffer.from(JSON.stringify({ os: "linux", architecture: "amd64", config: { Env: ["FGC=f42"] } }));
  parents.blobs.set(digestOf(config), config);
  const parent = parents.add("fedora", "42", imageManifest(digestOf(config)));
  const world = {
    files: goodFiles as Record<string, string>,
    outcome: undefined as BuildOutcome | undefined,
    testOutcome: "pass" as "pass" | "fail" | "error",
    engineDown: false,
    built: [] as string[],
    promoted: [] as string[],
    records,
    statuses,
    effects,
    signer,
    registry,
    parent,
    log: (name: string) => logs.get(name)?.text,
  };
  const update = (id: string, change: Partial<BuildRecord>) => {
    const old = records.get(id);
    if (old !== undefined) records.set(id, { ...old, ...change });
  };
  const builds = {
    create: async (id, asked) =>
      void records.set(id, { ...asked, id, state: "building", images: [], tests: [], createdAt: "2026-11-23T21:00:00.000Z" }),
    reserveNvr: async (id, name, version, next) => {
      const taken = new Set([...records.values()].flatMap((one) => (one.nvr && one.state !== "failed" ? [formatNvr(one.nvr)] : [])));
      let release = next(undefined);
      while (taken.has(`${name}-${version}-${release}`)) release = next(release);
      update(id, { nvr: { name, version, release } });
      return { name, version, release };
    },
    savePlan: async (id, plan) => update(id, { plan }),
    saveImage: async (id, image) => update(id, { images: [...(records.get(id)?.images ?? []), image] }),
    saveTest: async (id, result) => update(id, { tests: [...(records.get(id)?.tests ?? []), result] }),
    complete: async (id, digest) => update(id, { state: "complete", digest }),
    savePromotion: async (id, promotion) => update(id, { promotion }),
    fail: async (id, state, error) => update(id, records.get(id)?.state === "complete" ? { error } : { state, error }),
    find: async (id) => records.get(id),
    list: async (filter) => [...records.values()].reverse().filter((one) => filter.state === undefined || one.state === filter.state),
  } as Partial<BuildStore> as BuildStore;
  const logStore: LogStore = {
    append: async (_, name, text) => void logs.set(name, { text: (logs.get(name)?.text ?? "") + text, closed: false }),
    restart: async (_, name) => void logs.set(name, { text: "", closed: false }),
    list: async () => [...logs].map(([name, { text, closed }]) => ({ name, bytes: Buffer.byteLength(text), closed })),
    read: async (_, name, offset) => ({ text: logs.get(name)?.text.slice(offset) ?? "", next: 0, closed: true }),
    close: async (_, name) => void logs.set(name, { text: logs.get(name)?.text ?? "", closed: true }),
  };
  const ports: BuildPorts = {
    builds,
    logs: logStore,
    forge: () => ({
      checkout: async (_, __, directory) => {
        for (const [path, text] of Object.entries(world.files)) {
          await mkdir(dirname(join(directory, path)), { recursive: true });
          await writeFile(join(directory, path), text);
        }
        await mkdir(directory, { recursive: true });
      },
      setStatus: async (_, __, status) => void statuses.set(status.name, status),
      listStatuses: async () => [...statuses.values()],
    }),
    engine: {
      name: "fake",
      capabilities: { buildLimits: true },
      platforms: async () => {
        if (world.engineDown)
          throw Object.assign(new Error("no answer"), { name: "AppError", code: "engine.unreachable", kind: "transient" });
        return ["linux/amd64"];
      },
      build: async (_, asked, sink) => {
        world.built.push(asked.dockerfile);
        sink("Step 1/2\ntoken hunter22 `` \u001b[31mred\n");
        return world.outcome ?? { outcome: "built", imageId: digestOf(asked.dockerfile) };
      },
      inspect: async (_, imageId) => ({
        imageId,
        platform: "linux/amd64",
        created: "2026-11-23T21:00:00Z",
        sizeBytes: 1,
        diffIds: [],
        config: { user: "", entrypoint: [], cmd: [], env: [], workingDir: "", exposedPorts: [], volumes: [], stopSignal: "", labels: {} },
        files: {},
      }),
      push: async (_, imageId, to) => {
        const manifest = registry.add(to.repository, to.tag, imageManifest(imageId));
        return { digest: manifest.digest, size: manifest.bytes.length };
      },
      run: async () => ({ outcome: "exited", exitCode: 0, outOfMemory: false }),
      cleanUp: async (keep) => (keep("run-1/build") ? [] : ["run-1"]),
    },
    candidate: { registry, endpoint: "candidate.example:5000", publicName: "candidate.example" },
    openRegistry: () => parents,
    signer: {
      ...signer,
      ensureSigned: async (signables, signal) => {
        effects.push(...signables.map((one) => `sign ${one.publicName.split(":")[1]}`));
        return await signer.ensureSigned(signables, signal);
      },
    },
    runners: [
      {
        kind: "command",
        run: async (_, { suite }) => ({ suite: suite.name, outcome: world.testOutcome, cases: [], message: "exit code 1", durationMs: 1 }),
      },
    ],
    workspaces: directoryWorkspaces(root),
    readTree: checkedOutTree,
    readRpms: readRpmDatabase,
    promote: async (build) => {
      world.promoted.push(build);
      return { repository: "flibs/manifests", number: 7 };
    },
    settings: {
      publicUrl: "http://flibs.example.test",
      allowedParents: [{ prefix: "registry.fedoraproject.org/", mirror: "mirror.example:5000", plainHttp: true }],
      buildMs: 60_000,
      testMs: 60_000,
      memoryBytes: 1,
      processes: 1,
      contextBytes: 1,
      logBytes: 10_000,
    },
    secrets: ["hunter22"],
    log: silentLog,
  };
  const flow = buildFlow(ports);
  /** Runs one build to its end as the worker does; what it threw is in `error`. */
  const run = async (id: string, asked = request, ending?: Ending): Promise<unknown> => {
    const names = new Set<string>();
    const journal = async <T>(name: string, schema: { parse(value: unknown): T }, work: () => Promise<T>): Promise<T> => {
      if (names.has(name)) throw new Error(`step ${name} twice`);
      names.add(name);
      return schema.parse(JSON.parse(JSON.stringify(await work())));
    };
    const signal = new AbortController().signal;
    const step = Object.assign(((name, schema, effect) => journal(name, schema, () => effect(`${id}/${name}`, signal))) as Step, {
      run: id,
      write: ((name, schema, change) => journal(name, schema, () => change({} as never))) as Step["write"],
    });
    try {
      await flow.run(step, asked);
      await flow.finish(step, asked, ending ?? { status: "done" });
      return undefined;
    } catch (error) {
      if (error instanceof Error && error.name !== "Suspended")
        await flow.finish(step, asked, { status: "failed", error: reportError(error) });
      return error;
    }
  };
  return Object.assign(world, { run, flow });
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
  const blobs = new Map<string, Uint8Array>();
  const add = (repository: string, reference: string, manifest: Manifest) => {
    manifests.set(`${repository} ${reference}`, manifest);
    manifests.set(`${repository} ${manifest.digest}`, manifest);
    return manifest;
  };
  const registry = {
    endpoint,
    findManifest: async (repository, reference) => {
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
  } as Partial<Registry> as Registry;
  return Object.assign(registry, { blobs, add, manifests });
}
