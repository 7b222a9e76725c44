import { z } from "zod";
import type { Flow } from "../workflow/run.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { type ProposedRollback, proposeRollback } from "./propose-rollback.ts";

export const RollbackIntent = z.strictObject({
  imageRepository: z.string(),
  /** Release to go to; left out: the one that users had before. */
  to: z.string().optional(),
  /** Who asked, as the forge calls them. */
  requestedBy: z.string().min(1).max(100),
});
export type RollbackIntent = z.infer<typeof RollbackIntent>;

/** Name of the step whose result in the journal is the outcome; {@link RollbackResult} reads it. */
export const rollbackStep = "propose";

export const RollbackResult: z.ZodType<ProposedRollback> = z.object({
  outcome: z.enum(["opened", "updated", "unchanged"]),
  repository: z.string(),
  branch: z.string(),
  number: z.number(),
  head: z.string(),
  imageRepository: z.string(),
  from: z.string(),
  to: z.string(),
  tags: z.array(z.string()),
});

/** Proposes to point an image's floating tags to another release. Says nothing by itself: who asked is answered by whoever started the run. */
export function rollbackFlow(ports: PromotionPorts): Flow<RollbackIntent> {
  return {
    name: "rollback",
    intent: RollbackIntent,
    async run(step, request) {
      await step(rollbackStep, RollbackResult, () => proposeRollback(ports, request));
    },
    async finish() {},
  };
}
