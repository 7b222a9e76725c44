import { createHash } from "node:crypto";
import type Docker from "dockerode";
import { isDigest } from "../../domain/digest.ts";
import type { CallLimits } from "../call-limits.ts";
import type { BuildOutcome, BuildRequest } from "../engine.ts";
import { failedBuild } from "./build-failure.ts";
import { type BuildkitProgress, buildkitProgress } from "./buildkit-progress.ts";
import { packBuildkitContext } from "./context.ts";
import { answers, ask, dial, translate, unreachable } from "./docker-client.ts";
import { ensureImage } from "./ensure-image.ts";
import type { HeldBuild, HeldLimits } from "./held-limits.ts";
import { readMessages } from "./progress.ts";
import { sendContext } from "./send-context.ts";

export interface BuildkitContext {
  readonly docker: Docker;
  readonly socket: string;
  /** Whose builds these are: several may share the daemon. */
  readonly installation: string;
  /** `flibs-build/<installation>/<key>`. */
  readonly tag: string;
  /** `default` or `none`: BuildKit takes no network by name. */
  readonly networkMode: string;
  /** `<host name>:<address>`, of this installation and key alone: a line of the hosts file of this build's RUN lines. */
  readonly mark: string;
  readonly maxContextBytes: number;
  /** See {@link BuildErrors}. */
  readonly throwUnlessOwn: (error: string) => void;
  /** Sees to it that the RUN lines are held to limits; undefined when nobody does. */
  readonly held?: HeldLimits;
}

/**
 * One build with the daemon's own BuildKit (docs/decisions/0024), its context the request's body. No session is opened, so there are no secrets, no
 * SSH agent and no credentials to ask for. Closing the request is how it is cancelled; the daemon tags the image at the very end.
 */
export async function buildWithBuildkit(
  context: BuildkitContext,
  key: string,
  request: BuildRequest,
  limits: CallLimits,
): Promise<BuildOutcome> {
  const foreign = foreignFrontend(request.dockerfile);
  if (foreign !== undefined) return foreign;
  const stop = new AbortController();
  const signal = AbortSignal.any([limits.signal, stop.signal]);
  const progress = buildkitProgress();
  try {
    const pulling = { ...context, say: limits.say, signal, platform: request.platform };
    for (const image of request.parents) await ensureImage(pulling, image);
    const held = await context.held?.prepare(request.limits);
    return await sendBuild(context, key, request, { limits, signal, stop, ...(held && { held }) }, progress);
  } catch (error) {
    const early = endedEarly(limits, progress);
    if (early !== undefined) return early;
    throw translate(context.socket, "build", error);
  } finally {
    stop.abort();
    await cancelBuildkitBuild(context, key);
  }
}

/**
 * BuildKit looks for `syntax=` in a Dockerfile before it parses it, and runs what is named there in its own place, with its own rights. Lint refuses
 * it; here nothing gets through that newer releases may find, in `//` comments, behind `#!`, or in JSON.
 */
function foreignFrontend(dockerfile: string): BuildOutcome | undefined {
  const lines = dockerfile.replace(/^\uFEFF/, "").split("\n");
  const end = lines.findIndex((line) => !/^\s*(?:#|\/\/|$)/.test(line));
  const found = lines.slice(0, end < 0 ? undefined : end).findIndex((line) => /^\s*(?:#|\/\/)+\s*syntax\s*=/i.test(line));
  if (found < 0 && !lines[Math.max(end, 0)]?.trimStart().startsWith("{")) return undefined;
  const message = "a Dockerfile may not name another frontend (syntax=) for BuildKit to fetch and run";
  return { outcome: "failed", message, line: Math.max(found, 0) + 1 };
}

/** Ends what a flibs that died left running under this key; the daemon does so by itself when the connection closes, this makes sure. */
export async function cancelBuildkitBuild({ docker, socket }: Pick<BuildkitContext, "docker" | "socket">, key: string): Promise<void> {
  const cancelled = dial(docker, { path: "/build/cancel?", method: "POST", options: { id: buildId(key) }, statusCodes: answers(200, 204) });
  await ask(socket, "cancel a build", cancelled);
}

interface Call {
  readonly limits: CallLimits;
  readonly signal: AbortSignal;
  readonly stop: AbortController;
  readonly held?: HeldBuild;
}

async function sendBuild(
  context: BuildkitContext,
  key: string,
  request: BuildRequest,
  call: Call,
  progress: BuildkitProgress,
): Promise<BuildOutcome> {
  const archive = await packBuildkitContext(request.context, request.dockerfile, context.maxContextBytes, request.extraFiles);
  return await sendContext(archive, call.signal, async () => {
    const body = await dial(context.docker, {
      path: "/build?",
      method: "POST",
      file: archive.stream,
      options: buildOptions(context, key, request, archive.dockerfile),
      abortSignal: call.signal,
      isStream: true,
      statusCodes: answers(200),
    });
    return await followBuild(context, call, progress, body as AsyncIterable<Uint8Array>);
  });
}

async function followBuild(
  context: BuildkitContext,
  { limits, stop, held }: Call,
  progress: BuildkitProgress,
  body: AsyncIterable<Uint8Array>,
): Promise<BuildOutcome> {
  let imageId: string | undefined;
  let unheld: unknown;
  using watch = held?.watch(
    () => progress.running().length > 0,
    (error) => {
      unheld = error;
      stop.abort();
    },
  );
  try {
    for await (const message of readMessages(body)) {
      if (limits.signal.aborted) break;
      if (message.id === "moby.buildkit.trace" && typeof message.aux === "string") {
        limits.say(progress.read(message.aux));
        await watch?.look();
      } else if (typeof message.aux === "object" && message.aux.ID !== undefined) imageId = message.aux.ID;
      const error = message.error ?? message.errorDetail?.message;
      if (error !== undefined && unheld === undefined) return endWithError(context, error, progress, limits);
    }
  } catch (error) {
    if (unheld === undefined) throw error;
  }
  if (unheld !== undefined) {
    // The last RUN may have been over before it was seen: its image must not pass for finished.
    await context.docker
      .getImage(`${context.tag}:latest`)
      .remove()
      .catch(() => {});
    throw unheld;
  }
  const early = endedEarly(limits, progress);
  if (early !== undefined) return early;
  if (imageId !== undefined && isDigest(imageId)) return { outcome: "built", imageId };
  throw unreachable(context.socket, "build", "the connection ended in the middle of the build");
}

function endWithError({ throwUnlessOwn }: BuildkitContext, error: string, progress: BuildkitProgress, limits: CallLimits): BuildOutcome {
  const early = endedEarly(limits, progress);
  if (early !== undefined) return early;
  const failed = progress.failed();
  const code = exitCode(failed?.error ?? error);
  if (code === undefined) throwUnlessOwn(error);
  // With a vertex the same words stand in the log already.
  if (failed === undefined) limits.say(`ERROR: ${error}\n`);
  const line = /dockerfile parse error (?:on )?line (\d{1,7})/i.exec(error)?.[1];
  const parse = line === undefined ? {} : { line: Number(line) };
  const said = line === undefined ? (failed?.error ?? error) : error.slice(error.search(/dockerfile parse error/i));
  return { ...failedBuild(said, code, failed), ...parse };
}

/** `…: exit code: 3`; a process that was killed for its memory has 137. */
function exitCode(error: string): number | undefined {
  const code = /exit code: (\d{1,3})$/.exec(error)?.[1];
  return code === undefined ? undefined : Number(code);
}

function endedEarly(limits: CallLimits, progress: BuildkitProgress): BuildOutcome | undefined {
  const early = limits.ended();
  return early === undefined ? undefined : { outcome: early, ...progress.place() };
}

function buildOptions({ tag, installation, networkMode, mark }: BuildkitContext, key: string, request: BuildRequest, dockerfile: string) {
  const scope = request.cacheScope === undefined ? `key ${key}` : `scope ${request.cacheScope}`;
  // Arguments of this name are orders to BuildKit: another frontend, another owner of the cache.
  const named = Object.entries(request.buildArguments).filter(([name]) => !/^BUILDKIT_/i.test(name));
  return {
    version: "2",
    buildid: buildId(key),
    dockerfile,
    t: `${tag}:latest`,
    rm: true,
    forcerm: true,
    platform: request.platform,
    networkmode: networkMode,
    // A RUN of another build is another RUN: what it fetches may have changed. `nocache` would do that too, and empty the cache mounts.
    extrahosts: mark,
    // What RUN --mount=type=cache keeps is known by its path alone: without a scope any build could fill the cache of any other.
    buildargs: JSON.stringify({ ...Object.fromEntries(named), BUILDKIT_CACHE_MOUNT_NS: hash(`${installation} ${scope}`) }),
  };
}

function buildId(key: string): string {
  return `flibs-${hash(key)}`;
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 40);
}
