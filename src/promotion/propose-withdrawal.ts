import { appError } from "../domain/errors.ts";
import { escapeCode } from "./escape.ts";
import { mostSummary } from "./fit-text.ts";
import { type ImageAtHead, readImageAtHead } from "./image-at-head.ts";
import { addWithdrawn, dropFloating, type ParsedImageFile, parseImageFile, pointFloating } from "./image-file.ts";
import { parseWithdrawalBlock, type WithdrawalBlock } from "./machine-block.ts";
import { faultError } from "./manifest-tree.ts";
import { planWithdrawal, type Withdrawal, type WithdrawalPlan } from "./plan-withdrawal.ts";
import { publicNamesOf } from "./promotion-facts.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { proposeOnBranch, sayLeftAlone, untilBaseRests } from "./propose-on-branch.ts";
import { readHistory } from "./propose-rollback.ts";
import { withdrawalBranch } from "./registry-manifest.ts";
import { formatWithdrawalBody, formatWithdrawalTitle } from "./withdrawal-body.ts";

export interface WithdrawalRequest {
  /** `f40/cockpit` */
  readonly imageRepository: string;
  /** Key in `releases`. */
  readonly release: string;
  readonly reason: string;
  readonly removeTag: boolean;
  /** Release that floating tags move to which point to it; without it the one that users had before. */
  readonly to?: string | undefined;
  readonly requestedBy: string;
}

export interface ProposedWithdrawal {
  readonly outcome: "opened" | "updated" | "unchanged";
  /** The registry-manifest repository. */
  readonly repository: string;
  readonly branch: string;
  readonly number: number;
  readonly head: string;
  readonly imageRepository: string;
  /** Everything that the pull request withdraws. */
  readonly releases: readonly string[];
}

const mostEntries = 10;

/**
 * Opens the pull request that adds a release to `withdrawn`, or adds it to the one that is open for the image: an earlier wish is not lost by a
 * later one, and the same one changes nothing. Throws `promotion.image-unknown`, `promotion.release-unknown`, `promotion.release-withdrawn`,
 * `promotion.already-withdrawn`, `promotion.policy-invalid`, `promotion.file-invalid`, `promotion.branches-taken` (for people) and
 * `promotion.base-moves` (transient).
 */
export async function proposeWithdrawal(ports: PromotionPorts, request: WithdrawalRequest): Promise<ProposedWithdrawal> {
  const { imageRepository, release, reason, removeTag, to, requestedBy } = request;
  const wish: Withdrawal = { release, reason: cleanReason(reason), by: requestedBy, removeTag, ...(to === undefined ? {} : { to }) };
  const what = `the withdrawal of ${imageRepository.slice(0, 255)}`;
  const placed = await untilBaseRests(what, async () => {
    const draft = await readImageAtHead(ports, imageRepository);
    // Wrong wishes are told before anything else is looked at.
    planWithdrawal(draft.parsed, [], [wish]);
    return await placeWithdrawal(ports, draft, (old) => addWish(draft.parsed, old, wish));
  });
  if (placed) return placed;
  throw appError("promotion.already-withdrawn", `${imageRepository}:${release} is withdrawn already`, { hint: "There is nothing to do" });
}

/** An open withdrawal after main changed its file: what main does not have yet is computed anew. Undefined = nothing is left of it. */
export async function refreshWithdrawal(ports: PromotionPorts, block: WithdrawalBlock): Promise<ProposedWithdrawal | undefined> {
  return await untilBaseRests(`the withdrawal of ${block.repository}`, async () => {
    const draft = await readImageAtHead(ports, block.repository);
    return await placeWithdrawal(ports, draft, (old) => openEntries(draft.parsed, old ?? block));
  });
}

/** Wishes of an open pull request that main has not fulfilled yet. */
function openEntries({ value }: ParsedImageFile, block: WithdrawalBlock | undefined): readonly Withdrawal[] {
  return (block?.entries ?? []).filter((entry) => value.releases[entry.release] && !value.withdrawn?.[entry.release]);
}

/** Whoever asked first for the same stays; another reason takes the place of the former. */
function addWish(parsed: ParsedImageFile, block: WithdrawalBlock | undefined, wish: Withdrawal): readonly Withdrawal[] {
  const open = openEntries(parsed, block);
  const same = open.find((one) => one.release === wish.release);
  if (same && same.reason === wish.reason && same.removeTag === wish.removeTag && same.to === wish.to) return open;
  const all = [...open.filter((one) => one.release !== wish.release), wish];
  if (all.length <= mostEntries) return all;
  const hint = "Merge or close the open one first";
  throw appError("promotion.branches-taken", `one pull request withdraws at most ${mostEntries} releases`, { hint });
}

async function placeWithdrawal(
  ports: PromotionPorts,
  draft: ImageAtHead,
  entriesOf: (old: WithdrawalBlock | undefined) => readonly Withdrawal[],
): Promise<ProposedWithdrawal | "base-moved" | undefined> {
  const { forge, settings } = ports;
  const { base, path, imageRepository, parsed, routes } = draft;
  const history = await readHistory(ports, base, path);
  const files = await forge.listFiles(settings.repository, base, "images");
  const baseBlob = files.find((file) => file.path === path)?.blob ?? null;
  const publicNames = publicNamesOf(ports, routes, imageRepository);
  let releases: readonly string[] = [];
  const placed = await proposeOnBranch(ports, {
    imageRepository,
    base,
    branchOf: (number) => withdrawalBranch(imageRepository, number),
    parseBlock: parseWithdrawalBlock,
    async make(old, personOwned) {
      const entries = entriesOf(old);
      const [first] = entries;
      if (!first) return undefined;
      const plan = planWithdrawal(parsed, history, entries);
      releases = entries.map((entry) => entry.release);
      const block: WithdrawalBlock = {
        ...{ schema: 1, repository: imageRepository, entries: [...entries], baseBlob },
        requestedBy: old?.requestedBy ?? first.by,
      };
      const title = formatWithdrawalTitle(imageRepository, releases);
      const most = Math.min(mostSummary, forge.capabilities.maxBodyLength);
      const body = formatWithdrawalBody({ plan, publicNames, personOwned, block }, most);
      return { files: { [path]: writeWithdrawal(path, parsed, plan) }, commitMessage: `${title}\n`, title, body };
    },
  });
  if (placed === undefined || placed === "base-moved") return placed;
  await sayLeftAlone(ports, placed, `The withdrawal of ${releases.map((one) => escapeCode(one)).join(", ")}`);
  const { outcome, branch, number, head } = placed;
  return { outcome, repository: settings.repository, branch, number, head, imageRepository, releases };
}

/** Exported for tests of the text alone. Pure. */
export function writeWithdrawal(path: string, parsed: ParsedImageFile, plan: WithdrawalPlan): string {
  const again = (text: string): ParsedImageFile => {
    const written = parseImageFile(path, new TextEncoder().encode(text));
    if (written.ok) return written;
    throw faultError("promotion.file-invalid", written.faults);
  };
  let now = parsed;
  for (const { tag, to } of plan.moves) now = again(pointFloating(now, { tag: to, floating: [tag] }));
  now = again(
    dropFloating(
      now,
      plan.dropped.map((one) => one.tag),
    ),
  );
  const entries = plan.withdrawn.map(({ release, reason, by, removeTag }) => ({
    release,
    reason,
    by,
    ...(removeTag ? { removeTag } : {}),
  }));
  return again(addWithdrawn(now, entries)).text;
}

/** One line without what editors and terminals do not show. */
function cleanReason(text: string): string {
  const clean = text
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, " ")
    .replace(/\s+/g, " ")
    .trim();
  return [...clean].slice(0, 400).join("").slice(0, 500) || "no reason given";
}
