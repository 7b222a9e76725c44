import { z } from "zod";
import type { Flow } from "../workflow/run.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { type ProposedWithdrawal, proposeWithdrawal } from "./propose-withdrawal.ts";

export const WithdrawIntent = z.strictObject({
  imageRepository: z.string(),
  release: z.string(),
  reason: z.string().min(1).max(500),
  removeTag: z.boolean(),
  /** Release that floating tags go to. */
  to: z.string().optional(),
  /** Who asked, as the forge calls them. */
  requestedBy: z.string().min(1).max(100),
});
export type WithdrawIntent = z.infer<typeof WithdrawIntent>;

/** Name of the step whose result in the journal is the outcome; {@link WithdrawResult} reads it. */
export const withdrawStep = "propose";

export const WithdrawResult: z.ZodType<ProposedWithdrawal> = z.object({
  outcome: z.enum(["opened", "updated", "unchanged"]),
  repository: z.string(),
  branch: z.string(),
  number: z.number(),
  head: z.string(),
  imageRepository: z.string(),
  releases: z.array(z.string()),
});

/** Proposes that nobody uses a release any more. Says nothing by itself: who asked is answered by whoever started the run. */
export function withdrawFlow(ports: PromotionPorts): Flow<WithdrawIntent> {
  return {
    name: "withdraw",
    intent: WithdrawIntent,
    async run(step, request) {
      await step(withdrawStep, WithdrawResult, () => proposeWithdrawal(ports, request));
    },
    async finish() {},
  };
}
