import { z } from "zod";
import type { Flow } from "../workflow/run.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { type ProposedPromotion, proposePromotion } from "./propose-promotion.ts";

export const PromoteIntent = z.strictObject({
  /** Id of a complete build. */
  build: z.string(),
  /** Who asked, as the forge calls them. */
  requestedBy: z.string().min(1).max(100),
});
export type PromoteIntent = z.infer<typeof PromoteIntent>;

/** Name of the step whose result in the journal is the outcome; {@link PromotionResult} reads it. */
export const promoteStep = "propose";

const common = { repository: z.string(), nvr: z.string() };
export const PromotionResult: z.ZodType<ProposedPromotion> = z.discriminatedUnion("outcome", [
  z.object({ ...common, outcome: z.enum(["opened", "updated", "unchanged"]), branch: z.string(), number: z.number(), head: z.string() }),
  z.object({ ...common, outcome: z.literal("already-released") }),
  z.object({ ...common, outcome: z.literal("superseded"), by: z.string(), byNvr: z.string().optional() }),
]) as z.ZodType<ProposedPromotion>;

/** Proposes the promotion of a build because somebody asked for it. Says nothing by itself: who asked is answered by whoever started the run. */
export function promoteFlow(ports: PromotionPorts): Flow<PromoteIntent> {
  return {
    name: "promote",
    intent: PromoteIntent,
    async run(step, { build, requestedBy }) {
      await step(promoteStep, PromotionResult, () => proposePromotion(ports, build, requestedBy));
    },
    async finish() {},
  };
}
