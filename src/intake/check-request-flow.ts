import { z } from "zod";
import type { CommitStatus, Forge } from "../forge/forge.ts";
import { permits } from "../forge/permission.ts";
import { type Flow, isFinal, type Run, type Runs } from "../workflow/run.ts";
import { RunRequestShape } from "../workflow/run-request-shape.ts";
import { planAgain } from "./plan-again.ts";

/** Somebody used a button on the forge: run a check again (or all of a commit's), or cancel what it tells of. */
export const CheckRequest = z.strictObject({
  what: z.enum(["again", "cancel"]),
  forge: z.string(),
  repository: z.string(),
  commit: z.string(),
  /** The check's name and key; without them all checks of the commit are meant. */
  name: z.string().exactOptional(),
  key: z.string().exactOptional(),
  /** The forge's id of the wish: another press of the button is another wish. */
  request: z.string(),
  actor: z.string(),
});
export type CheckRequest = z.infer<typeof CheckRequest>;

export interface CheckRequestPorts {
  readonly forge: Pick<Forge, "findPermission" | "listStatuses" | "setStatus" | "findHead">;
  readonly runs: Pick<Runs, "find" | "start" | "cancel">;
  /** Page of a run. */
  pageOf(run: string): string;
}

const Found = z.object({ name: z.string(), run: z.string(), whole: z.boolean() });
const Planned = z.union([z.object({ start: RunRequestShape }), z.object({ refusal: z.string() }), z.object({ atWork: z.literal(true) })]);
type Planned = z.infer<typeof Planned>;
/** Releases that planned and started in one step say by null that they started nothing, and why; while they run beside this one they want both. */
const Started = z.object({ run: z.string().nullable(), refusal: z.string().nullable().default(null) });

/**
 * The button is shown to people who may write, and what it does is allowed to them again here. Just the part that the check tells of is done again;
 * a whole suite means whatever of it did not succeed, or everything when all did.
 */
export function checkRequestFlow(ports: CheckRequestPorts): Flow<CheckRequest> {
  return {
    name: "check-request",
    intent: CheckRequest,
    async run(step, intent) {
      const allowed = await step("may they", z.boolean(), async () =>
        permits(await ports.forge.findPermission(intent.repository, intent.actor), "write"),
      );
      if (!allowed) return;
      const wanted = await step("which", z.array(Found), () => findWanted(ports, intent));
      for (const { name, run, whole } of wanted) {
        if (intent.what === "cancel") {
          await step(`cancel ${run}`, z.boolean(), () => ports.runs.cancel(run, `cancelled by ${intent.actor}`));
          continue;
        }
        // Apart from the start: a transaction would hold its connection while the forge and a second connection are waited for.
        const plan = await step(`plan ${name}`, Planned, () => planRun(ports, intent, { name, run, whole }));
        if ("start" in plan) {
          await step.write(`again ${name}`, Started, async (transaction) => {
            return { run: await ports.runs.start(plan.start, transaction), refusal: null };
          });
        }
        if ("refusal" in plan) {
          const status: CommitStatus = {
            name,
            state: "cancelled",
            title: plan.refusal,
            summary: plan.refusal,
            key: step.run,
            url: ports.pageOf(step.run),
          };
          await step(`say ${name}`, z.null(), () => ports.forge.setStatus(intent.repository, intent.commit, status).then(() => null));
        }
      }
    },
    async finish() {},
  };
}

/** Which run stands behind each check that is meant; one run for each name, and one name for runs that can only be done as a whole. */
async function findWanted(ports: CheckRequestPorts, intent: CheckRequest): Promise<z.infer<typeof Found>[]> {
  const statuses = await ports.forge.listStatuses(intent.repository, intent.commit);
  const known = statuses.flatMap(({ name, key, state }) => (key === undefined ? [] : [{ name, run: key, state }]));
  if (intent.name !== undefined) {
    const run = intent.key ?? known.find(({ name }) => name === intent.name)?.run;
    return run === undefined || (await ports.runs.find(run)) === undefined ? [] : [{ name: intent.name, run, whole: false }];
  }
  const bad = known.filter(({ state }) => state !== "success" && state !== "neutral" && state !== "skipped");
  const meant = bad.length > 0 ? bad : known;
  const found: z.infer<typeof Found>[] = [];
  const whole = new Set<string>();
  for (const { name, run } of meant) {
    if (whole.has(run)) continue;
    const its = await ports.runs.find(run);
    if (its === undefined) continue;
    // A build that did not get as far as its tests brings its tests and everything else along.
    const onlyTests = meant.every((one) => one.run !== run || one.name.startsWith("flibs / test: "));
    if (!onlyTests) whole.add(run);
    found.push({ name: onlyTests ? name : wholeNameOf(its, name, meant), run, whole: !onlyTests });
  }
  return found;
}

/** The name that stands for all of a run: its build, when the build is among what is meant. */
function wholeNameOf(run: Run, first: string, meant: readonly { readonly name: string; readonly run: string }[]): string {
  return meant.find((one) => one.run === run.id && one.name.startsWith("flibs / build"))?.name ?? first;
}

/** What is at work already is left alone: what it will say is what is wanted. */
async function planRun(ports: CheckRequestPorts, intent: CheckRequest, { name, run: id, whole }: z.infer<typeof Found>): Promise<Planned> {
  const run = await ports.runs.find(id);
  if (run === undefined || !isFinal(run.status)) return { atWork: true };
  const branch = z.object({ branch: z.string() }).safeParse(run.intent);
  const head = branch.success ? await ports.forge.findHead(intent.repository, branch.data.branch) : undefined;
  const plan = planAgain(run, { name, actor: intent.actor, request: intent.request, whole, head });
  return "refusal" in plan ? plan : { start: plan };
}
