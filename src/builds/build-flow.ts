import { z } from "zod";
import { type Finding, findingsError } from "../distgit/finding.ts";
import type { Digest as ImageDigest } from "../domain/digest.ts";
import type { Ending, Flow } from "../workflow/run.ts";
import type { Step } from "../workflow/step.ts";
import { attachDocuments } from "./attach-documents.ts";
import { bothOf } from "./both-of.ts";
import { buildPlatform } from "./build-platform.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BuildPlan, BuildRequested } from "./build-record.ts";
import { Attached, BuildRequest, Linted, Looked, Plan, Promotion, VerdictShape } from "./build-schemas.ts";
import { checkRequest } from "./check-request.ts";
import { demandFreeTags } from "./demand-free-tags.ts";
import { demandSameComponents } from "./demand-same-components.ts";
import { describeBuild } from "./describe-build.ts";
import { Digest } from "./digest-schema.ts";
import { everyPlatform } from "./every-platform.ts";
import { fetchContents } from "./fetch-contents.ts";
import { followsBranch } from "./follows-branch.ts";
import { askVerdict } from "./gate-words.ts";
import { reserve } from "./reserve.ts";
import { runSuites, testsFailed } from "./run-suites.ts";
import { closeLogs, sayStatuses } from "./say-statuses.ts";
import { floatingSignables, manifestListOf, ownSignables, ownTags, preparedSignatures } from "./signables.ts";
import { lintSource, readFacts } from "./source.ts";
import { waitForEngine } from "./wait-for-engine.ts";

/**
 * From a frozen commit to a tested, signed candidate and its promotion pull request. A build's id is its run's id. Candidates get their
 * tags only after every digest is signed for the tag's public name; tests and promotion go by digest, and no tag is ever looked up again.
 */
export function buildFlow(ports: BuildPorts): Flow<BuildRequested> {
  return {
    name: "build",
    intent: BuildRequest,
    run: (step, request) => waitForEngine(() => runBuild(ports, step, request)),
    finish: (step, request, ending) => waitForEngine(() => finishBuild(ports, step, request, ending)),
    waiting: (run, request, waitingFor) => sayStatuses(ports, run, request, { waitingFor }),
  };
}

async function runBuild(ports: BuildPorts, step: Step, request: BuildRequested): Promise<void> {
  const { builds, candidate, signer } = ports;
  const build = step.run;
  const say = (when: string) => step(`status ${when}`, z.null(), () => sayStatuses(ports, build, request, {}).then(() => null));

  await step.write("create", z.null(), (transaction) => builds.create(build, request, transaction).then(() => null));
  checkRequest(request);
  if (request.pull !== undefined) {
    await step("authorize", z.null(), async () => {
      await ports.authorize?.(request);
      return null;
    });
  }
  const linting = step("lint", Linted, () => lintSource(ports, build, request));
  const found = await beside(linting, say("created"));
  await step.write("save findings", z.null(), (transaction) => builds.saveFindings(build, found, transaction).then(() => null));
  refuseErrors(found);
  const facts = await step("plan", Looked, () => readFacts(ports, build, request));
  if ("refused" in facts) {
    await step.write("save refusal", z.null(), (transaction) => builds.saveFindings(build, facts.refused, transaction).then(() => null));
    refuseErrors(facts.refused);
    throw new Error(`the plan of build ${build} was refused without an error`);
  }
  // Before a release is taken: what can't be had is known now.
  const repositories = await fetchContents(ports, step, request, facts.contents);
  const plan = await step.write("reserve", Plan, async (transaction) => {
    const made = await reserve(builds, build, request, facts, ports.settings.labels, transaction);
    if (facts.findings !== undefined) await builds.saveFindings(build, facts.findings, transaction);
    return made;
  });

  // Nothing of a stranger's is signed.
  const lookedInto = request.stranger === undefined ? preparedSignatures(ports, plan) : () => {};
  const building = everyPlatform(plan.platforms, (platform, cancelled) =>
    buildPlatform(ports, step, request, plan, platform, repositories, { cancelled, lookedInto }),
  );
  const images = await beside(building, say("planned"));
  await demandSameComponents(ports, step, request, images);
  const index = await step("push index", Digest, async () => {
    const manifest = manifestListOf(images);
    return await candidate.registry.putManifest(plan.imageRepository, manifest.digest, manifest);
  });
  // Before anything is signed or tagged: what stands between the tags and the record can end the build, and free a release that its tag names.
  await step("describe", z.null(), () => describeBuild(ports, build, request, { index, engine: images[0]?.engine ?? "" }).then(() => null));
  const own = ownTags(plan);
  // A signature says that the image was made of what people with a right to it have written. What is attached comes before the tags, too: what can be
  // pulled by name has what is said about it.
  if (request.stranger === undefined) {
    const signing = step("sign candidate", z.number(), async (_, signal) => {
      await demandFreeTags(candidate.registry, plan.imageRepository, index, own);
      return await signer.ensureSigned(ownSignables(ports, plan, index, images), signal);
    });
    const attesting = step("attest", Attached, async (_, signal) => {
      await demandFreeTags(candidate.registry, plan.imageRepository, index, own);
      return await attachDocuments(ports, build, index, signal);
    });
    await bothOf(signing, attesting);
  }
  await step("tag unique", z.null(), async () => {
    await demandFreeTags(candidate.registry, plan.imageRepository, index, own);
    return await writeTags(ports, plan, index, own);
  });
  await step.write("record", z.null(), async (transaction) => {
    await builds.complete(build, index, transaction);
    if (plan.target !== undefined && !request.scratch) {
      await ports.destinationTags.tagBuild(build, plan.target.destinationTag, transaction);
    }
    return null;
  });
  if (plan.floatingTags.length > 0) {
    await step("tag candidate", z.boolean(), async (_, signal) => {
      if (await isOvertaken(ports, build, request)) return false;
      await signer.ensureSigned(floatingSignables(ports, plan, index, images), signal);
      await writeTags(ports, plan, index, plan.floatingTags);
      return true;
    });
  }

  await beside(runSuites(ports, step, { build, origin: request, plan, digest: index, images }, plan.suites), say("built"));
  const verdict = await step("verdict", VerdictShape, () => askVerdict(ports, build));
  if (plan.suites.length > 0) await say("tested");
  if (!verdict.passed) throw testsFailed(plan, verdict.blocking);
  if (!followsBranch(request)) return;
  const promotion = await step("promote", Promotion, async (_, signal) => (await ports.promote(build, signal)) ?? null);
  if (promotion !== null) {
    await step.write("save promotion", z.null(), (transaction) => builds.savePromotion(build, promotion, transaction).then(() => null));
  }
}

/** Throws the first error of them, which names how many more there are. */
function refuseErrors(findings: readonly Finding[]): void {
  const error = findingsError(findings);
  if (error !== undefined) throw error;
}

/** How the work ended counts; a status that could not be set matters only when the work went well. */
async function beside<T>(work: Promise<T>, said: Promise<unknown>): Promise<T> {
  const [worked, told] = await Promise.allSettled([work, said]);
  if (worked.status === "rejected") throw worked.reason;
  if (told.status === "rejected") throw told.reason;
  return worked.value;
}

/** Runs at the very end whatever happened: nothing stays reserved, pending, open or on the disk. */
async function finishBuild(ports: BuildPorts, step: Step, request: BuildRequested, ending: Ending): Promise<void> {
  const build = step.run;
  const known = (await ports.builds.find(build)) !== undefined;
  if (known && ending.status !== "done") {
    await step.write("free", z.null(), async (transaction) => {
      const error =
        ending.status === "failed" ? ending.error : ({ code: "workflow.cancelled", kind: "stale", message: ending.reason } as const);
      await ports.builds.fail(build, ending.status === "failed" ? "failed" : "cancelled", error, transaction);
      return null;
    });
  }
  await step("close logs", z.null(), () => closeLogs(ports, build).then(() => null));
  // Before anything that others could hold up: disks fill.
  await step("remove workspace", z.null(), () => ports.workspaces.remove(build).then(() => null));
  if (known) await step("final status", z.null(), () => sayStatuses(ports, build, request, { ending }).then(() => null));
  await step("clean up", z.null(), async () => {
    await ports.engines.cleanUp((key) => !key.startsWith(`${build}/`));
    return null;
  });
}

async function writeTags({ candidate }: BuildPorts, plan: BuildPlan, index: ImageDigest, tags: readonly string[]): Promise<null> {
  const manifest = await candidate.registry.readManifest(plan.imageRepository, index);
  for (const tag of tags) await candidate.registry.putManifest(plan.imageRepository, tag, manifest);
  return null;
}

/** A newer build of the branch is complete: its tags stay where they are. */
async function isOvertaken({ builds }: BuildPorts, build: string, request: BuildRequested): Promise<boolean> {
  const newest = await builds.findNewest(request);
  return newest !== undefined && newest !== build;
}
