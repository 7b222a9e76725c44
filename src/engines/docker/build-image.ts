import type Docker from "dockerode";
import { isDigest } from "../../domain/digest.ts";
import type { CallLimits } from "../call-limits.ts";
import type { BuildOutcome, BuildRequest } from "../engine.ts";
import { failedBuild, type Progress, parseProgress } from "./build-failure.ts";
import { packContext } from "./context.ts";
import { copiedImages } from "./copied-images.ts";
import { type DiskWatch, diskWatch } from "./disk-watch.ts";
import { translate, unreachable } from "./docker-client.ts";
import { ensureImage } from "./ensure-image.ts";
import { type Message, readMessages } from "./progress.ts";
import { sendContext } from "./send-context.ts";
import { findStepContainer, madeImage, runningIn, type StepContainers } from "./step-containers.ts";

export interface BuildContext {
  readonly docker: Docker;
  readonly socket: string;
  readonly steps: StepContainers;
  /** `flibs-build/<installation>/<key>`. */
  readonly tag: string;
  readonly networkMode: string;
  /** `<host name>:<address>`, of this installation and key alone: what the containers of this build are known by. */
  readonly mark: string;
  readonly maxContextBytes: number;
  /** See {@link BuildErrors}. */
  readonly throwUnlessOwn: (error: string) => void;
}

interface BuildProgress {
  at?: Progress;
  /** See {@link copiedImages}. */
  copied?: readonly string[];
}

/**
 * One build with the classic builder of the Engine API (docs/decisions/0008). Closing the request is how it is cancelled; the daemon
 * tags the image at the very end, so the tag says "finished". Throws only for the engine's faults.
 */
export async function buildImage(context: BuildContext, key: string, request: BuildRequest, limits: CallLimits): Promise<BuildOutcome> {
  const stop = new AbortController();
  const progress: BuildProgress = {};
  const signal = AbortSignal.any([limits.signal, stop.signal]);
  try {
    const pulling = { ...context, say: limits.say, signal, platform: request.platform };
    for (const image of request.parents) await ensureImage(pulling, image);
    return await sendBuild(context, key, request, limits, signal, progress);
  } catch (error) {
    const early = endedEarly(limits, progress.at);
    if (early !== undefined) return early;
    throw translate(context.socket, "build", error);
  } finally {
    // Whatever ended it: the daemon must not go on for nobody, and its container goes now, not when it notices.
    stop.abort();
    // What can't be removed stays written down for clean-up: the outcome counts for more.
    await context.steps.remove(key, progress.copied).catch(() => {});
  }
}

async function sendBuild(
  context: BuildContext,
  key: string,
  request: BuildRequest,
  limits: CallLimits,
  signal: AbortSignal,
  progress: BuildProgress,
): Promise<BuildOutcome> {
  const archive = await packContext(request.context, request.dockerfile, context.maxContextBytes, request.extraFiles);
  return await sendContext(archive, signal, async () => {
    const body = await context.docker.buildImage(archive.stream, {
      ...buildOptions(context, request, archive.dockerfile),
      abortSignal: signal,
    });
    return await followBuild(context, key, request, limits, progress, body as AsyncIterable<Uint8Array>);
  });
}

async function followBuild(
  context: BuildContext,
  key: string,
  request: BuildRequest,
  limits: CallLimits,
  progress: BuildProgress,
  body: AsyncIterable<Uint8Array>,
): Promise<BuildOutcome> {
  let imageId: string | undefined;
  const copied = copiedImages();
  using disk = diskWatch(context.docker, limits, request.limits.diskBytes, request.parents);
  for await (const message of readMessages(body)) {
    if (limits.signal.aborted) break;
    if (message.stream !== undefined) {
      await obeyLimits(context, key, request, disk, message.stream);
      limits.say(message.stream);
      copied.read(message.stream);
      const at = parseProgress(message.stream);
      if (at !== undefined) progress.at = at;
    }
    if (typeof message.aux === "object" && message.aux.ID !== undefined) imageId = message.aux.ID;
    const error = message.error ?? message.errorDetail?.message;
    if (error !== undefined) return endWithError(context, message, error, progress.at, limits);
  }
  const early = endedEarly(limits, progress.at);
  if (early !== undefined) return early;
  if (imageId !== undefined && isDigest(imageId)) {
    progress.copied = copied.ids();
    return { outcome: "built", imageId };
  }
  throw unreachable(context.socket, "build", "the connection ended in the middle of the build");
}

async function obeyLimits(context: BuildContext, key: string, request: BuildRequest, disk: DiskWatch, stream: string): Promise<void> {
  const image = madeImage(stream);
  if (image !== undefined) return await disk.made(image);
  const id = runningIn(stream);
  if (id === undefined) return;
  const container = await findStepContainer(context.docker, context.socket, id, context.mark);
  if (container === undefined) return;
  await context.steps.started(key, container, request.limits.processes);
  disk.follow(container.id);
}

function endWithError(
  { throwUnlessOwn }: BuildContext,
  message: Message,
  error: string,
  at: Progress | undefined,
  limits: CallLimits,
): BuildOutcome {
  const early = endedEarly(limits, at);
  if (early !== undefined) return early;
  const code = message.errorDetail?.code;
  if (code === undefined) throwUnlessOwn(error);
  limits.say(`${error}\n`);
  return failedBuild(error, code, at && { instruction: at.instruction, place: { step: at.step } });
}

function endedEarly(limits: CallLimits, at: Progress | undefined): BuildOutcome | undefined {
  const early = limits.ended();
  return early === undefined ? undefined : { outcome: early, ...(at === undefined ? {} : { step: at.step }) };
}

/** Microseconds; a quota of as many is one processor. */
const cpuPeriod = 100_000;

function buildOptions(context: BuildContext, request: BuildRequest, dockerfile: string): Docker.ImageBuildOptions {
  const { memoryBytes, cpus } = request.limits;
  return {
    version: "1" as const,
    platform: request.platform,
    dockerfile,
    t: `${context.tag}:latest`,
    nocache: true,
    rm: true,
    forcerm: true,
    memory: memoryBytes,
    // The same number as memory: no swap on top.
    memswap: memoryBytes,
    ...(cpus === undefined ? {} : { cpuperiod: cpuPeriod, cpuquota: Math.round(cpus * cpuPeriod) }),
    extrahosts: context.mark,
    networkmode: context.networkMode,
    buildargs: { ...request.buildArguments },
  };
}
