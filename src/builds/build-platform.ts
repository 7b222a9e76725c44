import { z } from "zod";
import { type RewrittenDockerfile, rewriteDockerfile } from "../distgit/rewrite-dockerfile.ts";
import { appError, type ErrorCode, isAppError } from "../domain/errors.ts";
import type { Platform } from "../domain/platform.ts";
import type { BuildOutcome, Limits } from "../engines/engine.ts";
import type { ManifestDescriptor } from "../registry/registry.ts";
import type { Step } from "../workflow/step.ts";
import { bothOf } from "./both-of.ts";
import { buildContents } from "./build-contents.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BuildPlan, BuildRequested, InstalledRpm } from "./build-record.ts";
import { Image, Parts, Pushed } from "./build-schemas.ts";
import { stepOf } from "./build-step.ts";
import type { FetchedRepository } from "./contents.ts";
import { Digest } from "./digest-schema.ts";
import { ensureBuildSources } from "./fetch-contents.ts";
import { type LogWriter, openLog } from "./log-writer.ts";
import { maskSecrets } from "./mask-secrets.ts";
import { measureImage } from "./measure-image.ts";
import { findDistribution, osReleasePaths } from "./os-release.ts";
import { demandParents, pinnedImages, pinStages } from "./pinned-parents.ts";
import { labelsFor } from "./plan-build.ts";
import { rpmDatabasePaths } from "./rpm-list.ts";
import { readSource } from "./source.ts";
import { platformTag } from "./tags.ts";

/** The image of one platform in the candidate registry. */
export interface PushedImage {
  readonly platform: Platform;
  /** Kind of the engine that built it. */
  readonly engine: string;
  readonly pushed: ManifestDescriptor;
  readonly rpms: readonly InstalledRpm[];
}

/** What the builds of all platforms have to do with each other. */
export interface Siblings {
  /** Aborts when another platform has failed. */
  readonly cancelled: AbortSignal;
  /** Told of an image in the registry once its engine has nothing more to do with it; not told again when it was measured before. */
  lookedInto(platform: Platform, image: ManifestDescriptor, signal: AbortSignal): void;
}

/**
 * Build, look inside, push by digest, remember, all on one engine. Throws `builds.build-failed`, `builds.timed-out`, `builds.log-too-large`, `builds.image-too-large`, `workflow.cancelled`.
 */
export async function buildPlatform(
  ports: BuildPorts,
  step: Step,
  request: BuildRequested,
  plan: BuildPlan,
  platform: Platform,
  repositories: readonly FetchedRepository[],
  { cancelled, lookedInto: tellLookedInto }: Siblings,
): Promise<PushedImage> {
  const { candidate, settings } = ports;
  const limit = buildLimit(settings, plan);
  // Written down before the engine gets the build: only there are its key and, later, its image known.
  const engine = ports.engines.named(await step(`engine ${platform}`, z.string(), () => ports.engines.choose(platform)));
  const logged = async <T>(name: string, work: (log: LogWriter) => Promise<T>): Promise<T> => {
    const log = await openLog(ports.logs, step.run, name, settings.logBytes, maskSecrets(ports.secrets));
    try {
      return await work(log);
    } finally {
      await log.close();
    }
  };

  const imageId = await step(`build ${platform}`, Digest, async (key, signal) => {
    const { directory, tree, dockerfile, help } = await readSource(ports, step.run, request);
    const sourcePaths = await ensureBuildSources(ports, step.run, request, plan.contents?.sources ?? [], signal);
    const contents = buildContents(plan.contents, platform, { tree, dockerfile, help, repositories, sourcePaths });
    const pinned = pinStages(dockerfile, plan.parents);
    const rewritten = rewriteDockerfile(pinned, {
      ...contents.rewriting,
      pinned: (image) => image,
      labels: labelsFor(plan, platform),
    });
    const building = logged(platform, async (log) => {
      const ended = await engine.build(
        key,
        {
          platform,
          context: directory,
          dockerfile: rewritten.text,
          parents: pinnedImages(pinned),
          extraFiles: contents.extraFiles,
          buildArguments: {},
          ...cacheScopeOf(request),
          limits: limitsOf(settings, limit.timeoutMs),
        },
        log.sink,
        AbortSignal.any([signal, cancelled]),
      );
      if (ended.outcome === "cancelled" && cancelled.aborted) log.sink(`\n${(cancelled.reason as Error).message}\n`);
      return ended;
    });
    const outcome = await orParentGone(building, () => demandParents(ports, dockerfile, plan.parents, platform));
    return builtImage(outcome, platform, limit, settings, lineOfStep(rewritten, outcome));
  });

  const inspecting = step(`inspect ${platform}`, Image, async (key) => {
    const found = await engine.inspect(key, imageId, [...rpmDatabasePaths, ...osReleasePaths]);
    const { rpms, problem } = await ports.readRpms(found.files);
    if (problem !== undefined) {
      await logged(`inspect ${platform}`, async (log) => log.sink(`warning: the RPM list is not complete: ${problem}\n`));
    }
    const { sizeBytes, diffIds, config } = found;
    demandSize(platform, sizeBytes, settings.imageBytes);
    const distribution = findDistribution(found.files);
    return {
      ...{ platform, imageId, sizeBytes, diffIds, config, rpms },
      ...(problem === undefined ? {} : { rpmProblem: problem }),
      ...(distribution === undefined ? {} : { distribution }),
    };
  });

  const pushing = step(`push ${platform}`, Pushed, (key, signal) =>
    logged(`push ${platform}`, async (log) => {
      const { digest } = await engine.push(
        key,
        imageId,
        {
          registry: candidate.endpoint,
          repository: plan.imageRepository,
          tag: platformTag(plan.uniqueTag, platform),
          ...(candidate.credential === undefined ? {} : { credential: candidate.credential }),
        },
        log.sink,
        AbortSignal.any([signal, cancelled]),
      );
      // What the engine says it pushed is believed only when the registry's bytes name the image that was built.
      const manifest = await candidate.registry.readManifest(plan.imageRepository, digest);
      if (configDigest(manifest.bytes) !== imageId) {
        throw appError("builds.pushed-differs", `the registry's ${digest} is not the image ${imageId} that was built for ${platform}`);
      }
      return { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.bytes.length };
    }),
  );
  const [image, pushed] = await bothOf(inspecting, pushing);
  // Not beside the inspection: its size tells how much there can be to unpack, and an image that is too large ends here.
  const parts = await step(`measure ${platform}`, Parts, async (_, signal) => {
    tellLookedInto(platform, pushed, signal);
    const measured = { digest: pushed.digest, sizeBytes: image.sizeBytes, checksLayers: await engine.checksLayers() };
    return measureImage(ports, plan, platform, measured, signal);
  });
  await step.write(`save ${platform}`, z.null(), async (transaction) => {
    await ports.builds.saveImage(step.run, { ...image, digest: pushed.digest, manifestSize: pushed.size, parts }, transaction);
    return null;
  });
  return { platform, engine: engine.kind, pushed, rpms: image.rpms };
}

/** A base image that is no longer there explains better what went wrong than the engine's words about it. */
async function orParentGone(building: Promise<BuildOutcome>, demand: () => Promise<void>): Promise<BuildOutcome> {
  try {
    const outcome = await building;
    if (outcome.outcome === "failed") await demand();
    return outcome;
  } catch (error) {
    if (isAppError(error) && error.code.startsWith("engine.pull-")) await demand();
    throw error;
  }
}

/**
 * Whoever may push to a branch could as well write into its Dockerfile what a poisoned cache would; nobody else shares its cache. A pull request of a
 * stranger shares nothing, and neither does one of somebody who may write: it was not merged.
 */
function cacheScopeOf({ repository, branch, pull, stranger }: BuildRequested): { readonly cacheScope?: string } {
  return pull === undefined && stranger === undefined ? { cacheScope: `${repository} ${branch}` } : {};
}

/** Limits of one build or test container. */
export function limitsOf(settings: BuildPorts["settings"], timeoutMs: number): Limits {
  const { memoryBytes, processes, cpus, diskBytes } = settings;
  return { timeoutMs, memoryBytes, processes, ...(cpus === undefined ? {} : { cpus }), ...(diskBytes === undefined ? {} : { diskBytes }) };
}

function demandSize(platform: Platform, sizeBytes: number, limit: number | undefined): void {
  if (limit === undefined || sizeBytes <= limit) return;
  throw appError(
    "builds.image-too-large",
    `the image for ${platform} has ${formatSize(sizeBytes)}, more than the ${formatSize(limit)} allowed`,
    {
      file: "Dockerfile",
      platform,
      hint: "Remove caches and build tools in the RUN that makes them, or use a second stage; operators can raise limits.image",
    },
  );
}

/** What container.yaml asks for, cut to the site's limit. */
function buildLimit({ buildMs }: BuildPorts["settings"], { contents }: BuildPlan): BuildLimit {
  const own = (contents?.buildtimeLimit ?? Number.POSITIVE_INFINITY) * 1000;
  if (own < buildMs) return { timeoutMs: own, raise: "raise buildtime_limit in container.yaml if it needs longer" };
  return { timeoutMs: buildMs, raise: "operators can raise limits.buildTime" };
}

interface BuildLimit {
  readonly timeoutMs: number;
  /** Who can give it more time, and where. */
  readonly raise: string;
}

/** Instructions that flibs added have no line in the repository's Dockerfile. */
function lineOfStep({ text, lines }: RewrittenDockerfile, outcome: BuildOutcome): number | undefined {
  const step = outcome.outcome === "built" ? undefined : stepOf(text, outcome);
  return step === undefined ? undefined : lines[step - 1];
}

function builtImage(
  outcome: BuildOutcome,
  platform: Platform,
  limit: BuildLimit,
  { logBytes, diskBytes = 0 }: Pick<BuildPorts["settings"], "logBytes" | "diskBytes">,
  line: number | undefined,
) {
  const refuse = (code: ErrorCode, message: string, hint: string) =>
    appError(code, message, { file: "Dockerfile", ...(line === undefined ? {} : { line }), hint, platform });
  switch (outcome.outcome) {
    case "built":
      return outcome.imageId;
    case "failed": {
      const isNamed = outcome.instruction === undefined || outcome.message.includes(outcome.instruction);
      const at = isNamed ? "" : ` at ${outcome.instruction?.slice(0, 200)}`;
      throw refuse(
        "builds.build-failed",
        `building for ${platform} failed${at}: ${outcome.message.slice(0, 500)}`,
        "Mend the instruction; the log's last lines tell more",
      );
    }
    case "timed-out":
      throw refuse(
        "builds.timed-out",
        `building for ${platform} took longer than ${formatMinutes(limit.timeoutMs)}`,
        `Look whether the command there never ends or asks for input; ${limit.raise}`,
      );
    case "log-limit":
      throw refuse(
        "builds.log-too-large",
        `building for ${platform} printed more than ${formatSize(logBytes)}`,
        "Make the command there quieter, for example with -q; operators can raise limits.log",
      );
    case "disk-limit":
      throw refuse(
        "builds.disk-limit",
        `building for ${platform} wrote more than ${formatSize(diskBytes)} on the engine's disk`,
        "Remove what is not needed in the RUN that makes it; operators can raise limits.disk",
      );
    case "cancelled":
      throw appError("workflow.cancelled", `building for ${platform} was cancelled`);
  }
}

function formatMinutes(ms: number): string {
  return ms % 60_000 === 0 ? `${ms / 60_000} minutes` : `${ms / 1000} seconds`;
}

function formatSize(bytes: number): string {
  if (bytes >= 10 * 2 ** 20) return `${Math.floor(bytes / 2 ** 20)} MiB`;
  return bytes % 2 ** 20 === 0 ? `${bytes / 2 ** 20} MiB` : `${bytes} bytes`;
}

function configDigest(bytes: Uint8Array): string | undefined {
  const shape = z.object({ config: z.object({ digest: z.string() }) }).safeParse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  return shape.success ? shape.data.config.digest : undefined;
}
