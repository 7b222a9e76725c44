import { createHash } from "node:crypto";
import type { z } from "zod";
import { formatBytes } from "../domain/amounts.ts";
import type { Digest } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";
import type { Platform } from "../domain/platform.ts";
import type { ArtifactLimits } from "../gating/artifact.ts";
import { boundResult } from "../gating/bound-result.ts";
import type { TestResult, TestSuite } from "../gating/test-runner.ts";
import type { ManifestDescriptor } from "../registry/registry.ts";
import { limitsOf } from "./build-platform.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BuildPlan, BuildRequested } from "./build-record.ts";
import type { Result } from "./build-schemas.ts";
import { openLog } from "./log-writer.ts";
import { maskSecrets } from "./mask-secrets.ts";
import { ensureTestTree, type Origin } from "./source.ts";
import { testStepName } from "./test-names.ts";

/** What is tested: a build's plan and images, which may have been made by an earlier run. */
export interface Tested {
  readonly build: string;
  readonly origin: Origin & Pick<BuildRequested, "branch">;
  readonly plan: BuildPlan;
  /** Of the manifest list; runs of older releases do not say. */
  readonly digest?: Digest;
  readonly images: readonly TestedPlatform[];
}

export interface TestedPlatform {
  readonly platform: Platform;
  readonly pushed: Pick<ManifestDescriptor, "digest">;
}

/** Which try of what. */
export interface SuiteTry {
  /** The run that carries it out. */
  readonly run: string;
  readonly tested: Tested;
  readonly suite: TestSuite;
  readonly image: TestedPlatform;
  /** Counted from one. */
  readonly attempt: number;
}

/**
 * One try of a suite on one platform, with its log; then what it has left is read and kept. Carried out again after a crash it starts over, log and
 * artifacts too.
 */
export async function runTest(
  ports: BuildPorts,
  { run, tested, suite, image, attempt }: SuiteTry,
  key: string,
  signal: AbortSignal,
): Promise<z.infer<typeof Result>> {
  const { build, origin, plan } = tested;
  const { platform, pushed } = image;
  const runner = ports.runners.find((one) => one.kind === suite.kind);
  if (runner === undefined)
    throw appError("builds.runner-unknown", `suite ${suite.name} is of kind "${suite.kind}", which nobody runs here`);
  const { settings, candidate } = ports;
  if (attempt > 1) await ports.pause(settings.testTries.pauseMs, signal);
  const name = testStepName(suite.name, platform, attempt);
  const tree = await ensureTestTree(ports, run, origin);
  const mask = maskSecrets(ports.secrets);
  const log = await openLog(ports.logs, run, name, settings.logBytes, mask);
  const startedAt = new Date().toISOString();
  try {
    const directory = await ports.workspaces.emptyDirectory(run, directoryName(name));
    const outcome = await runner.run(
      key,
      {
        suite,
        image: `${candidate.endpoint}/${plan.imageRepository}@${pushed.digest}`,
        ...(candidate.credential === undefined ? {} : { credential: candidate.credential }),
        platform,
        tree,
        artifacts: directory,
        limits: limitsOf(settings, settings.testMs),
        branch: origin.branch,
      },
      log.sink,
      signal,
    );
    signal.throwIfAborted();
    const tried = { build, run, suite: suite.name, platform, attempt };
    const left = settings.artifacts.buildBytes - (await ports.results.artifactBytes(tried));
    const read =
      left > 0
        ? await ports.readArtifacts(directory, outcome.artifacts ?? [], boundTotal(settings.artifacts, left), mask)
        : { artifacts: [], problems: (outcome.artifacts ?? []).slice(0, 1).map(() => beyondBuild(settings.artifacts.buildBytes)) };
    for (const problem of read.problems) log.sink(`flibs: not kept: ${problem}\n`);
    await ports.results.saveArtifacts(tried, read.artifacts);
    const names = read.artifacts.map((one) => one.name);
    const again = outcome.outcome === "error" && outcome.final !== true && attempt <= settings.testTries.more;
    if (again) log.sink(`flibs: it could not be carried out and is tried again: ${outcome.message.slice(0, 500)}\n`);
    const result = boundResult({ ...masked(outcome, mask, names), suite: suite.name });
    const { artifacts, cases, ...rest } = result;
    return {
      ...rest,
      cases: [...cases],
      ...(names.length === 0 ? {} : { artifacts: names }),
      startedAt,
      finishedAt: new Date().toISOString(),
      ...(again ? { again } : {}),
    };
  } finally {
    await log.close();
  }
}

function boundTotal(limits: ArtifactLimits, left: number): ArtifactLimits {
  return { ...limits, totalBytes: Math.min(limits.totalBytes, left) };
}

function beyondBuild(bytes: number): string {
  return `whatever it left, since the tests of this build have left the ${formatBytes(bytes)} that are kept (gating.artifacts.build)`;
}

/** A runner's words go into statuses and pages as its log does; a case names only what is kept. */
function masked(result: TestResult, mask: (text: string) => string, kept: readonly string[]): TestResult {
  const { outcome, durationMs, final, suite } = result;
  const cases = result.cases.map(({ log, ...one }) => ({
    ...one,
    name: mask(one.name),
    message: mask(one.message),
    ...(log !== undefined && kept.includes(log) ? { log } : {}),
  }));
  return { suite, outcome, durationMs, message: mask(result.message), cases, ...(final === true ? { final } : {}) };
}

/** Any text as a name of letters, digits and dashes, two texts never the same one. */
function directoryName(text: string): string {
  return `artifacts-${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
}
