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
  // Go puts the innermost cause at the end, names of files before it.
  if (/no space left on device(?:: unknown)?$/i.test(said)) return "disk-full";
  if (/(?:^|[:=] )context canceled(?:: unknown)?$/.test(said)) return "engine-away";
  if (/^(?:COPY|ADD) failed\b|failed to (?:compute cache key|calculate checksum)|dockerfile parse error/i.test(said)) return "build";
  // Its own socket, or containerd's: this one may be "no such file", too.
  if (/\b(?:dial|read|write) unix [^:]+: /.test(said)) return "engine-away";
  if (/not found|no such file/i.test(said)) return "build";
  return engineWords.some((words) => words.test(said)) ? "engine-away" : "build";
}

/** Throws `engine.unreachable` or `engine.disk-full` when an error without an exit code is not the build's own. */
export function throwUnlessOwn(socket: string, error: string): void {
  switch (causeOfBuildError(error)) {
    case "build":
      return;
    case "engine-away":
      throw unreachable(socket, "build", error);
    case "disk-full":
      throw appError("engine.disk-full", "the engine has no space left for the build", {
        hint: "Free space below Docker's data directory",
      });
  }
}

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
