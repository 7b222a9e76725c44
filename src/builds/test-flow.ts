import { z } from "zod";
import { appError, isAppError } from "../domain/errors.ts";
import { type Ending, type Flow, isFinal, type JournalEntry, type Runs } from "../workflow/run.ts";
import { type Step, Suspended } from "../workflow/step.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BuildRecord } from "./build-record.ts";
import { BuildRequest, Plan, Platform, Promotion, VerdictShape } from "./build-schemas.ts";
import { chooseSuites } from "./choose-suites.ts";
import { Digest } from "./digest-schema.ts";
import { followsBranch } from "./follows-branch.ts";
import { askVerdict } from "./gate-words.ts";
import { runSuites, testsFailed } from "./run-suites.ts";
import { bringStatuses, closeLogs, closeStatuses, viewOf } from "./say-statuses.ts";
import { isCalledOff, type StatusView } from "./status-view.ts";
import { testStatusesOf } from "./test-wording.ts";
import { testsHaveEnded } from "./verdict.ts";
import { waitForEngine } from "./wait-for-engine.ts";

/** Which suites of which build; the intent of the test flow. */
export interface TestsRequested {
  readonly build: string;
  /** All when left out. */
  readonly suites?: readonly string[];
  readonly requestedBy: string;
}

export const TestsIntent: z.ZodType<TestsRequested> = z.object({
  build: z.string(),
  suites: z.array(z.string()).exactOptional(),
  requestedBy: z.string(),
});

/**
 * What is left of a build whose tests have ended takes a second; where it waits for somebody, such as a gate that is away, that takes as long as it does,
 * and each look costs the forge requests. Pure; milliseconds.
 */
export function endRetryMs(build: Pick<BuildRecord, "finishedAt">, now: Date): number {
  const waited = build.finishedAt === undefined ? 0 : now.getTime() - Date.parse(build.finishedAt);
  return Math.min(60_000, Math.max(2000, waited / 4));
}

export type TestPorts = BuildPorts & { readonly runs: Pick<Runs, "find" | "journal"> };

const Image = z.object({ platform: Platform, pushed: z.object({ digest: Digest }) });
const Read = z.object({
  request: BuildRequest,
  plan: Plan,
  images: z.array(Image),
  digest: Digest.exactOptional(),
  suites: z.array(z.string()),
});

/**
 * Tests the pushed image of a complete build again, by digest, as the build's plan says. The results take the place of the old ones, and an
 * official build that passes now is promoted as if it had passed at once.
 */
export function testFlow(ports: TestPorts): Flow<TestsRequested> {
  return {
    name: "test",
    intent: TestsIntent,
    run: (step, intent) => waitForEngine(() => runTests(ports, step, intent)),
    finish: (step, intent, ending) => waitForEngine(() => finishTests(ports, step, intent, ending)),
    waiting: (run, intent, waitingFor) => say(ports, run, intent, { waitingFor }),
  };
}

async function runTests(ports: TestPorts, step: Step, intent: TestsRequested): Promise<void> {
  const status = (when: string) => step(`status ${when}`, z.null(), () => say(ports, step.run, intent, {}).then(() => null));
  const { request, plan, images, digest, suites } = await step("read", Read, () => readTested(ports, intent));
  if (request.pull !== undefined) {
    await step("authorize", z.null(), async () => {
      await ports.authorize?.(request);
      return null;
    });
  }
  await step("find images", z.null(), async () => {
    for (const { pushed } of images) {
      const found = await ports.candidate.registry.findManifest(plan.imageRepository, pushed.digest);
      if (found === undefined) throw imageGone(intent.build, pushed.digest);
    }
    return null;
  });
  await status("started");
  const chosen = plan.suites.filter((suite) => suites.includes(suite.name));
  const tested = { build: intent.build, origin: request, plan, images, ...(digest === undefined ? {} : { digest }) };
  await runSuites(ports, step, tested, chosen);
  const verdict = await step("verdict", VerdictShape, () => askVerdict(ports, intent.build));
  await status("tested");
  const own = verdict.blocking.filter((one) => suites.includes(one.suite));
  if (own.length > 0) throw testsFailed(plan, own);
  if (!verdict.passed || !followsBranch(request)) return;
  const promotion = await step("promote", Promotion, async (_, signal) => {
    const known = (await readBuild(ports, intent.build)).promotion;
    return known ?? (await ports.promote(intent.build, signal)) ?? null;
  });
  if (promotion === null) return;
  await step.write("save promotion", z.null(), async (transaction) => {
    await ports.builds.savePromotion(intent.build, promotion, transaction);
    return null;
  });
}

async function readTested(ports: TestPorts, intent: TestsRequested): Promise<z.infer<typeof Read>> {
  const build = await readBuild(ports, intent.build);
  const suites = chooseSuites(build, intent.suites);
  const run = await ports.runs.find(build.id);
  if (run !== undefined && !isFinal(run.status)) {
    // Its results are there for everybody to see and to ask again for, before it has said its verdict and proposed itself.
    if (testsHaveEnded(build)) throw new Suspended(`build ${build.id} to end`, endRetryMs(build, new Date()));
    throw appError("builds.not-tested", `build ${build.id} is still being tested`, { hint: "Wait for its end, or cancel it first" });
  }
  const { plan } = build;
  if (plan === undefined) throw new Error(`build ${build.id} is complete without a plan`);
  const images = build.images.map(({ platform, digest }) => {
    if (digest === undefined) throw new Error(`build ${build.id} is complete without the digest of ${platform}`);
    return { platform, pushed: { digest } };
  });
  // Who asks now is who has to have the right to.
  const request = BuildRequest.parse({ ...build, requestedBy: intent.requestedBy });
  const { digest } = build;
  return { request, plan, images, ...(digest === undefined ? {} : { digest }), suites: suites.map((suite) => suite.name) };
}

async function readBuild({ builds }: TestPorts, id: string): Promise<BuildRecord> {
  const build = await builds.find(id);
  if (build !== undefined) return build;
  throw appError("builds.unknown", `there is no build ${id.slice(0, 100)}`, { hint: "Give the id that stands in the link of a build" });
}

function imageGone(build: string, digest: string): Error {
  return appError("builds.image-gone", `the image of build ${build} is no longer in the candidate registry: ${digest}`, {
    hint: "Build the commit again",
  });
}

async function finishTests(ports: TestPorts, step: Step, intent: TestsRequested, ending: Ending): Promise<void> {
  await step("close logs", z.null(), () => closeLogs(ports, step.run).then(() => null));
  await step("remove workspace", z.null(), () => ports.workspaces.remove(step.run).then(() => null));
  await step("final status", z.null(), () => say(ports, step.run, intent, { ending }).then(() => null));
  await step("clean up", z.null(), async () => {
    await ports.engines.cleanUp((key) => !key.startsWith(`${step.run}/`));
    return null;
  });
}

async function say(ports: TestPorts, run: string, intent: TestsRequested, now: Pick<StatusView, "ending" | "waitingFor">): Promise<void> {
  const build = await ports.builds.find(intent.build);
  const suites = build && findSuites(build, intent);
  if (build === undefined || suites === undefined) return;
  const view = await viewOf(ports, run, build, now);
  const bring = isCalledOff(now.ending) ? closeStatuses : bringStatuses;
  await bring(
    ports.forge(build.forge),
    build.repository,
    build.commit,
    testStatusesOf(build, suites, view, journalledVerdict(await ports.runs.journal(run))),
  );
}

/** What the gate said to the run, also when its last words are said by another attempt; false before it was asked. */
export function journalledVerdict(journal: readonly JournalEntry[]): boolean {
  return VerdictShape.safeParse(journal.find((entry) => entry.step === "verdict")?.result).data?.passed ?? false;
}

/** Undefined when it was never said which: then there is no status that could stay open either. */
export function findSuites(build: BuildRecord, { suites }: TestsRequested) {
  try {
    return chooseSuites(build, suites);
  } catch (error) {
    if (isAppError(error)) return undefined;
    throw error;
  }
}
