import { lstat, readdir, readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { type Digest, digestOf } from "../../src/domain/digest.ts";
import { classicDialect, type DockerfileFeature } from "../../src/domain/dockerfile-dialect.ts";
import { appError } from "../../src/domain/errors.ts";
import type { Platform } from "../../src/domain/platform.ts";
import { type CallLimits, limitCall } from "../../src/engines/call-limits.ts";
import type {
  BuildOutcome,
  BuildPlace,
  BuildRequest,
  Engine,
  EngineCapabilities,
  ImageConfig,
  ImageReader,
  InspectedImage,
  PushDestination,
  RunOutcome,
  RunRequest,
  TestContainer,
} from "../../src/engines/engine.ts";
import { runShell, type ShellEnd } from "./engine-shell.ts";

type Files = ReadonlyMap<string, Uint8Array>;
interface Image {
  readonly platform: Platform;
  readonly config: ImageConfig;
  readonly files: Files;
  readonly layers: readonly Digest[];
}

export interface FakeEngine extends Engine {
  /** Digest of what was pushed as `registry/repository:tag`. */
  digestOfTag(name: string): Digest | undefined;
  /** Keys of finished builds that are remembered, and of containers. */
  leftovers(): readonly string[];
  setReachable(reachable: boolean): void;
  /** Each key for which a build was really carried out. */
  readonly builds: readonly string[];
}

export interface FakeEngineOptions {
  /** `fake` when left out. */
  readonly name?: string;
  /** `linux/amd64` alone when left out. */
  readonly platforms?: readonly Platform[];
  /** The classic builder, with limits for each build, when left out. */
  readonly capabilities?: EngineCapabilities;
  /** Takes the push in the place of the engine's own store: a fake registry's door. */
  readonly onPush?: (image: InspectedImage, destination: PushDestination) => Promise<{ digest: Digest; size: number }>;
  /** Images that FROM may name besides scratch, with their files. */
  readonly parents?: Readonly<Record<string, Readonly<Record<string, Uint8Array>>>>;
}

/**
 * An engine in memory. It understands the Dockerfile lines LABEL, ENV, COPY, ADD, RUN, CMD, ENTRYPOINT and USER and a shell of few words
 * (see engine-shell.ts), keeps images by id and finished builds by key, and obeys the contract of test/contract/engine.contract.ts.
 */
export function fakeEngine(options: FakeEngineOptions = {}): FakeEngine {
  const images = new Map<Digest, Image>();
  const finished = new Map<string, Digest>();
  const pushed = new Map<string, { digest: Digest; size: number; imageId: Digest }>();
  const running = new Map<string, Promise<BuildOutcome>>();
  const builds: string[] = [];
  const { platforms = ["linux/amd64"], capabilities = { ...classicDialect, buildLimits: "each" as const } } = options;
  let reachable = true;
  const ask = () => {
    if (!reachable) throw appError("engine.unreachable", "the fake engine was made unreachable");
  };

  async function buildOnce(key: string, request: BuildRequest, limits: CallLimits): Promise<BuildOutcome> {
    if (limits.signal.aborted) return { outcome: limits.ended() ?? "cancelled" };
    builds.push(key);
    const built = await interpret(request, limits, options.parents ?? {}, capabilities);
    if ("outcome" in built) return built;
    const imageId = digestOf(JSON.stringify([key, request.platform, built.config, built.layers]));
    images.set(imageId, built);
    finished.set(key, imageId);
    return { outcome: "built", imageId };
  }

  function imageOf(id: Digest): Image {
    ask();
    const image = images.get(id);
    if (image === undefined) throw appError("engine.image-missing", `the image ${id} is not on this engine`);
    return image;
  }

  function inspected(imageId: Digest, paths: readonly string[]): InspectedImage {
    const { platform, config, files, layers } = imageOf(imageId);
    const chosen = [...files].filter(([name]) => paths.some((path) => name === path || name.startsWith(`${path}/`)));
    const sizeBytes = [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
    const created = "2026-01-01T00:00:00Z";
    return { imageId, platform, created, sizeBytes, diffIds: layers, config, files: Object.fromEntries(chosen) };
  }

  return {
    name: options.name ?? "fake",
    kind: "fake",
    checksLayers: async () => false,
    capabilities: async () => {
      ask();
      return capabilities;
    },
    builds,
    digestOfTag: (name) => pushed.get(name)?.digest,
    leftovers: () => [...finished.keys()],
    setReachable: (value) => {
      reachable = value;
    },
    platforms: async () => {
      ask();
      return platforms;
    },
    build: async (key, request, sink, signal) => {
      ask();
      if (!platforms.includes(request.platform))
        throw appError("engine.platform-unsupported", `this engine does not build for ${request.platform}`);
      await running.get(key);
      const before = finished.get(key);
      if (before !== undefined) return { outcome: "built", imageId: before };
      using limits = limitCall(sink, signal, request.limits.timeoutMs);
      const build = buildOnce(key, request, limits).finally(() => running.delete(key));
      running.set(key, build);
      return await build;
    },
    inspect: async (_key, imageId, paths) => inspected(imageId, paths),
    push: async (_key, imageId, destination, sink, signal) => {
      signal.throwIfAborted();
      const image = inspected(imageId, ["/"]);
      const name = `${destination.registry}/${destination.repository}`;
      if (destination.registry.endsWith(":1")) throw appError("engine.push-failed", `pushing ${name}: connection refused`);
      sink(`The push refers to repository [${name}]\n`);
      const manifest = JSON.stringify([imageId, image.diffIds]);
      const result = (await options.onPush?.(image, destination)) ?? { digest: digestOf(manifest), size: manifest.length };
      for (const full of [`${name}:${destination.tag}`, `${name}@${result.digest}`]) pushed.set(full, { ...result, imageId });
      return result;
    },
    run: async (_key, request, sink, signal): Promise<RunOutcome> => {
      ask();
      using limits = limitCall(sink, signal, request.limits.timeoutMs);
      const image = imageOf(pushed.get(request.image)?.imageId ?? (request.image as Digest));
      const files = new Map(image.files);
      for (const { directory, target } of [request.files ?? []].flat()) {
        for (const [name, bytes] of await readTree(directory, target)) files.set(name, bytes);
      }
      const env = {
        ...Object.fromEntries(image.config.env.map((one) => [one.split("=", 1)[0], one.replace(/^[^=]*=?/, "")])),
        ...request.env,
      };
      const runOne = async (
        [program = "", flag, script, ...more]: readonly string[],
        output?: RunRequest["output"],
      ): Promise<RunOutcome> => {
        if (!image.files.has(program)) return { outcome: "not-started", message: `"${program}": no such file or directory` };
        const line = flag === "-c" ? (script ?? "") : [posix.basename(program), flag, script, ...more].join(" ");
        const end = await runShell(line, { env, files, ...(output === undefined ? {} : { output }) }, limits);
        return typeof end === "number" ? { outcome: "exited", exitCode: end, outOfMemory: false } : { outcome: end };
      };
      for (const [index, command] of (request.before ?? []).entries()) {
        const outcome = await runOne(command);
        if (outcome.outcome === "not-started") return { ...outcome, message: `command ${index + 1} before it: ${outcome.message}` };
        if (outcome.outcome !== "exited") return outcome;
      }
      const outcome = await runOne(request.command, request.output);
      if (outcome.outcome === "exited") await request.left?.(imageReader(image.config, files));
      return outcome;
    },
    examine: async (_key, request, use, _sink, signal) => {
      ask();
      signal.throwIfAborted();
      const { config, files } = imageOf(pushed.get(request.image)?.imageId ?? (request.image as Digest));
      return await use(imageReader(config, files));
    },
    open: async (_key, request, sink, signal) => {
      ask();
      const image = imageOf(pushed.get(request.image)?.imageId ?? (request.image as Digest));
      const limits = limitCall(sink, signal, request.limits.timeoutMs);
      if (!limits.signal.aborted) return { outcome: "open", container: fakeContainer(image, limits) };
      limits[Symbol.dispose]();
      return { outcome: "cancelled" };
    },
    cleanUp: async (keep) => {
      ask();
      const gone: string[] = [];
      for (const key of finished.keys()) if (!(await keep(key))) gone.push(key);
      for (const key of gone) finished.delete(key);
      return gone.map((key) => `image ${key}`);
    },
  };
}

/** All files are of root, and nobody may execute them. */
function imageReader(config: ImageConfig, files: Files): ImageReader {
  const below = (path: string) => [...files.keys()].filter((name) => name.startsWith(path === "/" ? "/" : `${path}/`));
  return {
    config,
    find: async (asked) => {
      const path = posix.resolve("/", asked);
      const size = files.get(path)?.length;
      if (size !== undefined) return { kind: "file", mode: 0o644, uid: 0, gid: 0, size };
      return below(path).length > 0 ? { kind: "directory", mode: 0o755, uid: 0, gid: 0, size: 0 } : undefined;
    },
    read: async (asked, maxBytes) => {
      const path = posix.resolve("/", asked);
      const bytes = files.get(path);
      if (bytes === undefined) return { kind: below(path).length > 0 ? "directory" : "absent" };
      return bytes.length > maxBytes ? { kind: "too-large" } : { kind: "content", bytes };
    },
    directories: async (asked) => {
      const path = posix.resolve("/", asked);
      const parts = below(path).map((name) => name.slice(path === "/" ? 1 : path.length + 1).split("/"));
      return parts.length === 0 ? undefined : [...new Set(parts.filter(({ length }) => length > 1).map(([first = ""]) => first))];
    },
  };
}

/** What waits in it is an image's files; each command is the shell's. */
function fakeContainer(image: Image, limits: CallLimits): TestContainer {
  return {
    ended: () => limits.ended(),
    exec: async ({ command, env = {}, stdin }, sinks, signal): Promise<RunOutcome> => {
      const given: Uint8Array[] = [];
      for await (const part of stdin ?? []) given.push(part);
      if (limits.ended() !== undefined) return { outcome: limits.ended() ?? "cancelled" };
      const [program = "", flag, script = ""] = command;
      if (!image.files.has(program)) return { outcome: "not-started", message: `"${program}": no such file or directory` };
      using own = limitCall((text) => sinks.stdout(Buffer.from(text)), AbortSignal.any([signal, limits.signal]), Number.POSITIVE_INFINITY);
      const line = flag === "-c" ? script : [posix.basename(program), ...command.slice(1)].join(" ");
      // The only thing that reads standard input is `cat` alone.
      const machine = { env, files: new Map([...image.files, ["", Buffer.concat(given)] as const]) };
      const end = await runShell(line, machine, own);
      if (typeof end === "number") return { outcome: "exited", exitCode: end, outOfMemory: false };
      return { outcome: limits.ended() ?? end };
    },
    readFile: async (path, maxBytes) => {
      const bytes = image.files.get(path);
      return bytes !== undefined && bytes.length <= maxBytes ? bytes : undefined;
    },
    close: async () => limits[Symbol.dispose](),
  };
}

/** Flags of RUN, COPY and ADD that are features; they change nothing here. */
const featureOfFlag: Readonly<Record<string, DockerfileFeature>> = {
  "--mount": "run-mount",
  "--network": "run-network",
  "--chmod": "copy-chmod",
  "--link": "copy-link",
};

async function interpret(
  request: BuildRequest,
  limits: CallLimits,
  parents: NonNullable<FakeEngineOptions["parents"]>,
  { builder, features }: EngineCapabilities,
) {
  const whole = features.includes("heredoc")
    ? request.dockerfile.replaceAll(/<<(\w+)\n(.*?)\n\1\n/gs, (_, __, body: string) => `${body.replaceAll("\n", "; ")}\n`)
    : request.dockerfile;
  const lines = whole.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
  let layer = 0;
  const files = new Map<string, Uint8Array>();
  const layers: Digest[] = [];
  const config = {
    user: "",
    entrypoint: [],
    cmd: [],
    env: [],
    workingDir: "",
    exposedPorts: [],
    volumes: [],
    stopSignal: "",
    labels: {},
  } as {
    -readonly [K in keyof ImageConfig]: ImageConfig[K];
  };
  for (const [index, instruction] of lines.entries()) {
    const [word = "", ...all] = instruction.trim().split(/\s+/);
    const rest = all.filter((one) => !one.startsWith("--"));
    const rhs = rest.join(" ");
    if (["RUN", "COPY", "ADD", "WORKDIR"].includes(word)) layer += 1;
    const place: BuildPlace = builder === "classic" ? { step: index + 1 } : { layer: { number: layer, keyword: word } };
    limits.say(builder === "classic" ? `Step ${index + 1}/${lines.length} : ${instruction}\n` : `#${layer} ${instruction}\n`);
    const failed = (message: string): BuildOutcome => ({ outcome: "failed", message, instruction, ...place });
    const unknown = all.find(
      (one) => one.startsWith("--") && !features.includes(featureOfFlag[one.split("=")[0] ?? ""] as DockerfileFeature),
    );
    if (unknown !== undefined) return failed(`dockerfile parse error line ${index + 1}: unknown flag: ${unknown}`);
    switch (word) {
      case "FROM":
        for (const [name, bytes] of Object.entries(parents[rhs] ?? {})) files.set(name, bytes);
        if (rhs !== "scratch") layers.push(digestOf(rhs));
        break;
      case "LABEL":
        config.labels = { ...config.labels, ...Object.fromEntries(pairs(rhs)) };
        break;
      case "ENV":
        config.env = [...config.env, ...pairs(rhs).map(([name, value]) => `${name}=${value}`)];
        break;
      case "CMD":
      case "ENTRYPOINT":
        config[word === "CMD" ? "cmd" : "entrypoint"] = rhs.startsWith("[") ? JSON.parse(rhs) : ["/bin/sh", "-c", rhs];
        break;
      case "USER":
        config.user = rhs;
        break;
      // Of a repository only plain files are added here.
      case "ADD":
      case "COPY": {
        const extras = await readExtras(request.extraFiles ?? {}, rest[0] ?? "", rest[1] ?? "/");
        const copied = extras ?? (await readTree(join(request.context, rest[0] ?? ""), rest[1] ?? "/").catch(() => undefined));
        if (copied === undefined) return failed(`${instruction}: file not found in build context: ${rest[0]}`);
        for (const [name, bytes] of copied) files.set(name, bytes);
        layers.push(digestOf(JSON.stringify(copied.map(([name, bytes]) => [name, digestOf(bytes)]))));
        break;
      }
      case "RUN": {
        const end: ShellEnd = await runShell(rhs, { env: {}, files: new Map(files) }, limits);
        if (typeof end !== "number") return { outcome: end, ...place } satisfies BuildOutcome;
        if (end !== 0) return failed(`${instruction} returned ${end}`);
        layers.push(digestOf(instruction));
        break;
      }
      default:
        return failed(`dockerfile parse error line ${index + 1}: unknown instruction: ${word}`);
    }
    const ended = limits.ended();
    if (ended !== undefined) return { outcome: ended, ...place } satisfies BuildOutcome;
  }
  return { platform: request.platform, config, files, layers } satisfies Image;
}

function pairs(text: string): [string, string][] {
  return [...text.matchAll(/([\w.-]+)=(?:"((?:[^"\\]|\\.)*)"|(\S+))/g)].map(([, name = "", quoted, bare]) => [
    name,
    quoted?.replaceAll(/\\(.)/g, "$1") ?? bare ?? "",
  ]);
}

/** One of the extra files (of an archive, those in it), or those below a directory of them; undefined when there is none. */
async function readExtras(extras: NonNullable<BuildRequest["extraFiles"]>, from: string, to: string) {
  const below = from.endsWith("/") ? from : `${from}/`;
  const names = Object.keys(extras).filter((name) => name === from || name.startsWith(below));
  if (names.length === 0) return undefined;
  const read = async (name: string): Promise<[string, Uint8Array][]> => {
    const content = extras[name] ?? new Uint8Array();
    if ("archive" in content) {
      const files = Object.entries(content.archive).filter(([inside]) => !inside.endsWith("/"));
      return files.map(([inside, bytes]) => [posix.join(to, inside), bytes]);
    }
    const target = name !== from ? posix.join(to, name.slice(below.length)) : to.endsWith("/") ? posix.join(to, posix.basename(name)) : to;
    return [[target, "path" in content ? await readFile(content.path) : content]];
  };
  return (await Promise.all(names.map(read))).flat();
}

/** Links are files here: good enough for programs. */
async function readTree(from: string, to: string): Promise<[string, Uint8Array][]> {
  const stat = await lstat(from);
  if (!stat.isDirectory())
    return [[to.endsWith("/") ? posix.join(to, posix.basename(from)) : to, stat.isFile() ? await readFile(from) : new Uint8Array()]];
  const found: [string, Uint8Array][] = [];
  for (const name of (await readdir(from)).toSorted()) found.push(...(await readTree(join(from, name), posix.join(to, name))));
  return found;
}
