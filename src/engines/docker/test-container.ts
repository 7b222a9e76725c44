import { posix } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type Docker from "dockerode";
import tar from "tar-stream";
import type { CallLimits } from "../call-limits.ts";
import type { ExecRequest, ExecSinks, OpenOutcome, OpenRequest, RunOutcome, TestContainer } from "../engine.ts";
import { idleProgram } from "../idle-program.ts";
import { diskWatch } from "./disk-watch.ts";
import { ask, statusOf, translate } from "./docker-client.ts";
import { ensureImage } from "./ensure-image.ts";
import { readFrames } from "./read-frames.ts";
import { createContainer, type RunContext, startContainer, tidyStartError } from "./run-container.ts";
import { removeContainer, removeContainerAtEnd } from "./step-containers.ts";

const idlePath = "/.flibs-idle";
const maxLinks = 10;

/**
 * A container like that of `runContainer` whose first process is flibs' own waiting program. `limits` live as long as the container: when they end
 * it early, it is removed, and with it everything that runs in it.
 */
export async function openContainer(
  context: Omit<RunContext, "leftRepository">,
  request: OpenRequest,
  limits: CallLimits,
): Promise<OpenOutcome> {
  const { docker, socket } = context;
  const { name } = context.container;
  const idle = idleProgram(request.platform);
  if (idle === undefined) return { outcome: "not-started", message: `flibs has no waiting program for ${request.platform}` };
  let isOpen = false;
  try {
    await removeContainer(docker, socket, name);
    const pulling = { docker, socket, say: limits.say, signal: limits.signal, platform: request.platform, willPull: context.willPull };
    await ensureImage(pulling, request.image, request.credential);
    const container = await createContainer(context, { ...request, command: [idlePath], env: {} });
    if (typeof container === "string") return { outcome: "not-started", message: container };
    await ask(socket, "put the waiting program into a container", container.putArchive(archiveOf(idle), { path: "/" }));
    limits.signal.throwIfAborted();
    const problem = await startContainer(socket, container);
    if (problem !== undefined) return { outcome: "not-started", message: problem };
    limits.signal.throwIfAborted();
    isOpen = true;
    return { outcome: "open", container: opened(context, container, limits, request.limits.diskBytes) };
  } catch (error) {
    const early = limits.ended();
    if (early === "timed-out" || early === "cancelled") return { outcome: early };
    throw translate(socket, "open a container", error);
  } finally {
    if (!isOpen) {
      limits[Symbol.dispose]();
      await removeContainerAtEnd(docker, socket, name);
    }
  }
}

function archiveOf(program: Uint8Array): NodeJS.ReadableStream {
  const pack = tar.pack();
  // Readable for whoever the image's user is.
  pack.entry({ name: idlePath.slice(1), mode: 0o755, uid: 0, gid: 0, mtime: new Date(0) }, Buffer.from(program));
  pack.finalize();
  return Readable.from(pack, { objectMode: false });
}

function opened(
  { docker, socket, container: own }: Omit<RunContext, "leftRepository">,
  container: Docker.Container,
  limits: CallLimits,
  diskBytes: number | undefined,
): TestContainer {
  let removal: Promise<unknown> | undefined;
  const remove = () => {
    removal ??= removeContainer(docker, socket, own.name);
    return removal;
  };
  // Whoever waits for a command learns of it; what could not be removed now is removed by `close`, or by clean-up.
  const end = () => void remove().catch(() => (removal = undefined));
  limits.signal.addEventListener("abort", end);
  const disk = diskWatch(docker, limits, diskBytes, []);
  disk.follow(container.id);
  return {
    ended: () => limits.ended(),
    exec: (request, sinks, signal) => execIn({ socket, container, limits }, request, sinks, signal),
    readFile: (path, maxBytes) => readFileOf(socket, container, path, maxBytes),
    close: async () => {
      limits.signal.removeEventListener("abort", end);
      disk[Symbol.dispose]();
      limits[Symbol.dispose]();
      await remove().catch(() => {});
    },
  };
}

interface Running {
  readonly socket: string;
  readonly container: Docker.Container;
  readonly limits: CallLimits;
}

async function execIn({ socket, container, limits }: Running, request: ExecRequest, sinks: ExecSinks, caller: AbortSignal) {
  const full = new AbortController();
  const signal = AbortSignal.any([limits.signal, caller, full.signal]);
  const early = (): RunOutcome | undefined => {
    const ended = limits.ended();
    if (ended !== undefined) return { outcome: ended };
    if (caller.aborted) return { outcome: "cancelled" };
    return full.signal.aborted ? { outcome: "log-limit" } : undefined;
  };
  try {
    signal.throwIfAborted();
    return await execToEnd(socket, container, request, signal, (stream, bytes) => {
      if (!(stream === 2 ? sinks.stderr(bytes) : sinks.stdout(bytes))) full.abort();
    });
  } catch (error) {
    const why = early();
    if (why !== undefined) return why;
    throw translate(socket, "run a command in a container", error);
  }
}

async function execToEnd(
  socket: string,
  container: Docker.Container,
  { command, user, env = {}, stdin, workingDirectory }: ExecRequest,
  signal: AbortSignal,
  take: (stream: 1 | 2, bytes: Uint8Array) => void,
): Promise<RunOutcome> {
  const created = container.exec({
    Cmd: [...command],
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    AttachStdin: stdin !== undefined,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    ...(user === undefined ? {} : { User: user }),
    ...(workingDirectory === undefined ? {} : { WorkingDir: workingDirectory }),
  });
  const exec = await ask(socket, "make a command", created);
  const stream = await ask(socket, "start a command", exec.start({ hijack: true, stdin: stdin !== undefined }));
  const destroy = () => stream.destroy();
  signal.addEventListener("abort", destroy);
  // A command that ends without having read everything is no trouble.
  stream.on("error", () => {});
  let start = "";
  try {
    signal.throwIfAborted();
    const feeding = stdin === undefined ? undefined : feed(stream, stdin);
    await readFrames(stream, signal, (which, bytes) => {
      // In the place of output the engine sends why a command did not start.
      if (start.length < 1000) start += Buffer.from(bytes.subarray(0, 1000)).toString();
      take(which, bytes);
    });
    signal.throwIfAborted();
    stream.destroy();
    await feeding;
    const { ExitCode: exitCode, Pid: pid, Running: running } = await ask(socket, "look at a command", exec.inspect());
    if (running || exitCode === null) throw new Error("the engine ended the command's stream before the command");
    if (pid === 0) return { outcome: "not-started", message: tidyStartError(start.trim()) };
    const { State: state } = await ask(socket, "look at a container", container.inspect());
    return { outcome: "exited", exitCode, outOfMemory: exitCode === 137 && state.OOMKilled };
  } finally {
    signal.removeEventListener("abort", destroy);
    stream.destroy();
  }
}

/** Settles without an error: what is not read is not missed. */
async function feed(stream: NodeJS.WritableStream, stdin: AsyncIterable<Uint8Array>): Promise<void> {
  await pipeline(stdin, stream).catch(() => {});
}

async function readFileOf(socket: string, container: Docker.Container, path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  let at = posix.resolve("/", path);
  for (let links = 0; links <= maxLinks; links++) {
    const found = await firstEntry(socket, container, at, maxBytes);
    if (found === undefined || found instanceof Uint8Array) return found;
    at = posix.resolve(posix.dirname(at), found.target);
  }
  return undefined;
}

/** Of the archive that the engine makes of one path: the file, or where the link leads. */
async function firstEntry(
  socket: string,
  container: Docker.Container,
  path: string,
  maxBytes: number,
): Promise<Uint8Array | { readonly target: string } | undefined> {
  const asked = container.getArchive({ path }).catch((error: unknown) => {
    if (statusOf(error) === 404) return undefined;
    throw error;
  });
  const archive = await ask(socket, "read a file of a container", asked);
  if (archive === undefined) return undefined;
  const extract = tar.extract();
  const reading = pipeline(archive, extract);
  // It is torn down after the first entry.
  reading.catch(() => {});
  try {
    for await (const entry of extract) {
      const { type, size = 0, linkname } = entry.header;
      if (type === "symlink" && typeof linkname === "string") return { target: linkname };
      if (type !== "file" || size > maxBytes) return undefined;
      const parts: Uint8Array[] = [];
      for await (const part of entry as AsyncIterable<Uint8Array>) parts.push(part);
      return Buffer.concat(parts);
    }
    return undefined;
  } finally {
    (archive as Readable).destroy();
    extract.destroy();
  }
}
