import { z } from "zod";
import { promotionStatus } from "../builds/wording.ts";
import type { ErrorKind } from "../domain/errors.ts";
import type { StatusState } from "../forge/forge.ts";
import type { Flow } from "../workflow/run.ts";
import type { Step } from "../workflow/step.ts";
import { cutTitle, escapeText } from "./escape.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { type ProposedPromotion, proposePromotion } from "./propose-promotion.ts";

export const PromoteIntent = z.strictObject({
  /** Id of a complete build. */
  build: z.string(),
  /** Who asked, as the forge calls them; nobody when the build was held back and there is room now. */
  requestedBy: z.string().min(1).max(100).optional(),
});
export type PromoteIntent = z.infer<typeof PromoteIntent>;

/** Name of the step whose result in the journal is the outcome; {@link PromotionResult} reads it. */
export const promoteStep = "propose";

const common = { repository: z.string(), nvr: z.string() };
export const PromotionResult: z.ZodType<ProposedPromotion> = z.discriminatedUnion("outcome", [
  z.object({ ...common, outcome: z.enum(["opened", "updated", "unchanged"]), branch: z.string(), number: z.number(), head: z.string() }),
  z.object({ ...common, outcome: z.literal("already-released") }),
  z.object({ ...common, outcome: z.literal("held"), why: z.enum(["namespace-full", "hour-full"]) }),
  z.object({ ...common, outcome: z.literal("superseded"), by: z.string(), byNvr: z.string().optional() }),
]) as z.ZodType<ProposedPromotion>;

/**
 * Proposes the promotion of a build because somebody asked for it, or because there is room now. The build remembers its pull request; who asked
 * is answered by whoever started the run.
 */
export function promoteFlow(ports: PromotionPorts): Flow<PromoteIntent> {
  return {
    name: "promote",
    intent: PromoteIntent,
    async run(step, { build, requestedBy }) {
      const proposed = await step(promoteStep, PromotionResult, () => proposePromotion(ports, build, requestedBy));
      await sayPromoted(ports, step, build, proposed);
    },
    async finish(step, { build, requestedBy }, ending) {
      if (requestedBy !== undefined) return;
      if (ending.status === "cancelled") return void (await step("forget", z.null(), () => forget(ports, build, ending.reason)));
      if (ending.status !== "failed") return;
      const { message, hint = "" } = ending.error;
      await step("hold or tell", z.null(), () =>
        holdOrTell(ports, build, ending.error.kind, `${escapeText(message, 1000)}. ${escapeText(hint)}`),
      );
    },
  };
}

/** The build remembers its pull request, and its commit shows it. */
export async function sayPromoted(ports: PromotionPorts, step: Step, build: string, proposed: ProposedPromotion): Promise<void> {
  if (!("number" in proposed)) return;
  const { repository, number } = proposed;
  await step.write("save promotion", z.null(), (transaction) =>
    ports.builds.savePromotion(build, { repository, number }, transaction).then(() => null),
  );
  const title = `Proposed in ${repository} #${number}`;
  await step("say proposed", z.null(), () => sayOfBuild(ports, build, "success", title, "Merging that pull request releases the image."));
}

/** What may go well the next time is kept for it; what a person has to mend is told on the build's commit. */
async function holdOrTell(ports: PromotionPorts, id: string, kind: ErrorKind, why: string): Promise<null> {
  const build = await ports.builds.find(id);
  if (!build?.plan) return null;
  const { imageRepository } = build.plan;
  if (kind !== "transient") {
    await ports.places.forget(imageRepository, build.createdAt);
    return await sayOfBuild(ports, id, "error", "The promotion could not be proposed", why);
  }
  await ports.places.hold({ imageRepository, build: id, builtAt: build.createdAt, why: "unreachable" });
  return null;
}

/** Kept, it would hold a place that its run, which is over, never takes. */
async function forget(ports: PromotionPorts, id: string, reason: string): Promise<null> {
  const build = await ports.builds.find(id);
  if (!build?.plan) return null;
  await ports.places.forget(build.plan.imageRepository, build.createdAt);
  const summary = `${escapeText(reason, 1000)}. To promote the build all the same, say so.`;
  return await sayOfBuild(ports, id, "cancelled", "The promotion was cancelled", summary);
}

/** In place of what the build said of its promotion when it ended. */
async function sayOfBuild(ports: PromotionPorts, id: string, state: StatusState, title: string, summary: string): Promise<null> {
  const build = await ports.builds.find(id);
  if (!build) return null;
  const url = ports.settings.pageOf(id);
  const status = { name: promotionStatus, state, title: cutTitle(title), summary, key: id };
  await ports.forge.setStatus(build.repository, build.commit, url === undefined ? status : { ...status, url });
  return null;
}
