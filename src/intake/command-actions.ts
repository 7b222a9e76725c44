import { z } from "zod";
import type { BuildRecord, BuildRequested } from "../builds/build-record.ts";
import { checkRequest } from "../builds/check-request.ts";
import { chooseSuites } from "../builds/choose-suites.ts";
import { followsBranch } from "../builds/follows-branch.ts";
import { NewWaiverShape, prepareRevocation, prepareWaiver } from "../builds/prepare-waiver.ts";
import { testsHaveEnded } from "../builds/verdict.ts";
import { appError, type ErrorReport, reportError } from "../domain/errors.ts";
import { formatNvr } from "../domain/nvr.ts";
import { escapeCode } from "../promotion/escape.ts";
import type { RunRequest } from "../workflow/run.ts";
import { RunRequestShape } from "../workflow/run-request-shape.ts";
import type { Step } from "../workflow/step.ts";
import type { CommandIntent, PullFacts, Told } from "./command-intent.ts";
import type { CommandPorts } from "./command-ports.ts";
import type { Command } from "./commands/command.ts";
import type { FoundCommand } from "./commands/parse-comment.ts";
import { requestBuild, requestGate, requestPullBuild, requestPullLook, requestTests } from "./requests.ts";

const Failure = z.custom<ErrorReport>((value) => typeof value === "object");

/** What a command that is over came to, as the journal keeps it. */
const Ended = z.object({ says: z.string(), error: Failure.nullable() });
type Ended = z.infer<typeof Ended>;

/** The runs that a command starts, the last one being what it is about; none when there is nothing to do, and then why. */
const Planned = z.object({
  what: z.string(),
  requests: z.array(RunRequestShape),
  /** Written down together with the start of the runs. */
  waiver: NewWaiverShape.optional(),
  error: Failure.nullable(),
});
type Planned = z.infer<typeof Planned>;

/** Everything that an action knows. */
interface Scene {
  readonly ports: CommandPorts;
  readonly intent: CommandIntent;
  readonly facts: PullFacts;
  /** Of this line of this comment: a second delivery starts nothing twice. */
  readonly key: string;
  /** How the person writes commands. */
  readonly lead: string;
}

type Doing<V extends Command["verb"]> = Extract<Command, { verb: V }>;

/** One allowed command, once. What the person can mend is a value; what is transient is tried again by the runner. */
export async function carryOut(
  ports: CommandPorts,
  step: Step,
  intent: CommandIntent,
  facts: PullFacts,
  { command, line, lead }: FoundCommand,
): Promise<Told> {
  const key = `${intent.repository} #${intent.number} comment ${intent.comment} line ${line}`;
  const scene: Scene = { ports, intent, facts, key, lead };
  const name = `line ${line} ${command.verb}`;
  const failed = (error: ErrorReport): Told => ({ outcome: { kind: "failed", command, error, line } });
  const accepted = (says: string, finished: boolean) => ({ kind: "accepted", command, says, finished, line }) as const;
  if (!startsRun(command)) {
    const nothing = (error: ErrorReport): Ended => ({ says: "", error });
    const doing = async (): Promise<Ended> => ({ says: await act(scene, command), error: null });
    const { says, error } = await step(name, Ended, () => orError(doing, nothing));
    return error === null ? { outcome: accepted(says, true) } : failed(error);
  }
  const none = (error: ErrorReport): Planned => ({ what: "", requests: [], error });
  const { what, requests, waiver, error } = await step(name, Planned, () => orError(() => plan(scene, command), none));
  if (error !== null) return failed(error);
  if (requests.length === 0) return { outcome: accepted(what, true) };
  const run = await step.write(`${name} start`, z.string(), async (transaction) => {
    const { forge, repository, number, actor: approvedBy } = intent;
    if (command.verb === "ok-to-test")
      await ports.approvals.approve({ forge, repository, number, head: facts.head, approvedBy }, transaction);
    if (waiver !== undefined) await ports.waiving.waivers.add(waiver, transaction);
    let last = "";
    for (const request of requests) last = await ports.runs.start(request, transaction);
    return last;
  });
  return { outcome: accepted(`${what} [${run}](${ports.pageOf(run)}) started`, false), run };
}

type Starting = Doing<"build"> | Doing<"test"> | Doing<"ok-to-test"> | Doing<"waive"> | Doing<"unwaive">;

const starting: readonly Command["verb"][] = ["build", "test", "ok-to-test", "waive", "unwaive"];

function startsRun(command: Command): command is Starting {
  return starting.some((verb) => verb === command.verb);
}

async function plan(scene: Scene, command: Starting): Promise<Planned> {
  switch (command.verb) {
    case "build":
      return scene.facts.state === "merged" ? await planBranch(scene, command) : planPull(scene, command);
    case "test":
      return await planTests(scene, command);
    case "ok-to-test":
      return planApproved(scene);
    case "waive":
    case "unwaive":
      return await planWaiver(scene, command);
  }
}

/** Effects that look before they act, so that they may be tried again. */
async function act(scene: Scene, command: Exclude<Command, Starting>): Promise<string> {
  switch (command.verb) {
    case "cancel":
      return await cancel(scene);
    case "promote":
      return await scene.ports.promote((await findPromoted(scene, command)).id, scene.intent.actor);
    case "rollback": {
      const imageRepository = command.image ?? (await findImage(scene));
      const to = command.tag === undefined ? {} : { to: command.tag };
      return await scene.ports.rollback({ imageRepository, ...to, requestedBy: scene.intent.actor });
    }
    case "withdraw": {
      const { image, release, reason, to, removeTag = false } = command;
      const goingTo = to === undefined ? {} : { to };
      return await scene.ports.withdraw({
        imageRepository: image,
        release,
        reason,
        removeTag,
        ...goingTo,
        requestedBy: scene.intent.actor,
      });
    }
    case "help":
      throw new Error("help is answered, not carried out");
  }
}

function pullRequest({ intent, facts }: Scene): BuildRequested {
  return {
    ...{ forge: intent.forge, repository: intent.repository, branch: facts.baseBranch, commit: facts.head },
    ...{ scratch: true, requestedBy: intent.actor, pull: intent.number },
    ...(facts.base === null ? {} : { stranger: { base: facts.base } }),
  };
}

function planPull(scene: Scene, { architectures, isolated, release }: Doing<"build">): Planned {
  if (isolated !== undefined || release !== undefined) {
    throw appError("builds.scratch-only", "an open pull request is built as a scratch build, which has no release", {
      hint: "Merge it first, or leave the release out",
    });
  }
  const request = { ...pullRequest(scene), ...(architectures === undefined ? {} : { architectures }) };
  checkRequest(request);
  return planned("build", requestPullBuild(request, `build ${scene.key}`));
}

/** The head of the branch that the pull request went into, whatever was merged since. */
async function planBranch(scene: Scene, { scratch, isolated, release, architectures }: Doing<"build">): Promise<Planned> {
  const { forge, repository, actor } = scene.intent;
  const branch = scene.facts.baseBranch;
  if (!scene.ports.isBuilt(branch)) throw appError("intake.branch-not-built", `branch ${branch} of ${repository} is not built`);
  const commit = await scene.ports.forge.findHead(repository, branch);
  if (commit === undefined) throw appError("intake.branch-not-built", `branch ${branch} of ${repository} has gone`);
  if (isolated !== undefined && release !== undefined) {
    throw appError("builds.request-invalid", "an isolated build has its release already", { hint: "Leave --release out" });
  }
  const given = isolated ?? release;
  const request: BuildRequested = {
    forge,
    repository,
    branch,
    commit,
    scratch,
    requestedBy: actor,
    ...(isolated === undefined ? {} : { isolated: true }),
    ...(given === undefined ? {} : { release: given }),
    ...(architectures === undefined ? {} : { architectures }),
  };
  checkRequest(request);
  return planned("build", requestBuild(request, `build ${scene.key}`));
}

async function planTests(scene: Scene, { suite }: Doing<"test">): Promise<Planned> {
  const { intent, facts, ports } = scene;
  const builds = await ports.builds.list({ repository: intent.repository, state: "complete", limit: 200 });
  const found = builds.find((build) => build.pull === intent.number && build.commit === facts.head);
  if (found === undefined) {
    const what = `commit ${facts.head.slice(0, 12)}`;
    throw appError("builds.not-tested", `there is no complete build of ${what} whose image could be tested`, {
      hint: `Build it first: ${scene.lead}build`,
    });
  }
  const suites = suite === undefined ? undefined : [suite];
  chooseSuites(found, suites);
  const request = { build: found.id, ...(suites === undefined ? {} : { suites }), requestedBy: intent.actor };
  return planned("tests", requestTests(request, `test ${scene.key}`));
}

/** A new look says on the commit that it is approved; then the build that was waited for. */
function planApproved(scene: Scene): Planned {
  const { intent, facts } = scene;
  if (facts.base === null) return { what: "nothing was waiting for it: the author may write here", requests: [], error: null };
  const { forge, repository, number } = intent;
  const look = requestPullLook({ forge, repository, number, head: facts.head }, `look ${scene.key}`);
  return planned("build", look, requestPullBuild(pullRequest(scene), `build ${scene.key}`));
}

/** The gate is asked again at once; what follows from that is its own run's. */
async function planWaiver(scene: Scene, command: Doing<"waive"> | Doing<"unwaive">): Promise<Planned> {
  const { ports, intent, key } = scene;
  const build = await findWaived(scene, command);
  const { test, nvr } = command;
  const about = { test, username: intent.actor, byNvr: nvr !== undefined, key };
  const waiver =
    command.verb === "waive"
      ? await prepareWaiver(ports.waiving, build, {
          ...{ ...about, reason: command.reason },
          ...(command.for === undefined ? {} : { for: command.for }),
          ...(command.until === undefined ? {} : { until: command.until }),
        })
      : await prepareRevocation(ports.waiving, build, { ...about, reason: command.reason ?? "" });
  const name = escapeCode(build.nvr ? formatNvr(build.nvr) : build.id);
  const what = waiver.waived
    ? `${escapeCode(waiver.testcase)} of ${name} is waived until ${waiver.expiresAt?.slice(0, 16).replace("T", " ") ?? "it is taken back"} UTC; its gate`
    : `the waiver of ${escapeCode(waiver.testcase)} of ${name} is taken back; its gate`;
  return { ...planned(what, requestGate(build.id, intent.actor, `gate ${key}`)), waiver };
}

/** As {@link findPromoted}, and with `--nvr` one that is still being built as well. */
async function findWaived(scene: Scene, { verb, nvr }: Doing<"waive"> | Doing<"unwaive">): Promise<BuildRecord> {
  const { ports, facts, intent, lead } = scene;
  const named = nvr === undefined ? readOwn(scene)?.build : undefined;
  const found =
    nvr !== undefined
      ? await ports.builds.findByNvr(nvr)
      : named === undefined
        ? await newestAlive(scene, verb)
        : await ports.builds.find(named);
  if (found) return found;
  const where = intent.place === "manifests" ? "this pull request names no build" : `branch ${facts.baseBranch} has no build`;
  throw appError("gating.build-unfit", nvr === undefined ? where : `there is no build ${formatNvr(nvr)}`, {
    hint: `Name the build: ${lead}${verb} … --nvr NAME-VERSION-RELEASE`,
  });
}

/** What a pull request of flibs' own names; anybody can write the text of another one. */
function readOwn({ ports, intent, facts: { body, headBranch, fromFork } }: Scene) {
  if (intent.place !== "manifests" || fromFork !== false || headBranch === undefined) return undefined;
  return ports.readPromotion(body, headBranch);
}

/** The one that whoever wrote the comment could know, and the tests of which can be judged. */
async function newestAlive({ ports, intent, facts, lead }: Scene, verb: string): Promise<BuildRecord | undefined> {
  if (intent.place === "manifests") return undefined;
  const unfit = (what: string) => {
    const hint = `Name the build that is meant: ${lead}${verb} … --nvr NAME-VERSION-RELEASE`;
    return appError("gating.build-unfit", what, { hint });
  };
  if (facts.saidAt === undefined) throw unfit("nothing tells when the comment was written, so the newest build then is not known");
  const saidAt = Date.parse(facts.saidAt);
  const builds = await ports.builds.list({ repository: intent.repository, limit: 200 });
  const alive = builds.filter((build) => build.state === "complete" || (build.state === "building" && build.nvr !== undefined));
  const newest = alive.find((build) => isOfficial(build, facts) && Date.parse(build.createdAt) <= saidAt);
  const found = newest && (await ports.builds.find(newest.id));
  if (found && !testsHaveEnded(found))
    throw unfit(`the tests of build ${found.id}, the newest of branch ${facts.baseBranch}, have not ended`);
  return found;
}

const Work = z.object({ repository: z.string(), branch: z.string(), scratch: z.boolean(), pull: z.number().optional() });

/** Builds and tests of this pull request, or of the branch that it went into; never a release. */
async function cancel({ ports, intent, facts }: Scene): Promise<string> {
  const open = await ports.runs.list({ status: ["queued", "running", "waiting"], limit: 1000 });
  let count = 0;
  for (const run of open) {
    const tested = run.flow === "test" ? z.object({ build: z.string() }).safeParse(run.intent).data : undefined;
    const work = Work.safeParse(tested === undefined ? run.intent : await ports.builds.find(tested.build)).data;
    if ((run.flow !== "build" && run.flow !== "test") || work?.repository !== intent.repository) continue;
    const isIts = facts.state === "merged" ? !work.scratch && work.branch === facts.baseBranch : work.pull === intent.number;
    if (isIts && (await ports.runs.cancel(run.id, `cancelled by ${intent.actor}`))) count += 1;
  }
  return count === 0 ? "nothing was at work" : `${count} ${count === 1 ? "run is" : "runs are"} cancelled`;
}

async function findPromoted(scene: Scene, { nvr }: Doing<"promote">): Promise<BuildRecord> {
  const { ports, facts, intent, lead } = scene;
  if (nvr !== undefined) {
    const named = await ports.builds.findByNvr(nvr);
    if (named) return named;
    throw appError("promotion.build-unfit", `there is no complete build ${formatNvr(nvr)}`, {
      hint: "flibs builds, or the web page, list them",
    });
  }
  const named = readOwn(scene);
  const found = named?.build === undefined ? await newestOfficial(scene) : await ports.builds.find(named.build);
  if (found) return found;
  const where = intent.place === "manifests" ? "this pull request names no build" : `branch ${facts.baseBranch} has no complete build`;
  throw appError("promotion.build-unfit", where, { hint: `Name the build: ${lead}promote NAME-VERSION-RELEASE` });
}

async function findImage(scene: Scene): Promise<string> {
  const { intent, lead } = scene;
  const named = readOwn(scene)?.imageRepository;
  const image = named ?? (intent.place === "containers" ? (await newestOfficial(scene))?.plan?.imageRepository : undefined);
  if (image !== undefined) return image;
  throw appError("promotion.build-unfit", "nothing here tells which image is meant", { hint: `Name it: ${lead}rollback NAMESPACE/NAME` });
}

async function newestOfficial({ ports, intent, facts }: Scene): Promise<BuildRecord | undefined> {
  if (intent.place === "manifests") return undefined;
  const builds = await ports.builds.list({ repository: intent.repository, state: "complete", limit: 200 });
  return builds.find((build) => isOfficial(build, facts));
}

function isOfficial(build: BuildRecord, { baseBranch }: PullFacts): boolean {
  return followsBranch(build) && build.branch === baseBranch;
}

function planned(what: string, ...requests: readonly RunRequest[]): Planned {
  return { what, requests: [...requests], error: null };
}

async function orError<T>(work: () => T | Promise<T>, failed: (error: ErrorReport) => T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const report = reportError(error);
    if (report.kind === "transient" || report.kind === "internal") throw error;
    return failed(report);
  }
}
