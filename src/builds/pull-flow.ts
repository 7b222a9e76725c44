import { z } from "zod";
import { appError } from "../domain/errors.ts";
import type { CommitStatus } from "../forge/forge.ts";
import type { Ending, Flow, RunStatus } from "../workflow/run.ts";
import type { Step } from "../workflow/step.ts";
import { BuildRequest, Linted } from "./build-schemas.ts";
import type { PullHead, PullPorts, Trust } from "./pull-ports.ts";
import { pullBuildSubject } from "./pull-subject.ts";
import { approvalNotNeeded, approvalStatus, type PullSeen, pullStatusesOf } from "./pull-wording.ts";
import { bringStatuses, closeLogs, closeStatuses } from "./say-statuses.ts";
import { lintSource } from "./source.ts";
import { isCalledOff, type StatusView } from "./status-view.ts";

export const PullIntent: z.ZodType<PullHead> = z.object({
  forge: z.string(),
  repository: z.string(),
  number: z.int(),
  head: z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/, "not a commit id"),
});

export const TrustShape: z.ZodType<Trust> = z.union([
  z.object({ trusted: z.literal(true) }),
  z.object({ trusted: z.literal(false), base: z.string(), approvedBy: z.string().exactOptional() }),
]);

const Seen = z.object({ state: z.enum(["open", "merged", "closed", "gone"]), head: z.string() });
const openStatuses: readonly RunStatus[] = ["queued", "running", "waiting"];
/** Far more than there can be: runs of one subject supersede each other. */
const mostBuilds = 100;

/**
 * A look at a pull request of a container repository, whatever it was that happened there: builds that nobody needs any more are cancelled, the
 * head is linted, and of a stranger's is said who has to approve it. Builds themselves are asked for by people.
 */
export function pullFlow(ports: PullPorts): Flow<PullHead> {
  return {
    name: "pull",
    intent: PullIntent,
    run: (step, intent) => lookAtPull(ports, step, intent),
    finish: (step, intent, ending) => finishLook(ports, step, intent, ending),
    waiting: (run, intent, waitingFor) => say(ports, intent, {}, viewOf(ports, run, { waitingFor })),
  };
}

async function lookAtPull(ports: PullPorts, step: Step, intent: PullHead): Promise<void> {
  const { repository, number, head } = intent;
  const pull = await step("look", Seen, async () => {
    const found = await ports.forge(intent.forge).findPull(repository, number);
    return found === undefined ? { state: "gone" as const, head } : { state: found.state, head: found.head };
  });
  if (pull.state !== "open") {
    const reason = `pull request #${number} ${pull.state === "gone" ? "is gone" : `was ${pull.state}`}`;
    await step("cancel builds", z.array(z.string()), () => cancelBuilds(ports, intent, reason, () => true));
    return;
  }
  if (pull.head !== head) {
    throw appError("builds.pull-moved", `pull request #${number} has a newer commit, ${pull.head.slice(0, 12)}`);
  }
  await step("cancel older builds", z.array(z.string()), () =>
    cancelBuilds(ports, intent, `superseded by commit ${head.slice(0, 12)}`, (commit) => commit !== head),
  );
  const trust = await step("trust", TrustShape, () => ports.trust(intent));
  const view = viewOf(ports, step.run, {});
  await step("status running", z.null(), () => say(ports, intent, { trust }, view).then(() => null));
  const origin = { ...intent, commit: head, ...(trust.trusted ? {} : { stranger: { base: trust.base } }) };
  const findings = await step("lint", Linted, () => lintSource(ports, step.run, origin));
  await step("status linted", z.null(), () => say(ports, intent, { trust, findings }, view).then(() => null));
}

/** Looks first: builds of other commits are what a person may have asked for in the meantime. Returns the runs that were asked to end. */
async function cancelBuilds(
  { runs }: PullPorts,
  { repository, number }: PullHead,
  reason: string,
  isUnwanted: (commit: string) => boolean,
): Promise<string[]> {
  const open = await runs.list({
    flow: "build",
    subject: pullBuildSubject(repository, number),
    status: openStatuses,
    limit: mostBuilds,
  });
  const cancelled: string[] = [];
  for (const run of open) {
    const { data } = BuildRequest.safeParse(run.intent);
    if (data === undefined || !data.scratch || data.pull !== number || !isUnwanted(data.commit)) continue;
    if (await runs.cancel(run.id, reason)) cancelled.push(run.id);
  }
  return cancelled;
}

async function finishLook(ports: PullPorts, step: Step, intent: PullHead, ending: Ending): Promise<void> {
  await step("close logs", z.null(), () => closeLogs(ports, step.run).then(() => null));
  await step("remove workspace", z.null(), () => ports.workspaces.remove(step.run).then(() => null));
  await step("final status", z.null(), async () => {
    if (ending.status === "done") return null;
    const view = viewOf(ports, step.run, { ending });
    // What failed is told in any case; a look that was called off only takes back what it has begun to say.
    if (isCalledOff(ending)) {
      const statuses = pullStatusesOf(intent, {}, view);
      await closeStatuses(ports.forge(intent.forge), intent.repository, intent.head, statuses);
    } else await say(ports, intent, {}, view);
    return null;
  });
}

/** Says what was seen; a question for approval that stands there from before is taken back when nobody has to answer it. */
async function say(ports: PullPorts, intent: PullHead, seen: PullSeen, view: StatusView): Promise<void> {
  const forge = ports.forge(intent.forge);
  const statuses: CommitStatus[] = [...pullStatusesOf(intent, seen, view)];
  if (seen.trust?.trusted === true) {
    const asked = (await forge.listStatuses(intent.repository, intent.head)).find((one) => one.name === approvalStatus);
    if (asked?.state === "waiting-approval") statuses.push(approvalNotNeeded(view));
  }
  await bringStatuses(forge, intent.repository, intent.head, statuses);
}

function viewOf(ports: PullPorts, run: string, now: Pick<StatusView, "ending" | "waitingFor">): StatusView {
  return { ...now, run, pages: `${ports.settings.publicUrl}/builds`, tails: {} };
}
