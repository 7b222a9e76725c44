import { appError } from "../../domain/errors.ts";
import { unreachable } from "./docker-client.ts";

/** Whose fault an error of a build without an exit code is: the Dockerfile's and its context's, an engine's that is away, or a full disk's. */
export type BuildErrorCause = "build" | "engine-away" | "disk-full";

/**
 * Judges the words of the error, the same for both builders. An engine that is away is waited for, without end: a word that the repository chose (the name of
 * a file, of a user, of a program) must never make a build wait. So what is quoted counts for nothing, the build's own errors come first, and of the daemon
 * only whole phrases are taken (moby, BuildKit, containerd and gRPC for Go). What nobody knows is the build's.
 */
export function causeOfBuildError(error: string): BuildErrorCause {
  const said = withoutQuotations(error);
  if (ownWords.some((words) => words.test(said))) return "build";
  // Go puts the innermost cause at the end, names of files before it.
  if (/no space left on device(?:: unknown)?$/i.test(said)) return "disk-full";
  if (/(?:^|[:=] )context canceled(?:: unknown)?$/.test(said)) return "engine-away";
  if (/^(?:COPY|ADD) failed\b|failed to (?:compute cache key|calculate checksum)|dockerfile parse error/i.test(said)) return "build";
  // Its own socket, or containerd's: this one may be "no such file", too.
  if (/\b(?:dial|read|write) unix [^:]+: /.test(said)) return "engine-away";
  if (/not found|no such file/i.test(said)) return "build";
  return engineWords.some((words) => words.test(said)) ? "engine-away" : "build";
}

/** Judges the errors of one engine's builds. */
export interface BuildErrors {
  /** A try of this build begins. What it gives throws `engine.unreachable` or `engine.disk-full` when an error without an exit code is not the build's own. */
  begin(key: string): (error: string) => void;
  /** The build has an outcome. */
  forget(key: string): void;
}

const leastTries = 3;
const mostTriesMs = 10 * 60_000;

/**
 * An engine that says it is away was there to say so. When tries of one build end with such words again and again, and take ten minutes together, the
 * words are the build's, though nobody knows them, or it would hold a slot for ever. Tries that end at once, as without containerd, may be many.
 */
export function buildErrors(socket: string, now: () => number = () => performance.now()): BuildErrors {
  const awayTries = new Map<string, { readonly count: number; readonly ms: number }>();
  return {
    begin(key) {
      const startedAt = now();
      return (error) => {
        const cause = causeOfBuildError(error);
        if (cause === "disk-full") {
          throw appError("engine.disk-full", "the engine has no space left for the build", {
            hint: "Free space below Docker's data directory",
          });
        }
        if (cause === "build") return;
        const { count, ms } = awayTries.get(key) ?? { count: 0, ms: 0 };
        // One long try is none of many: a real outage ends a long build and then each of its tries at once.
        const tries = { count: count + 1, ms: ms + Math.min(now() - startedAt, mostTriesMs / leastTries) };
        if (tries.count >= leastTries && tries.ms >= mostTriesMs) return;
        awayTries.set(key, tries);
        throw unreachable(socket, "build", error);
      };
    },
    forget: (key) => awayTries.delete(key),
  };
}

/** After these the words of the Dockerfile or of a path are repeated as they are, to the end or up to another reason. */
const ownWords: readonly RegExp[] = [
  /\binvalid (?:signal|containerPort|hostPort|proto|ip address|from flag value|environment variable|reference format)\b|\bno port specified: /i,
  /\bfailed to process ""|\bfailed to parse (?:platform|stage name)\b/,
  /\bunable to (?:find (?:user|group)|convert uid\/gid)\b|\bno such user: /,
  // A program that cannot be started, a path through something that is no directory.
  /\bexec: "": |: not a directory(?:: unknown)?$/,
];

const engineWords: readonly RegExp[] = [
  /\b(?:server|daemon|system) is (?:shutting down|stopping|not ready)/i,
  /\bCannot connect to the Docker daemon\b/,
  /\b(?:connect|connection) to containerd\b|\bcontainerd is (?:not running|still starting|shutting down)/,
  /\brpc error: code = (?:Unavailable|Canceled)\b|\bconnection error: desc = |: unavailable$/,
  /\bttrpc: closed\b|\btransport is closing\b|\bclient connection is closing\b/,
  /\bOCI runtime create failed: .*\bcgroups?\b/,
];

/** Go quotes what is not its own with `%q`; older BuildKits put the words of a RUN between brackets. Long errors are cut in the middle. */
function withoutQuotations(error: string): string {
  const short = error.length > 8000 ? `${error.slice(0, 4000)}…${error.slice(-4000)}` : error;
  return short
    .replaceAll(/"(?:[^"\\]|\\.)*"?/gs, '""')
    .replace(/\bexecutor failed running \[.*\](?=: )/s, "executor failed running []")
    .trim();
}
