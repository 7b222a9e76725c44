import type { Digest } from "../domain/digest.ts";
import type { Platform } from "../domain/platform.ts";

/**
 * Where containers are built and test containers run. Everything an engine makes is labelled with the key it was made for, so that it
 * is found again after a crash and cleaned up. Calling a method twice with one key gives one build, one container, one push.
 * Errors: `engine.unreachable` (transient: the run waits), `engine.out-of-date`, and the build's own failure as a {@link BuildOutcome},
 * never as a throw.
 */
export interface Engine {
  readonly name: string;
  readonly capabilities: EngineCapabilities;
  /** Platforms it serves now; throws `engine.unreachable`. */
  platforms(): Promise<readonly Platform[]>;
  /** Builds, or returns the image already built for the key. Log lines go to `sink` as they come. Ends early when `signal` aborts. */
  build(key: string, request: BuildRequest, sink: LogSink, signal: AbortSignal): Promise<BuildOutcome>;
  /** A built image: its configuration, layers and chosen files; needs no program inside the image. */
  inspect(key: string, imageId: Digest, files: readonly string[]): Promise<InspectedImage>;
  /** Pushes the image to `destination` and returns what the registry now has there. */
  push(key: string, imageId: Digest, destination: PushDestination, sink: LogSink, signal: AbortSignal): Promise<PushedImage>;
  /** Runs one command in a container of an image without network, credentials or privileges, and removes the container. */
  run(key: string, request: RunRequest, sink: LogSink, signal: AbortSignal): Promise<RunOutcome>;
  /**
   * Removes every container, image tag and temporary file made for keys for which `keep` says false, asked right before each removal.
   * Returns what was removed.
   */
  cleanUp(keep: (key: string) => boolean | Promise<boolean>): Promise<readonly string[]>;
}

export interface EngineCapabilities {
  /** Limits are enforced by the engine for build steps too, not only for test containers. */
  readonly buildLimits: boolean;
}

/** Receives whole or partial lines as UTF-8 text; returning false asks the engine to stop (the log limit is reached). */
export type LogSink = (text: string) => boolean;

export interface Limits {
  /** Wall time of the whole call, milliseconds. */
  readonly timeoutMs: number;
  readonly memoryBytes: number;
  /** Processes and threads in one container. */
  readonly processes: number;
}

export interface BuildRequest {
  readonly platform: Platform;
  /** Directory with the frozen tree; sent as it is, symbolic links unfollowed, `.dockerignore` obeyed. */
  readonly context: string;
  /** The Dockerfile to use in place of the tree's: parents pinned by digest, labels added. */
  readonly dockerfile: string;
  /**
   * More files of the context, by path below its root, readable for all and owned by root. They take the place of the tree's, and `.dockerignore` does not count
   * for them.
   */
  readonly extraFiles?: Readonly<Record<string, ExtraFile>>;
  readonly buildArguments: Readonly<Record<string, string>>;
  readonly limits: Limits;
}

/** Exact bytes, or a file of this machine. */
export type ExtraFile = Uint8Array | { readonly path: string };

/** `step`: the instruction it was at, counted from one over all stages; undefined when none had begun or the engine does not tell. */
export type BuildOutcome =
  | { readonly outcome: "built"; readonly imageId: Digest }
  /** The Dockerfile's own fault: which instruction, exit code, last words. */
  | { readonly outcome: "failed"; readonly message: string; readonly instruction?: string; readonly step?: number }
  | { readonly outcome: "timed-out" | "log-limit" | "cancelled"; readonly step?: number };

export interface InspectedImage {
  readonly imageId: Digest;
  readonly platform: Platform;
  /** ISO 8601. */
  readonly created: string;
  /** Uncompressed bytes of all layers. */
  readonly sizeBytes: number;
  readonly diffIds: readonly Digest[];
  readonly config: ImageConfig;
  /** For each asked path that exists in the image: the exact bytes. Directories give every regular file below them. */
  readonly files: Readonly<Record<string, Uint8Array>>;
}

/** The part of an image's configuration that a reviewer looks at. */
export interface ImageConfig {
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly exposedPorts: readonly string[];
  readonly volumes: readonly string[];
  readonly stopSignal: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface PushDestination {
  /** `host[:port]` as the engine reaches it. */
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
  readonly credential?: { readonly username: string; readonly password: string };
}

export interface PushedImage {
  readonly digest: Digest;
  /** Bytes of the manifest. */
  readonly size: number;
}

export interface RunRequest {
  /** By digest: `registry/repository@sha256:…`, or an image id of this engine. */
  readonly image: string;
  readonly credential?: PushDestination["credential"];
  readonly command: readonly string[];
  /** A directory copied (not mounted) into the container, owned by root, and where. */
  readonly files?: { readonly directory: string; readonly target: string };
  readonly env: Readonly<Record<string, string>>;
  readonly limits: Limits;
}

export type RunOutcome =
  | { readonly outcome: "exited"; readonly exitCode: number; readonly outOfMemory: boolean }
  | { readonly outcome: "timed-out" | "log-limit" | "cancelled" }
  /** The command was not found, is not executable, or the image can't be started. */
  | { readonly outcome: "not-started"; readonly message: string };
