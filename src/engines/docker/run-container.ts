import { once } from "node:events";
import type Docker from "dockerode";
import type { CallLimits } from "../call-limits.ts";
import type { CopiedFiles, RunOutcome, RunRequest } from "../engine.ts";
import { packDirectory } from "./context.ts";
import { type DiskWatch, diskWatch } from "./disk-watch.ts";
import { ask, messageOf, statusOf, translate } from "./docker-client.ts";
import { ensureImage } from "./ensure-image.ts";
import { readerOf } from "./image-files.ts";
import { readFrames } from "./read-frames.ts";
import { removeTag } from "./remove-tag.ts";
import { removeContainer, removeContainerAtEnd } from "./step-containers.ts";

/** A commit writes all files that a command has made. */
const keepMs = 10 * 60_000;

export interface RunContext {
  readonly docker: Docker;
  readonly socket: string;
  readonly container: { readonly name: string; readonly labels: Record<string, string> };
  /** Name of the image that the commands before leave; it is there while the call lasts, and after a crash. */
  readonly leftRepository: string;
  readonly maxFileBytes: number;
  /** Called before the image is pulled. */
  readonly willPull: () => Promise<void>;
}

/**
 * One command in a container that can reach nothing: no network, no mounts, no capabilities. A container of the same name is what a
 * crash left behind; it goes first. Always removed at the end; the image that was pulled for it stays for the next command.
 */
export async function runContainer(context: RunContext, request: RunRequest, limits: CallLimits): Promise<RunOutcome> {
  const { docker, socket, container } = context;
  try {
    const outcome = await runCommands(context, request, limits);
    if (outcome.outcome !== "exited" || request.left === undefined) return outcome;
    const files = readerOf({ container: docker.getContainer(container.name), socket, signal: limits.signal });
    await request.left(files).catch((error: unknown) => {
      if (limits.ended() === undefined) throw error;
    });
    const early = limits.ended();
    return early === undefined ? outcome : { outcome: early };
  } finally {
    await removeContainerAtEnd(docker, socket, container.name);
    // Left to clean-up as well.
    if ((request.before ?? []).length > 0) await removeTag(docker, socket, `${context.leftRepository}:latest`).catch(() => {});
  }
}

async function runCommands(context: RunContext, request: RunRequest, limits: CallLimits): Promise<RunOutcome> {
  const { docker, socket } = context;
  using disk = diskWatch(docker, limits, request.limits.diskBytes, [request.image]);
  try {
    await removeContainer(docker, socket, context.container.name);
    await ensureImage(
      { docker, socket, say: limits.say, signal: limits.signal, platform: request.platform, willPull: context.willPull },
      request.image,
      request.credential,
    );
    let image = request.image;
    for (const [index, command] of (request.before ?? []).entries()) {
      const { output: _, terminal: __, ...asked } = request;
      const outcome = await runOne(context, { ...asked, image, command }, limits, disk);
      if (outcome.outcome === "not-started") return { ...outcome, message: `command ${index + 1} before it: ${outcome.message}` };
      if (outcome.outcome !== "exited") return outcome;
      limits.say(`(command ${index + 1} before the test returned ${outcome.exitCode})\n`);
      image = await keepFiles(context);
      await disk.made(image);
      limits.signal.throwIfAborted();
      await removeContainer(docker, socket, context.container.name);
    }
    return await runOne(context, { ...request, image }, limits, disk);
  } catch (error) {
    const early = limits.ended();
    if (early !== undefined) return { outcome: early };
    throw translate(socket, "run a container", error);
  }
}

async function runOne(context: RunContext, request: RunRequest, limits: CallLimits, disk: DiskWatch): Promise<RunOutcome> {
  const container = await createContainer(context, request);
  if (typeof container === "string") return { outcome: "not-started", message: container };
  disk.follow(container.id);
  for (const files of [request.files ?? []].flat()) await copyFiles(context, container, files);
  return await runToEnd(context.socket, container, request, limits);
}

/** An image of what the container has become. It has a name, by which it is found after a crash, and takes those before it along when it goes. */
async function keepFiles({ docker, socket, container, leftRepository }: RunContext): Promise<string> {
  const commit = docker.getContainer(container.name).commit({ repo: leftRepository, tag: "latest", pause: false });
  const { Id } = (await ask(socket, "keep what a command has left", commit, keepMs)) as { Id: string };
  return Id;
}

/** The container, or why it cannot be: the request's fault. */
export async function createContainer(
  { docker, socket, container: own }: Omit<RunContext, "leftRepository">,
  request: Pick<RunRequest, "image" | "command" | "env" | "limits"> & Partial<RunRequest>,
): Promise<Docker.Container | string> {
  const [program = "", ...rest] = request.command;
  const created = docker
    .createContainer({
      name: own.name,
      Labels: own.labels,
      Image: request.image,
      // In the place of the image's own entrypoint, which may do anything with a command.
      Entrypoint: [program],
      Cmd: rest,
      Env: Object.entries(request.env).map(([name, value]) => `${name}=${value}`),
      Healthcheck: { Test: ["NONE"] },
      OpenStdin: false,
      Tty: request.terminal === true,
      ...(request.user === undefined ? {} : { User: request.user }),
      HostConfig: {
        NetworkMode: "none",
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges"],
        PidsLimit: request.limits.processes,
        Memory: request.limits.memoryBytes,
        MemorySwap: request.limits.memoryBytes,
        ...(request.limits.cpus === undefined ? {} : { NanoCpus: Math.round(request.limits.cpus * 1e9) }),
        Ulimits: [{ Name: "core", Soft: 0, Hard: 0 }],
        // Output goes to us only; the daemon would write an endless log to its disk.
        LogConfig: { Type: "none", Config: {} },
      },
    })
    .catch((error: unknown) => {
      if (statusOf(error) === 400) return messageOf(error);
      throw error;
    });
  return ask(socket, "make a container", created);
}

async function copyFiles(
  { maxFileBytes, socket }: RunContext,
  container: Docker.Container,
  { directory, target }: CopiedFiles,
): Promise<void> {
  const archive = packDirectory(directory, target, maxFileBytes);
  try {
    await container.putArchive(archive.stream, { path: "/", noOverwriteDirNonDir: "true" });
  } catch (error) {
    if (archive.stream.destroyed) await archive.written;
    throw translate(socket, `copy files to ${target}`, error);
  } finally {
    archive.stream.destroy();
    await archive.written.catch(() => {});
  }
}

async function runToEnd(
  socket: string,
  container: Docker.Container,
  { terminal = false, output: receive = () => {} }: RunRequest,
  limits: CallLimits,
): Promise<RunOutcome> {
  // Attached before the start, so that not a byte is missed.
  const output = await ask(socket, "attach to a container", container.attach({ stream: true, stdout: true, stderr: true }));
  const destroy = () => (output as unknown as { destroy(): void }).destroy();
  limits.signal.addEventListener("abort", destroy);
  output.on("error", () => {});
  try {
    limits.signal.throwIfAborted();
    const problem = await startContainer(socket, container);
    if (problem !== undefined) return { outcome: "not-started", message: problem };
    await readOutput(output, terminal, receive, limits);
    limits.signal.throwIfAborted();
    await Promise.race([container.wait({ abortSignal: limits.signal }), once(limits.signal, "abort")]);
    limits.signal.throwIfAborted();
    const { State: state } = await ask(socket, "look at a container", container.inspect());
    return { outcome: "exited", exitCode: state.ExitCode, outOfMemory: state.OOMKilled };
  } finally {
    limits.signal.removeEventListener("abort", destroy);
    destroy();
  }
}

/** Undefined when it runs, else why the image or the command cannot be started. */
export async function startContainer(socket: string, container: Docker.Container): Promise<string | undefined> {
  const started = container.start().then(
    () => undefined,
    (error: unknown) => {
      const message = messageOf(error);
      const own =
        statusOf(error) === 400 ||
        /executable file not found|permission denied|no such file or directory|not a directory|exec format error|unable to find (?:user|group)|linux spec user/i.test(
          message,
        );
      if (statusOf(error) !== undefined && own) return tidyStartError(message);
      throw error;
    },
  );
  return ask(socket, "start a container", started);
}

/** The end of runc's chain of reasons is the reason. */
export function tidyStartError(message: string): string {
  const reason = /exec: (.*?)(?:: unknown)?$/s.exec(message)?.[1] ?? message.replace(/: unknown$/, "");
  return reason.replaceAll(/\p{Cc}+/gu, " ").slice(0, 300);
}

/** Of a terminal it is bare bytes, all of them output. */
async function readOutput(
  output: NodeJS.ReadableStream,
  terminal: boolean,
  receive: NonNullable<RunRequest["output"]>,
  limits: CallLimits,
): Promise<void> {
  // One decoder each: a letter of one stream must not be torn by a frame of the other.
  const decoders = { 1: new TextDecoder(), 2: new TextDecoder() };
  const take = (stream: 1 | 2, bytes: Uint8Array) => {
    receive(stream === 2 ? "stderr" : "stdout", bytes);
    limits.say(decoders[stream].decode(bytes, { stream: true }));
  };
  if (!terminal) return await readFrames(output, limits.signal, take);
  for await (const piece of output as AsyncIterable<Buffer>) {
    take(1, piece);
    if (limits.signal.aborted) return;
  }
}
