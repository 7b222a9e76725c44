import { type ErrorReport, reportError } from "../domain/errors.ts";
import type { Pull } from "../forge/forge.ts";
import { sayCheck } from "./check-promotion-flow.ts";
import { cutTitle, escapeText } from "./escape.ts";
import { parseMachineBlock, parseRollbackBlock, parseWithdrawalBlock } from "./machine-block.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { promotionStatusName } from "./promotion-status.ts";
import { proposePromotion } from "./propose-promotion.ts";
import { refreshRollback } from "./propose-rollback.ts";
import { refreshWithdrawal } from "./propose-withdrawal.ts";
import { imagePath } from "./registry-manifest.ts";

/**
 * Open promotions and roll-backs are computed anew when main changed their file, and every open pull request is checked against the new base
 * (CK10). One that fails holds up no other; the status on its head tells why. One whose registry or signer is away is checked as it is, and the next
 * scan, which the timer starts, brings it up to date: a scan that waited for it would stand before the release of every later merge.
 */
export async function followBase(ports: PromotionPorts, run: string, commit: string): Promise<{ refreshed: number; failed: string[] }> {
  const { repository, branch } = ports.settings;
  const pulls = (await ports.forge.listPulls(repository, "open")).filter((pull) => pull.baseBranch === branch);
  if (pulls.length === 0) return { refreshed: 0, failed: [] };
  const blobs = new Map((await ports.forge.listFiles(repository, commit, "images")).map((file) => [file.path, file.blob]));
  const failed: string[] = [];
  let refreshed = 0;
  for (const pull of pulls) {
    let head = pull.head;
    try {
      const proposed = await refresh(ports, pull, blobs);
      if (proposed !== "left") refreshed += 1;
      if (typeof proposed === "object" && proposed.number === pull.number) head = proposed.head;
    } catch (error) {
      const report = reportError(error);
      if (report.kind === "transient" && !isBeside(report.code)) throw error;
      failed.push(`#${pull.number} ${report.code}`);
      if (report.kind !== "transient") {
        await sayLeftBehind(ports, run, { repository, head }, report);
        continue;
      }
    }
    await ports.runs.start({
      flow: "check-promotion",
      subject: `check ${repository} #${pull.number}`,
      intent: { repository, number: pull.number, head },
      key: `check ${repository} #${pull.number} ${head} on ${commit}`,
      whenBusy: "supersede",
    });
  }
  return { refreshed, failed };
}

/** Once: the timer's scan finds the same every time, and each word is a mail on some forges. */
async function sayLeftBehind(
  ports: PromotionPorts,
  run: string,
  at: { readonly repository: string; readonly head: string },
  { message }: ErrorReport,
): Promise<void> {
  const title = cutTitle(`cannot follow the base branch: ${message}`);
  const stands = (await ports.forge.listStatuses(at.repository, at.head)).find((one) => one.name === promotionStatusName);
  if (stands?.state === "failure" && stands.title === title) return;
  await sayCheck(ports, run, at, { state: "failure", title, summary: escapeText(message, 1000) });
}

/** Without the forge or the database a scan can do nothing at all; everything else concerns one pull request. */
function isBeside(code: string): boolean {
  return code.startsWith("registry.") || code.startsWith("signing.");
}

/** What a person's pull request says of itself counts for nothing: only branches of ours, in this repository, are written anew. */
async function refresh(
  ports: PromotionPorts,
  pull: Pull,
  blobs: ReadonlyMap<string, string>,
): Promise<"left" | "same" | { readonly number: number; readonly head: string }> {
  if (pull.fromFork) return "left";
  const isBehind = (block: { readonly repository: string; readonly baseBlob: string | null }) =>
    block.baseBlob !== (blobs.get(imagePath(block.repository)) ?? null);
  const promotion = pull.headBranch.startsWith("promote/") ? parseMachineBlock(pull.body) : undefined;
  if (promotion && isBehind(promotion)) {
    const proposed = await proposePromotion(ports, promotion.build);
    return "head" in proposed ? proposed : "same";
  }
  const rollback = pull.headBranch.startsWith("rollback/") ? parseRollbackBlock(pull.body) : undefined;
  if (rollback && isBehind(rollback)) return (await refreshRollback(ports, rollback)) ?? "left";
  const withdrawal = pull.headBranch.startsWith("withdraw/") ? parseWithdrawalBlock(pull.body) : undefined;
  if (withdrawal && isBehind(withdrawal)) return (await refreshWithdrawal(ports, withdrawal)) ?? "left";
  return "left";
}
