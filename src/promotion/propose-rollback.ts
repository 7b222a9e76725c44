import type { Digest } from "../domain/digest.ts";
import { escapeCode } from "./escape.ts";
import { mostSummary } from "./fit-text.ts";
import { type ImageAtHead, readImageAtHead } from "./image-at-head.ts";
import { parseImageFile, pointFloating } from "./image-file.ts";
import { parseRollbackBlock, type RollbackBlock } from "./machine-block.ts";
import { type FloatingHistory, planRollback, type RollbackPlan } from "./plan-rollback.ts";
import { publicNamesOf, readReleased } from "./promotion-facts.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { proposeOnBranch, sayLeftAlone, untilBaseRests } from "./propose-on-branch.ts";
import { rollbackBranch } from "./registry-manifest.ts";
import { formatRollbackBody, formatRollbackTitle } from "./rollback-body.ts";

export interface RollbackRequest {
  /** `f40/cockpit` */
  readonly imageRepository: string;
  /** Release to go to; without it the one that users had before. */
  readonly to?: string | undefined;
  readonly requestedBy: string;
}

export interface ProposedRollback {
  readonly outcome: "opened" | "updated" | "unchanged";
  /** The registry-manifest repository. */
  readonly repository: string;
  readonly branch: string;
  readonly number: number;
  readonly head: string;
  readonly imageRepository: string;
  /** Releases. */
  readonly from: string;
  readonly to: string;
  readonly tags: readonly string[];
}

/** Each commit is a question to the forge. */
const mostHistory = 50;

/**
 * Opens the pull request that moves an image's floating tags back, or brings the open one up to date: the same request changes nothing. Only
 * `floating` changes. Throws `promotion.image-unknown`, `promotion.release-unknown`, `promotion.release-withdrawn`,
 * `promotion.nothing-to-roll-back`, `promotion.policy-invalid`, `promotion.file-invalid`, `promotion.branches-taken` (for people) and
 * `promotion.base-moves` (transient).
 */
export async function proposeRollback(ports: PromotionPorts, request: RollbackRequest): Promise<ProposedRollback> {
  const what = `the roll-back of ${request.imageRepository.slice(0, 255)}`;
  return await untilBaseRests(what, async () => placeRollback(ports, request, await draftRollback(ports, request)));
}

/**
 * An open roll-back after main changed its file: computed anew while the release that it leads away from is still the one that users have. Else
 * it is not what was asked for any more, and is left for people to close. Undefined = left.
 */
export async function refreshRollback(ports: PromotionPorts, block: RollbackBlock): Promise<ProposedRollback | undefined> {
  const request = { imageRepository: block.repository, to: block.to, requestedBy: block.requestedBy };
  return await untilBaseRests(`the roll-back of ${block.repository}`, async () => {
    const draft = await draftRollback(ports, request);
    return draft.plan.from === block.from ? await placeRollback(ports, request, draft) : undefined;
  });
}

interface RollbackDraft extends ImageAtHead {
  readonly plan: RollbackPlan;
}

async function draftRollback(ports: PromotionPorts, { imageRepository, to }: RollbackRequest): Promise<RollbackDraft> {
  const { base, path, parsed, routes } = await readImageAtHead(ports, imageRepository);
  return { base, path, imageRepository, parsed, routes, plan: planRollback(parsed, await readHistory(ports, base, path), to) };
}

export async function readHistory(ports: PromotionPorts, base: string, path: string): Promise<FloatingHistory> {
  const { forge, settings } = ports;
  const history: Readonly<Record<string, string>>[] = [];
  for (const commit of await forge.fileHistory(settings.repository, base, path, mostHistory)) {
    const bytes = await forge.findFile(settings.repository, commit, path);
    const parsed = bytes && parseImageFile(path, bytes);
    if (parsed?.ok) history.push(parsed.value.floating ?? {});
  }
  return history;
}

async function placeRollback(
  ports: PromotionPorts,
  request: RollbackRequest,
  draft: RollbackDraft,
): Promise<ProposedRollback | "base-moved"> {
  const { forge, settings } = ports;
  const { base, path, parsed, routes, plan } = draft;
  const { imageRepository, requestedBy } = request;
  const { from, to, tags } = plan;
  const text = pointFloating(parsed, { tag: to, floating: tags });
  const released = (tag: string) => readReleased(ports, routes, imageRepository, tag, parsed.value.releases[tag]?.digest as Digest);
  const facts = { plan, from: await released(from), to: await released(to) };
  const files = await forge.listFiles(settings.repository, base, "images");
  const baseBlob = files.find((file) => file.path === path)?.blob ?? null;
  const placed = await proposeOnBranch(ports, {
    imageRepository,
    base,
    branchOf: (number) => rollbackBranch(imageRepository, number),
    parseBlock: parseRollbackBlock,
    async make(old, personOwned) {
      // Whoever asked first stands there: asking again changes nothing.
      const asker = old?.from === from && old.to === to ? old.requestedBy : requestedBy;
      const block: RollbackBlock = { schema: 1, repository: imageRepository, from, to, baseBlob, requestedBy: asker };
      const title = formatRollbackTitle(block);
      const publicNames = publicNamesOf(ports, routes, imageRepository);
      const pageUrl = facts.to.build && settings.pageOf(facts.to.build.id);
      const most = Math.min(mostSummary, forge.capabilities.maxBodyLength);
      const body = formatRollbackBody({ ...facts, publicNames, pageUrl, personOwned, block }, most);
      return { files: { [path]: text }, commitMessage: `${title}\n\nTags: ${tags.join(" ")}\n`, title, body };
    },
  });
  // There is always something to propose, so nothing else than a moved base can be in the way.
  if (placed === undefined || placed === "base-moved") return "base-moved";
  await sayLeftAlone(ports, placed, `The roll-back to ${escapeCode(to)}`);
  const { outcome, branch, number, head } = placed;
  return { outcome, repository: settings.repository, branch, number, head, imageRepository, from, to, tags };
}
