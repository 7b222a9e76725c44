import type { Digest } from "../domain/digest.ts";
import type { DockerfileDialect } from "../domain/dockerfile-dialect.ts";
import type { Platform } from "../domain/platform.ts";
import type { EarlyEnd } from "./call-limits.ts";

/**
 * Where containers are built and test containers run. Everything an engine makes is labelled with the key it was made for, so that it
 * is found again after a crash and cleaned up. Calling a method twice with one key gives one build, one container, one push.
 * Errors: `engine.unreachable` (transient: the run waits), `engine.out-of-date`, and the build's own failure as a {@link BuildOutcome},
 * never as a throw.
 */
export interface Engine {
  readonly name: string;
  /** What it is, as documents about its images say: `docker`. */
  readonly kind: string;
  /**
   * Whether it compares each layer that a build made with its diff id as it packs it for the push, into one member of gzip (RFC 1952): what it pushed need
   * not be unpacked again to know that, nor how large it is.
   */
  checksLayers(): Promise<boolean>;
  /** What it can do beyond what every engine can; throws `engine.unreachable`. */
  capabilities(): Promise<EngineCapabilities>;
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
   * Lets `use` look into an image, pulled when it is not there, of any platform: nothing of it is started. Gives back what `use` does, and lets its
   * errors through; the reader is of no use afterwards. Throws `engine.pull-denied`, `engine.pull-failed`, and what `signal` aborted with.
   */
  examine<T>(key: string, request: ExamineRequest, use: (image: ImageReader) => Promise<T>, sink: LogSink, signal: AbortSignal): Promise<T>;
  /**
   * Starts a container of an image that only waits, held as those of `run` are, for commands that are given to it one after the other or at
   * once. It is removed when it is closed, when `signal` aborts and when its time is over; a second call with the key removes the first one's.
   * The image needs no program for that: a small one of flibs' own is put into the container as `/.flibs-idle`.
   */
  open(key: string, request: OpenRequest, sink: LogSink, signal: AbortSignal): Promise<OpenOutcome>;
  /**
   * Removes every container, image tag and temporary file made for keys for which `keep` says false, asked right before each removal.
   * Returns what was removed.
   */
  cleanUp(keep: (key: string) => boolean | Promise<boolean>): Promise<readonly string[]>;
}

export interface EngineCapabilities extends DockerfileDialect {
  /**
   * Whom the limits of memory, processes and CPUs hold: each build step for itself, all build steps on the engine together (it is promised the
   * limits times its slots, so the steps of one build can take what another one was promised), or none. Test containers are always held.
   */
  readonly buildLimits: "each" | "together" | "none";
}

/** Receives whole or partial lines as UTF-8 text; returning false asks the engine to stop (the log limit is reached). */
export type LogSink = (text: string) => boolean;

export interface Limits {
  /** Wall time of the whole call, milliseconds. */
  readonly timeoutMs: number;
  readonly memoryBytes: number;
  /** Processes and threads in one container. */
  readonly processes: number;
  /** Processors' time that one container may use, in processors: 1.5. No limit when left out. */
  readonly cpus?: number;
  /** What all containers of the call may write on the engine's disk, where the engine can see it, as it is looked at every few seconds. No limit when left out. */
  readonly diskBytes?: number;
}

export interface BuildRequest {
  readonly platform: Platform;
  /** Directory with the frozen tree; sent as it is, symbolic links unfollowed, `.dockerignore` obeyed. */
  readonly context: string;
  /** The Dockerfile to use in place of the tree's: parents pinned by digest, labels added. */
  readonly dockerfile: string;
  /** `registry/repository@sha256:…`: the images that its FROM lines name, scratch and stages aside. The engine has them before the build begins. */
  readonly parents: readonly string[];
  /**
   * More files of the context, by path below its root, readable for all and owned by root. They take the place of the tree's, and `.dockerignore` does not count
   * for them.
   */
  readonly extraFiles?: Readonly<Record<string, ExtraFile>>;
  readonly buildArguments: Readonly<Record<string, string>>;
  /**
   * Builds with one scope share what `RUN --mount=type=cache` keeps. Whoever may start a build in a scope can put files into the next one of it,
   * so it must name who trusts whom. Left out, nothing is shared.
   */
  readonly cacheScope?: string;
  readonly limits: Limits;
}

/** Exact bytes, a file of this machine, or an archive of files for ADD to unpack. */
export type ExtraFile = Uint8Array | { readonly path: string } | { readonly archive: ArchivedFiles };

/**
 * By path, readable for all and owned by root; a directory's path ends in a slash and has no bytes. What has no path of its own and is there where it is
 * unpacked stays as it is.
 */
export type ArchivedFiles = Readonly<Record<string, Uint8Array>>;

export type BuildOutcome =
  | { readonly outcome: "built"; readonly imageId: Digest }
  /** The Dockerfile's own fault: which instruction, exit code, last words. */
  | ({ readonly outcome: "failed"; readonly message: string; readonly instruction?: string } & BuildPlace)
  | ({ readonly outcome: EarlyEnd } & BuildPlace);

/** Where in the Dockerfile a build was, in whichever way its engine tells it; empty when no instruction had begun or it does not tell. */
export interface BuildPlace {
  /** The instruction, counted from one over all stages. */
  readonly step?: number;
  readonly layer?: LayerPlace;
  /** In the Dockerfile that was given; counted from one. */
  readonly line?: number;
}

/** An instruction among those of its stage that make a layer, as BuildKit counts: `[build 2/5] RUN make`. */
export interface LayerPlace {
  /** Name of the stage, or `stage-<index>`; left out when there is only one. */
  readonly stage?: string;
  /** Counted from one over FROM (but for scratch and earlier stages), ADD, COPY, RUN and WORKDIR. */
  readonly number: number;
  /** Upper case. */
  readonly keyword: string;
}

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
  readonly platform: Platform;
  /** By digest: `registry/repository@sha256:…`, or an image id of this engine. */
  readonly image: string;
  readonly credential?: PushDestination["credential"];
  readonly command: readonly string[];
  /** Directories copied (not mounted) into the container, owned by root, and where. */
  readonly files?: CopiedFiles | readonly CopiedFiles[];
  readonly env: Readonly<Record<string, string>>;
  /** As in USER; the image's own when left out. */
  readonly user?: string;
  /** Gives the command a terminal: all that it prints is on standard output then. */
  readonly terminal?: boolean;
  /**
   * Commands that run before, one after the other, each in a container of its own; the next one begins with the files that it left. How they end
   * does not count, unless one can't be started or is stopped. Nothing of them remains.
   */
  readonly before?: readonly (readonly string[])[];
  /** Looks at what the command has left, once it has exited, and before the container goes. What it throws comes out. */
  readonly left?: (files: Omit<ImageReader, "config">) => Promise<void>;
  /** Gets what the command itself prints, byte by byte and apart, beside the log. */
  readonly output?: (stream: "stdout" | "stderr", bytes: Uint8Array) => void;
  readonly limits: Limits;
}

export interface CopiedFiles {
  readonly directory: string;
  readonly target: string;
}

/** Limits count for the whole container: its time from the call of `open` until it is closed. */
export type OpenRequest = Pick<RunRequest, "platform" | "image" | "credential" | "limits">;

export type OpenOutcome =
  | { readonly outcome: "open"; readonly container: TestContainer }
  | { readonly outcome: "timed-out" | "cancelled" }
  /** The image can't be started, or nobody has written the waiting program for its platform. */
  | { readonly outcome: "not-started"; readonly message: string };

/** One running container, and nothing else of its engine. */
export interface TestContainer {
  /** Why the engine has removed it before it was closed. */
  ended(): EarlyEnd | undefined;
  /**
   * Runs a command in it. `cancelled` and `log-limit` end the waiting; what the command leaves running is gone with the container. A command
   * that is not found, has no such user or no such directory is `not-started`.
   */
  exec(request: ExecRequest, sinks: ExecSinks, signal: AbortSignal): Promise<RunOutcome>;
  /**
   * The exact bytes of a regular file, read as root without any program of the image; links are followed inside of the container. Undefined when
   * there is no such file or it has more than `maxBytes`.
   */
  readFile(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** Removes it; may be called twice. */
  close(): Promise<void>;
}

export interface ExecRequest {
  readonly command: readonly string[];
  /** A name or number the container knows, `user:group` too; the image's own when left out. */
  readonly user?: string;
  /** Beside the image's own. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** The image's own when left out. */
  readonly workingDirectory?: string;
}

/** Get the bytes as they come; returning false asks the engine to stop, as with a {@link LogSink}. */
export interface ExecSinks {
  readonly stdout: (bytes: Uint8Array) => boolean;
  readonly stderr: (bytes: Uint8Array) => boolean;
}

export type RunOutcome =
  | { readonly outcome: "exited"; readonly exitCode: number; readonly outOfMemory: boolean }
  | { readonly outcome: EarlyEnd }
  /** The command was not found, is not executable, or the image can't be started. */
  | { readonly outcome: "not-started"; readonly message: string };

export type ExamineRequest = Pick<RunRequest, "platform" | "image" | "credential">;

/** An image's configuration and files. Paths are the image's: `..` does not lead out of it, links lead to places in it. */
export interface ImageReader {
  readonly config: ImageConfig;
  /** What stands at a path; of a link the link itself. Undefined when nothing does, or the directories before it lead nowhere. */
  find(path: string): Promise<ImageEntry | undefined>;
  /** The file at a path, or where the link there leads. */
  read(path: string, maxBytes: number): Promise<ImageContent>;
  /** Names of the directories right below a directory; undefined when there is none. Throws `engine.file-too-large` for more than a bounded number. */
  directories(path: string): Promise<readonly string[] | undefined>;
}

export interface ImageEntry {
  /** `other`: a device, pipe or socket. */
  readonly kind: "file" | "directory" | "link" | "other";
  /** The twelve bits of `chmod`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
}

export type ImageContent =
  | { readonly kind: "content"; readonly bytes: Uint8Array }
  /** `link`: a link that leads nowhere or in a circle; `other` as in {@link ImageEntry}. */
  | { readonly kind: "absent" | "directory" | "link" | "other" | "too-large" };
