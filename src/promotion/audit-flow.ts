import { z } from "zod";
import type { Flow, RunRequest } from "../workflow/run.ts";
import { repairablePlaces, startRepairs } from "./audit-repair.ts";
import { tellFindings } from "./audit-report.ts";
import { type AuditPorts, carryOutAudit } from "./audit-run.ts";
import { auditStates } from "./audit-states.ts";
import type { Audit } from "./audit-store.ts";

export const AuditIntent = z.strictObject({ repository: z.string(), deep: z.boolean() });
export type AuditIntent = z.infer<typeof AuditIntent>;

const Walked: z.ZodType<Audit | null> = z
  .object({
    id: z.string(),
    commit: z.string(),
    whole: z.boolean(),
    deep: z.boolean(),
    startedAt: z.string(),
    finishedAt: z.string(),
    images: z.number(),
    counts: z.record(z.enum(auditStates), z.number()),
    unread: z.number(),
    unreadImages: z.array(z.object({ registry: z.string(), imageRepository: z.string(), why: z.string() })),
    toldCommit: z.string().exactOptional(),
  })
  .nullable();

const mostFindings = 10_000;

/**
 * The timer's look at everything: what drifted is found, kept and told once; what git and the candidate registry can make good is released again.
 * A killed run starts the walk again, which changes nothing.
 */
export function auditFlow(ports: AuditPorts): Flow<AuditIntent> {
  return {
    name: "audit",
    intent: AuditIntent,
    async run(step, intent) {
      const audit = await step(
        "walk",
        Walked,
        async (_key, signal) => (await carryOutAudit(ports, step.run, { deep: intent.deep }, signal)) ?? null,
      );
      if (audit === null) return;
      await step("repair", z.number(), async () => {
        // What waits for its release is released anyway.
        const findings = (await ports.audits.listFindings({ limit: mostFindings })).filter((one) => !one.pending);
        return (await startRepairs(ports, repairablePlaces(findings), audit.commit, step.run)).length;
      });
      const toldCommit = await step("tell", z.string().nullable(), () => tellFindings(ports, step.run, audit));
      await step.write("record", z.null(), async (transaction) => {
        const { toldCommit: _before, ...rest } = audit;
        await ports.audits.saveAudit(toldCommit === null ? rest : { ...rest, toldCommit }, transaction);
        return null;
      });
    },
    async finish() {},
  };
}

/** One at a time, over all replicas. */
export function requestAudit(repository: string, deep: boolean, key: string): RunRequest {
  return { flow: "audit", subject: `audit ${repository}`, intent: { repository, deep }, key, whenBusy: "queue" };
}

/** Which look the timer owes: a deep one, a plain one or none, by the last whole ones. Pure. */
export function dueAudit(
  audits: readonly Pick<Audit, "deep" | "startedAt">[],
  now: Date,
  every: { readonly plainMs: number; readonly deepMs: number },
): "deep" | "plain" | undefined {
  const age = (wanted: (one: Pick<Audit, "deep">) => boolean) =>
    now.getTime() - Math.max(0, ...audits.filter(wanted).map((one) => Date.parse(one.startedAt)));
  if (age((one) => one.deep) >= every.deepMs) return "deep";
  return age(() => true) >= every.plainMs ? "plain" : undefined;
}
