import type { BuildRecord } from "../builds/build-record.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { type ProposedPromotion, proposePromotion } from "./propose-promotion.ts";

/**
 * Brings the open pull request of a build's promotion up to date with what the gate says now, and has its check looked at again, which no push
 * would. `key` is the caller's, so that asking twice is one look. Undefined when none is open.
 */
export async function refreshPromotion(ports: PromotionPorts, build: BuildRecord, key: string): Promise<ProposedPromotion | undefined> {
  if (build.promotion === undefined) return undefined;
  const { repository, number } = build.promotion;
  // What a person closed is not opened again by a waiver.
  if ((await ports.forge.findPull(repository, number))?.state !== "open") return undefined;
  const proposed = await proposePromotion(ports, build.id);
  if ("number" in proposed) await checkAgain(ports, proposed, key);
  return proposed;
}

/** A new run whatever was checked before: what changed is not in the commit. */
async function checkAgain(
  ports: PromotionPorts,
  { repository, number, head }: Extract<ProposedPromotion, { number: number }>,
  key: string,
): Promise<void> {
  await ports.runs.start({
    flow: "check-promotion",
    subject: `check ${repository} #${number}`,
    intent: { repository, number, head },
    key: `check ${repository} #${number} ${head} ${key}`,
    whenBusy: "supersede",
  });
}
