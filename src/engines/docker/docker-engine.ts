import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type Docker from "dockerode";
import PQueue from "p-queue";
import { type Digest, isDigest } from "../../domain/digest.ts";
import { classicDialect } from "../../domain/dockerfile-dialect.ts";
import { appError } from "../../domain/errors.ts";
import type { Platform } from "../../domain/platform.ts";
import { limitCall } from "../call-limits.ts";
import type { BuildOutcome, BuildRequest, Engine, LogSink } from "../engine.ts";
import { buildCgroup } from "./build-cgroup.ts";
import { buildErrors } from "./build-error.ts";
import { buildImage } from "./build-image.ts";
import { buildkitDialect, chooseBuilder, pruneBuildCache } from "./buildkit.ts";
import { buildWithBuildkit, cancelBuildkitBuild } from "./buildkit-build.ts";
import { cleanUpEngine } from "./clean-up.ts";
import { ask, dockerClient, statusOf, type TlsFiles } from "./docker-client.ts";
import { engineVersion } from "./engine-version.ts";
import { examineImage } from "./examine-image.ts";
import { inspectImage } from "./inspect-image.ts";
import { keyNotes } from "./key-notes.ts";
import { installationNames, type Names } from "./names.ts";
import { pulledImages } from "./pulled-images.ts";
import { pushImage } from "./push-image.ts";
import { runContainer } from "./run-container.ts";
import { stepContainers } from "./step-containers.ts";
import { openContainer } from "./test-container.ts";

export interface DockerEngineOptions {
  /** `docker` when left out. */
  readonly name?: string;
  /** `unix:///var/run/docker.sock`, `ssh://user@host`, or `tcp://host:2376` with `tls`. */
  readonly host: string;
  readonly tls?: TlsFiles;
  /** Sets this flibs apart from others on the same engine: lower-case letters, digits, dashes, at most 40. Must stay the same. */
  readonly installation: string;
  /** A directory of its own; holds the ids of running build steps and the names of pulled images. */
  readonly stateDirectory: string;
  /** Builds at a time in this process; the others wait, without using up their time limit. */
  readonly slots: number;
  /** What it builds for and runs, when that is more (by emulation) or less than its own platform. */
  readonly platforms?: readonly Platform[];
  /** `auto` takes BuildKit only where `buildCgroup` holds it to limits; left out: `auto`. */
  readonly builder?: "auto" | "buildkit" | "classic";
  /** The engine's `--cgroup-parent`, when it runs on this machine and flibs may write there; see {@link buildCgroup}. */
  readonly buildCgroup?: string;
  /** Of BuildKit's cache, what is beyond this goes at the next clean-up, whoever made it. The engine decides when left out. */
  readonly keepCacheBytes?: number;
  /** Network of RUN lines: `default`, `none` or the name of a network. `default` when left out. */
  readonly networkMode?: string;
  /** Largest build context or directory of test files, bytes; 512 MiB when left out. */
  readonly maxContextBytes?: number;
  /** Most bytes of files that one `inspect` reads; 256 MiB when left out. */
  readonly maxFileBytes?: number;
}

/** Docker Engine 19.03 or newer, through its API; see docs/decisions/0008-docker-engine.md and 0024. */
export function dockerEngine(options: DockerEngineOptions): Engine & { close(): Promise<void> } {
  const names = installationNames(options.installation);
  let opened: Promise<{ readonly calls: Calls; close(): void }> | undefined;
  const open = () => {
    opened ??= dockerClient(options.host, options.tls).then(({ docker, close }) => ({ calls: engineWith(docker, names, options), close }));
    return opened.then(({ calls }) => calls);
  };
  return {
    name: options.name ?? "docker",
    kind: "docker",
    checksLayers: async () => (await open()).checksLayers(),
    capabilities: async () => (await open()).capabilities(),
    platforms: async () => (await open()).platforms(),
    build: async (...call) => (await open()).build(...call),
    inspect: async (...call) => (await open()).inspect(...call),
    push: async (...call) => (await open()).push(...call),
    run: async (...call) => (await open()).run(...call),
    examine: async (...call) => (await open()).examine(...call),
    open: async (...call) => (await open()).open(...call),
    cleanUp: async (keep) => (await open()).cleanUp(keep),
    close: async () => (await opened?.catch(() => undefined))?.close(),
  };
}

type Calls = Omit<Engine, "name" | "kind">;

function engineWith(docker: Docker, names: Names, options: DockerEngineOptions): Calls {
  const { host: socket } = options;
  const steps = stepContainers(docker, socket, keyNotes(join(options.stateDirectory, "build-steps")), (ms) => wait(ms));
  const pulled = pulledImages(docker, socket, keyNotes(join(options.stateDirectory, "pulled-images")));
  const slots = new PQueue({ concurrency: options.slots });
  const perKey = oneAtATime();
  const maxContextBytes = options.maxContextBytes ?? 512 * 2 ** 20;
  const maxFileBytes = options.maxFileBytes ?? 256 * 2 ** 20;
  const container = (purpose: "run" | "inspect", key: string) => ({ name: names.container(purpose, key), labels: names.labels(key) });
  const builder = chooseBuilder(options);
  const held = options.buildCgroup === undefined ? undefined : buildCgroup({ path: options.buildCgroup, slots: options.slots });

  const errors = buildErrors(socket);
  const askVersion = engineVersion(docker, socket);

  async function look(): Promise<{ readonly platforms: readonly Platform[]; readonly apiVersion: string }> {
    const version = await askVersion();
    return { platforms: options.platforms ?? [`${version.Os}/${version.Arch}`], apiVersion: version.ApiVersion };
  }

  async function build(key: string, request: BuildRequest, sink: LogSink, signal: AbortSignal): Promise<BuildOutcome> {
    const tag = names.buildRepository(key);
    const { platforms } = await look();
    if (!platforms.includes(request.platform))
      throw appError("engine.platform-unsupported", `this engine builds for ${platforms.join(", ")}, not for ${request.platform}`);
    const finished = await findTagged(docker, socket, tag);
    if (finished !== undefined) return { outcome: "built", imageId: finished };
    // What a crashed flibs left running under this key: the daemon ends such a build by itself when the connection closes, this makes sure.
    await steps.remove(key);
    if (builder === "buildkit") await cancelBuildkitBuild({ docker, socket }, key);
    const { installation, networkMode = "default" } = options;
    const common = { docker, socket, installation, tag, networkMode, mark: names.buildMark(key), maxContextBytes };
    return inSlot(slots, sink, signal, async () => {
      using limits = limitCall(sink, signal, request.limits.timeoutMs);
      // Or a package manager's "could not connect" would be taken for the mirror's fault.
      if (common.networkMode === "none") limits.say("RUN instructions have no network on this engine; see the settings' network.mode\n");
      const context = { ...common, throwUnlessOwn: errors.begin(key) };
      const building =
        builder === "buildkit"
          ? buildWithBuildkit({ ...context, ...(held && { held }) }, key, request, limits)
          : buildImage({ ...context, steps }, key, request, limits);
      const outcome = await building;
      errors.forget(key);
      return outcome;
    });
  }

  return {
    checksLayers: () => packsFromLayerStore(docker, socket),
    capabilities: async () => {
      const { apiVersion } = await look();
      if (builder === "classic") return { ...classicDialect, buildLimits: "each" };
      const buildLimits = held === undefined ? "none" : options.slots === 1 ? "each" : "together";
      return { ...buildkitDialect(apiVersion), buildLimits };
    },
    platforms: async () => (await look()).platforms,
    build: (key, request, sink, signal) => perKey(`build ${key}`, () => build(key, request, sink, signal)),
    inspect: (key, imageId, files) =>
      perKey(`inspect ${key}`, () => inspectImage({ docker, socket, container: container("inspect", key), maxFileBytes }, imageId, files)),
    push: async (_key, imageId, destination, sink, signal) => {
      // Nothing an image contains makes a push print much, so a full log does not stop it.
      const tell = (text: string) => {
        sink(text);
        return true;
      };
      using limits = limitCall(tell, signal, Number.POSITIVE_INFINITY);
      return await pushImage({ docker, socket }, imageId, destination, limits);
    },
    run: (key, request, sink, signal) =>
      perKey(`run ${key}`, async () => {
        using limits = limitCall(sink, signal, request.limits.timeoutMs);
        const own = { container: container("run", key), leftRepository: names.runRepository(key) };
        const willPull = () => pulled.willPull(key, request.image);
        return await runContainer({ docker, socket, ...own, willPull, maxFileBytes: maxContextBytes }, request, limits);
      }),
    examine: (key, request, use, sink, signal) =>
      perKey(`inspect ${key}`, async () => {
        using limits = limitCall(sink, signal, Number.POSITIVE_INFINITY);
        const willPull = () => pulled.willPull(key, request.image);
        return await examineImage({ docker, socket, container: container("inspect", key), willPull }, request, use, { ...limits, signal });
      }),
    open: (key, request, sink, signal) =>
      perKey(`run ${key}`, async () => {
        // They live as long as the container.
        const limits = limitCall(sink, signal, request.limits.timeoutMs);
        const own = { container: container("run", key), willPull: () => pulled.willPull(key, request.image) };
        return await openContainer({ docker, socket, ...own, maxFileBytes: maxContextBytes }, request, limits);
      }),
    cleanUp: async (keep) => {
      const removed = await cleanUpEngine({ docker, socket, names, steps, pulled }, keep);
      if (options.keepCacheBytes !== undefined) await pruneBuildCache(docker, socket, options.keepCacheBytes);
      return removed;
    },
  };
}

async function findTagged(docker: Docker, socket: string, tag: string): Promise<Digest | undefined> {
  const found = docker
    .getImage(`${tag}:latest`)
    .inspect()
    .then(
      (image) => image.Id,
      (error: unknown) => {
        if (statusOf(error) === 404) return undefined;
        throw error;
      },
    );
  const id = await ask(socket, `look for the image ${tag}`, found);
  return id !== undefined && isDigest(id) ? id : undefined;
}

async function inSlot(slots: PQueue, sink: LogSink, signal: AbortSignal, build: () => Promise<BuildOutcome>): Promise<BuildOutcome> {
  if (slots.pending >= slots.concurrency) sink("Waiting for a free build slot\n");
  // The queue's own signal would also throw away the outcome of a build that is running, so it is let go when the build starts.
  const waiting = new AbortController();
  const leave = () => waiting.abort();
  signal.addEventListener("abort", leave);
  if (signal.aborted) leave();
  try {
    return await slots.add(
      () => {
        signal.removeEventListener("abort", leave);
        return build();
      },
      { signal: waiting.signal },
    );
  } catch (error) {
    if (waiting.signal.aborted) return { outcome: "cancelled" };
    throw error;
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

/**
 * Layers of a graph driver can only be read through a check of the diff id, and are packed by compress/gzip of Go (moby, layer/ro_layer.go). containerd's store
 * pushes what it has as it is, and tells other sizes of images.
 */
async function packsFromLayerStore(docker: Docker, socket: string): Promise<boolean> {
  const { DriverStatus } = (await ask(socket, "say how it stores images", docker.info())) as { DriverStatus?: unknown };
  return !JSON.stringify(DriverStatus ?? []).includes("io.containerd.snapshotter");
}

/** Calls with one key wait for each other, so that the second finds what the first has made. */
function oneAtATime(): <T>(key: string, call: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, call) => {
    const before = last.get(key);
    const mine = (before ?? Promise.resolve()).then(call, call);
    last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (last.get(key) === mine) last.delete(key);
    }
  };
}
