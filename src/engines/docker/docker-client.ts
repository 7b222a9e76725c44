import { readFile } from "node:fs/promises";
import { Agent } from "node:https";
import type Docker from "dockerode";
import { type AppError, appError, isAppError } from "../../domain/errors.ts";
import { parseDockerHost } from "./docker-host.ts";
import { sshTunnel } from "./ssh-tunnel.ts";

/** Files in PEM: whose certificate the engine must have, and who we are to it. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface DockerClient {
  readonly docker: Docker;
  close(): void;
}

/**
 * Talks to one Docker Engine. Nothing but its address is taken from this machine: no DOCKER_HOST, no `~/.docker/config.json`; by ssh, what the user's
 * configuration of ssh says. Throws `config.invalid` for an address without its files, and `config.unreadable`.
 */
export async function dockerClient(host: string, tls?: TlsFiles): Promise<DockerClient> {
  const at = parseDockerHost(host);
  // With dockerode come gRPC and protobuf: a seventh of a second that only those who use the engine should pay.
  const { default: Docker } = await import("dockerode");
  switch (at.kind) {
    case "unix":
      return { docker: new Docker({ socketPath: at.path, protocol: "http" }), close: () => {} };
    case "ssh": {
      const tunnel = await sshTunnel(at);
      return { docker: new Docker({ socketPath: tunnel.socketPath, protocol: "http" }), close: tunnel.close };
    }
    case "tcp": {
      if (tls === undefined) {
        throw appError("config.invalid", `${host} needs tls: whoever reaches a Docker Engine is root there`, {
          hint: "Name the files of the certificate authority, of our certificate and of its key",
        });
      }
      const [ca, cert, key] = await Promise.all([readPem(tls.ca), readPem(tls.cert), readPem(tls.key)]);
      // Of its own, so that its open connections can be ended.
      const agent = new Agent({ keepAlive: true });
      const options = { host: at.host, port: at.port, protocol: "https" as const, ca, cert, key, agent };
      const docker = new Docker(options);
      return { docker, close: () => agent.destroy() };
    }
  }
}

function readPem(file: string): Promise<string> {
  return readFile(file, "utf8").catch((cause: Error) => {
    throw appError("config.unreadable", `${file} cannot be read: ${cause.message}`, {
      hint: "Correct the engine's tls in the settings",
      cause,
    });
  });
}

/** One request, as dockerode makes them; what it has a method for should go through that. */
export interface Dial {
  /** Ends in `?` when there are options. */
  readonly path: string;
  readonly method: "GET" | "POST";
  readonly options?: Readonly<Record<string, unknown>>;
  /** The body. */
  readonly file?: NodeJS.ReadableStream;
  readonly abortSignal?: AbortSignal;
  readonly isStream?: boolean;
  readonly statusCodes: Readonly<Record<number, unknown>>;
}

/** Status codes that are no error. */
export function answers(...good: readonly number[]): Dial["statusCodes"] {
  const bad = { 400: "bad parameter", 404: "no such thing", 409: "conflict", 500: "server error" };
  return { ...bad, ...Object.fromEntries(good.map((status) => [status, true])) };
}

export function dial(docker: Docker, options: Dial): Promise<unknown> {
  return new Promise((resolve, reject) => {
    docker.modem.dial(options as never, (error: unknown, answer: unknown) => {
      if (error === null || error === undefined) resolve(answer);
      else reject(error);
    });
  });
}

/** Engine API 1.40 (Docker 19.03) is the first that changes the process limit of a running container. */
const oldestApi = [1, 40] as const;
const quickMs = 60_000;

/**
 * A request that has its answer at once. Rejects with `engine.unreachable` after a minute: an engine that accepts connections and does
 * not answer must not hold up a run for ever.
 */
export async function ask<T>(socket: string, what: string, request: Promise<T>, timeoutMs = quickMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unreachable(socket, what, `no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  });
  try {
    return await Promise.race([request, late]);
  } catch (error) {
    throw translate(socket, what, error);
  } finally {
    clearTimeout(timer);
  }
}

/** Throws `engine.out-of-date` for an engine that lacks what the promises of the port rest on. */
export function checkApiVersion(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > oldestApi[0] || (major === oldestApi[0] && minor >= oldestApi[1])) return;
  throw appError("engine.out-of-date", `Docker Engine speaks API ${version}, flibs needs ${oldestApi.join(".")}`, {
    hint: "Install Docker Engine 19.03 or newer",
  });
}

/** Any error of dockerode as one of ours; ours are passed on. */
export function translate(socket: string, what: string, error: unknown): AppError {
  if (isAppError(error)) return error;
  const status = statusOf(error);
  const message = messageOf(error);
  if (status === undefined || status === 503) return unreachable(socket, what, message, error);
  // A refusal (4xx) repeats words of the request, which may be the repository's.
  if (status >= 500 && /shutting down|daemon is (?:not ready|stopping)/i.test(message)) return unreachable(socket, what, message, error);
  if (status >= 500 && /no space left on device/i.test(message)) {
    return appError("engine.disk-full", `Docker Engine could not ${what}: no space left on device`, {
      hint: "Free space below Docker's data directory, for example with docker system prune",
      cause: error,
    });
  }
  return appError("engine.refused", `Docker Engine refused to ${what}: ${status} ${message}`, { cause: error, details: { status } });
}

export function unreachable(socket: string, what: string, why: string, cause?: unknown): AppError {
  const code = codeOf(cause);
  return appError("engine.unreachable", `Docker Engine on ${socket} could not be asked to ${what}: ${why}`, {
    hint: hints[code ?? ""] ?? "Look whether Docker Engine runs: docker info",
    ...(cause === undefined ? {} : { cause }),
  });
}

const hints: Readonly<Record<string, string>> = {
  EACCES: "Let the user that flibs runs as join the group docker, and log in again",
  EPERM: "Let the user that flibs runs as join the group docker, and log in again",
  ENOENT: "Start Docker Engine, or correct the engine's host in the settings",
  ECONNREFUSED: "Start Docker Engine: nothing listens on its socket",
};

/** HTTP status of an answer; undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode;
  return typeof status === "number" ? status : undefined;
}

/** For what need not be there. */
export function absent(error: unknown): undefined {
  if (statusOf(error) === 404) return undefined;
  throw error;
}

/** The engine's own sentence, without what docker-modem wraps around it. */
export function messageOf(error: unknown): string {
  const json = (error as { json?: { message?: unknown } | undefined } | undefined)?.json;
  if (typeof json?.message === "string") return json.message.trim();
  const message = error instanceof Error || (typeof error === "object" && error !== null && "message" in error) ? error.message : error;
  return String(message)
    .replace(/^\(HTTP code \d+\) [a-z ]+ - /, "")
    .trim();
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}
