import { z } from "zod";
import { followsBranch } from "../builds/follows-branch.ts";
import { waitForEngine } from "../builds/wait-for-engine.ts";
import { appError } from "../domain/errors.ts";
import type { Flow } from "../workflow/run.ts";
import { PromotionResult, sayPromoted } from "./promote-flow.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { proposePromotion } from "./propose-promotion.ts";
import { refreshPromotion } from "./refresh-promotion.ts";

export const GateIntent = z.strictObject({ build: z.string(), requestedBy: z.string().min(1).max(255) });
export type GateIntent = z.infer<typeof GateIntent>;

const Asked = z.object({ satisfied: z.boolean(), next: z.enum(["propose", "refresh", "nothing"]) });

/**
 * Asks the gate about a build again, since a waiver was given or taken back. An official build that is satisfied now is promoted as if it had passed
 * by itself; the pull request of one that was proposed says how things stand.
 */
export function gateFlow(ports: PromotionPorts): Flow<GateIntent> {
  return {
    name: "gate",
    intent: GateIntent,
    run: (step, { build }) =>
      waitForEngine(async () => {
        const { next } = await step("ask", Asked, () => askAgain(ports, build));
        if (next === "refresh") await step("refresh promotion", PromotionResult.nullable(), (key) => refresh(ports, build, key));
        if (next !== "propose") return;
        const proposed = await step("propose", PromotionResult, () => proposePromotion(ports, build));
        await sayPromoted(ports, step, build, proposed);
      }),
    // What it changes says how it went by itself; whoever asked is told by their command.
    finish: async () => {},
  };
}

async function askAgain(ports: PromotionPorts, id: string): Promise<z.infer<typeof Asked>> {
  const build = await ports.builds.find(id);
  if (build === undefined) throw appError("builds.unknown", `there is no build ${id.slice(0, 100)}`);
  // One that is still at work asks the gate at its own end.
  if (build.state !== "complete") return { satisfied: false, next: "nothing" };
  const { satisfied } = await ports.gate.ask(build);
  if (build.promotion !== undefined) return { satisfied, next: "refresh" };
  return { satisfied, next: satisfied && followsBranch(build) ? "propose" : "nothing" };
}

async function refresh(ports: PromotionPorts, id: string, key: string) {
  const build = await ports.builds.find(id);
  return (build && (await refreshPromotion(ports, build, key))) ?? null;
}
