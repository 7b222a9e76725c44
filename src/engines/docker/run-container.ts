import { once } from "node:events";
import type Docker from "dockerode";
import type { CallLimits } from "../call-limits.ts";
import type { RunOutcome, RunRequest } from "../engine.ts";
import { packDirectory } from "./context.ts";
import { ask, messageOf, statusOf, translate } from "./docker-client.ts";
import { ensureImage } from "./ensure-image.ts";
import { readFrames } from "./read-frames.ts";
import { removeContainer } from "./step-containers.ts";

export interface RunContext {
  readonly docker: Docker;
  readonly socket: string;
  readonly container: { readonly name: string; readonly labels: Record<string, string> };
  readonly maxFileBytes: number;
  /** Called before the image is pulled. */
  readonly willPull: () => Promise<void>;
}

/**
 * One command in a container that can reach nothing: no network, no mounts, no capabilities. A container of the same name is what a
 * crash left behind; it goes first. Always removed at the end; the image that was pulled for it stays for the next command.
 */
export async function runContainer(context: RunContext, request: RunRequest, limits: CallLimits): Promise<RunOutcome> {
  const { docker, socket } = context;
  try {
    await removeContainer(docker, socket, context.container.name);
    await ensureImage(
      { docker, socket, say: limits.say, signal: limits.signal, platform: request.platform, willPull: context.willPull },
      request.image,
      request.credential,
    );
    const container = await createContainer(context, request);
    if (typeof container === "string") return { outcome: "not-started", message: container };
    await copyFiles(context, container, request);
    return await runToEnd(socket, container, limits);
  } catch (error) {
    const early = limits.ended();
    if (early !== undefined) return { outcome: early };
    throw translate(socket, "run a container", error);
  } finally {
    await removeContainer(docker, socket, context.container.name);
  }
}

/** The container, or why it cannot be: the request's fault. */
export async function createContainer(
  { docker, socket, container: own }: RunContext,
  request: Pick<RunRequest, "image" | "command" | "env" | "limits">,
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
      Tty: false,
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

async function copyFiles({ maxFileBytes, socket }: RunContext, container: Docker.Container, { files }: RunRequest): Promise<void> {
  if (files === undefined) return;
  const archive = packDirectory(files.directory, files.target, maxFileBytes);
  try {
    await container.putArchive(archive.stream, { path: "/", noOverwriteDirNonDir: "true" });
  } catch (error) {
    if (archive.stream.destroyed) await archive.written;
    throw translate(socket, `copy files to ${files.target}`, error);
  } finally {
    archive.stream.destroy();
    await archive.written.catch(() => {});
  }
}

async function runToEnd(socket: string, container: Docker.Container, limits: CallLimits): Promise<RunOutcome> {
  // Attached before the start, so that not a byte is missed.
  const output = await ask(socket, "attach to a container", container.attach({ stream: true, stdout: true, stderr: true }));
  const destroy = () => (output as unknown as { destroy(): void }).destroy();
  limits.signal.addEventListener("abort", destroy);
  output.on("error", () => {});
  try {
    limits.signal.throwIfAborted();
    const problem = await startContainer(socket, container);
    if (problem !== undefined) return { outcome: "not-started", message: problem };
    // One decoder each: a letter of one stream must not be torn by a frame of the other.
    const decoders = { 1: new TextDecoder(), 2: new TextDecoder() };
    await readFrames(output, limits.signal, (stream, bytes) => limits.say(decoders[stream].decode(bytes, { stream: true })));
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
