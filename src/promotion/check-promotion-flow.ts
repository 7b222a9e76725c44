import { z } from "zod";
import { type CommitStatus, isStatusOver, type Pull } from "../forge/forge.ts";
import type { Ending, Flow } from "../workflow/run.ts";
import { checkChange } from "./check-change.ts";
import { type Words, wordCheck, wordEnding, wordSuccessor } from "./check-words.ts";
import { cutTitle, escapeCode, escapeText } from "./escape.ts";
import { cutLines, mostSummary } from "./fit-text.ts";
import { readOverflow } from "./overflow.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { promotionStatusName } from "./promotion-status.ts";

const PullIntent = z.strictObject({ repository: z.string(), number: z.number().int(), head: z.string() });
const QueueIntent = z.strictObject({ repository: z.string(), head: z.string(), base: z.string(), baseBranch: z.string() });
/** A pull request's head; or the commit of a merge queue and the commit that it stands on. */
export const CheckIntent = z.union([PullIntent, QueueIntent]);
export type CheckIntent = z.infer<typeof CheckIntent>;

const mostOpenRuns = 1000;
const Judged = z.object({ state: z.enum(["success", "failure", "stale"]), title: z.string(), summary: z.string() });
type Judged = z.infer<typeof Judged>;

/** The dry run of the release on a pull request's head or a merge queue's commit, with CK1 to CK10; the result is the status `flibs / promotion`. */
export function checkPromotionFlow(ports: PromotionPorts): Flow<CheckIntent> {
  return {
    name: "check-promotion",
    intent: CheckIntent,
    async run(step, intent) {
      // What was said before a merge stands: it is what was merged on.
      if (!(await step("is it open", z.boolean(), () => isOpen(ports, intent)))) return;
      const begun = { state: "running", title: "checking", summary: "The release is tried without writing anything." } as const;
      await step("say running", z.null(), () => sayCheck(ports, step.run, intent, begun));
      const judged = await step("check", Judged, () => judge(ports, intent));
      const state = judged.state === "stale" ? "cancelled" : judged.state;
      await step("say result", z.null(), () => sayCheck(ports, step.run, intent, { ...judged, state }));
    },
    async finish(step, intent, ending) {
      if (ending.status === "done") return;
      await step("say end", z.null(), () => sayEnd(ports, step.run, intent, ending));
    },
    async waiting(run, intent, waitingFor) {
      const summary = `Waiting for ${escapeText(waitingFor, 300)}.`;
      await sayCheck(ports, run, intent, { state: "pending", title: `waiting for ${waitingFor}`, summary });
    },
  };
}

/** A merge queue's commit is open as long as it is asked about. */
async function isOpen(ports: PromotionPorts, intent: CheckIntent): Promise<boolean> {
  if (!("number" in intent)) return true;
  return (await ports.forge.findPull(intent.repository, intent.number))?.state === "open";
}

/** The status of the room's checks; its key is the run that says it. */
export async function sayCheck(
  ports: PromotionPorts,
  run: string,
  { repository, head }: Pick<CheckIntent, "repository" | "head">,
  { state, title, summary }: Words,
): Promise<null> {
  const url = ports.settings.pageOf(run);
  const status: CommitStatus = {
    name: promotionStatusName,
    state,
    title: cutTitle(title),
    summary: cutLines(summary, mostSummary),
    key: run,
    ...(url === undefined ? {} : { url }),
  };
  await ports.forge.setStatus(repository, head, status);
  return null;
}

/** Leaves nothing that shows open for ever, and nothing said over what another run says at the moment. */
async function sayEnd(ports: PromotionPorts, run: string, intent: CheckIntent, ending: Ending): Promise<null> {
  const statuses = await ports.forge.listStatuses(intent.repository, intent.head);
  const stands = statuses.find((one) => one.name === promotionStatusName);
  const isStillOpen = stands !== undefined && !isStatusOver(stands.state);
  if (isStillOpen && stands.key !== undefined && stands.key !== run) return null;
  if (ending.status !== "superseded") return await sayCheck(ports, run, intent, wordEnding(run, ending));
  if (!isStillOpen) return null;
  const next = await findSuccessor(ports, run, intent);
  // The same commit's next run says the same status soon.
  if (next?.head === intent.head) return null;
  return await sayCheck(ports, run, intent, next ? wordSuccessor(run, next) : wordEnding(run, ending));
}

async function findSuccessor(
  ports: PromotionPorts,
  run: string,
  intent: CheckIntent,
): Promise<{ readonly run: string; readonly head: string } | undefined> {
  if (!("number" in intent)) return undefined;
  const open = await ports.runs.list({ flow: "check-promotion", status: ["queued", "running", "waiting"], limit: mostOpenRuns });
  for (const one of open) {
    const other = PullIntent.safeParse(one.intent);
    if (one.id === run || !other.success) continue;
    const { repository, number, head } = other.data;
    if (repository === intent.repository && number === intent.number) return { run: one.id, head };
  }
  return undefined;
}

async function judge(ports: PromotionPorts, intent: CheckIntent): Promise<Judged> {
  const { branch } = ports.settings;
  const nothing: Judged = { state: "success", title: "releases nothing", summary: `Only merging into ${escapeCode(branch)} releases.` };
  if (!("number" in intent)) {
    const { repository, head, base, baseBranch } = intent;
    if (baseBranch !== branch) return nothing;
    return judged(wordCheck(await checkChange(ports, { repository, head, baseHead: base, baseBranch, mergeable: true })));
  }
  const pull = await ports.forge.findPull(intent.repository, intent.number);
  if (pull?.state !== "open") return { state: "stale", title: "the pull request is closed", summary: "Nothing to check." };
  if (pull.head !== intent.head)
    return { state: "stale", title: `superseded by ${pull.head.slice(0, 12)}`, summary: `The head is ${escapeCode(pull.head)} now.` };
  const releasing = pull.baseBranch === branch ? pull : await findReleasing(ports, pull);
  if (!releasing) return nothing;
  const found = judged(wordCheck(await checkChange(ports, releasing)));
  const rest = await readOverflow(ports, releasing, mostSummary - found.summary.length - 10);
  return rest === undefined ? found : { ...found, summary: `${found.summary}\n\n---\n\n${rest}` };
}

/**
 * A status belongs to a commit, and one commit may be the head of several pull requests: one that goes elsewhere must not put a word of praise
 * over what is said about the one that would release.
 */
async function findReleasing(ports: PromotionPorts, pull: Pull): Promise<Pull | undefined> {
  const open = await ports.forge.listPulls(pull.repository, "open");
  return open.find((one) => one.head === pull.head && one.baseBranch === ports.settings.branch);
}

function judged({ state, title, summary }: Words): Judged {
  return { state: state === "success" ? "success" : "failure", title, summary };
}
