import { checkAppendOnly, removedReleases } from "./check-image-file.ts";
import { escapeCode } from "./escape.ts";
import type { Fault } from "./fault.ts";
import { type ChangeToCheck, findChanges } from "./find-changes.ts";
import { type ParsedImageFile, parseImageFile } from "./image-file.ts";
import { findImageFile, findPolicy, misplacedFault } from "./manifest-tree.ts";
import { onceEach, planFaults, planName } from "./plan-faults.ts";
import { planRelease, type TagPlan } from "./plan-release.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { type Policy, policyPath, repositoryOfPath } from "./registry-manifest.ts";
import { readReleaseFacts } from "./release-facts.ts";
import { isRevert } from "./revert.ts";
import { type PolicyTrial, tryPolicy } from "./try-policy.ts";

export interface ChangeCheck {
  readonly faults: readonly Fault[];
  /** By file, and destination where a file has several: see `planName`. */
  readonly plans: ReadonlyMap<string, readonly TagPlan[]>;
  /** Changed files that no release reads. */
  readonly ignored: readonly string[];
  /** What is allowed and yet must not be missed; Markdown lines. */
  readonly notices: readonly string[];
  /** Releases that go out of their files, by a revert when there are no faults. */
  readonly removed: readonly string[];
  /** When the policy is changed and no image file. */
  readonly policy?: PolicyTrial;
}

const mostFiles = 100;

/** All faults of a change, and for each image file in order what its release would do. Writes nothing. */
export async function checkChange(ports: PromotionPorts, change: ChangeToCheck): Promise<ChangeCheck> {
  const plans = new Map<string, readonly TagPlan[]>();
  const notices: string[] = [];
  const removed: string[] = [];
  const { changed, faults: behind } = await findChanges(ports, change);
  const faults: Fault[] = [...behind];
  const ignored = changed.filter((path) => path !== policyPath && !path.startsWith("images/"));
  const images = changed.filter((path) => path.startsWith("images/"));
  if (changed.includes(policyPath) && images.length > 0) {
    const fix = "make two pull requests, the one for the policy first";
    const what = images.length === 1 ? images[0] : `${images.length} image files`;
    faults.push({ check: "CK1", file: policyPath, message: `the policy is changed together with ${what}`, fix });
  }
  if (images.length > mostFiles) {
    const fix = `change at most ${mostFiles} at once`;
    faults.push({ check: "CK1", file: images[mostFiles] ?? "", message: `${images.length} image files are changed`, fix });
    return { faults, plans, ignored, notices, removed };
  }
  if (changed.includes(policyPath)) {
    const fresh = await findPolicy(ports, change.head);
    if (!fresh.ok) faults.push(...fresh.faults);
    else if (images.length === 0) {
      const policy = await tryPolicy(ports, change, fresh.policy);
      return { faults: [...faults, ...policy.faults], plans, ignored, notices, removed, policy };
    }
  }
  if (images.length === 0) return { faults, plans, ignored, notices, removed };
  // A change is judged by the base branch's policy, never by one it brings along.
  const policy = await findPolicy(ports, change.baseHead);
  if (!policy.ok) return { faults: [...faults, ...policy.faults], plans, ignored, notices, removed };
  for (const path of images) {
    const found = await checkImage(ports, change, path, policy.policy);
    faults.push(...found.faults);
    notices.push(...found.notices);
    removed.push(...found.removed);
    for (const [name, plan] of found.plans) plans.set(name, plan);
  }
  return { faults, plans, ignored, notices, removed };
}

interface ImageCheck {
  readonly faults: readonly Fault[];
  readonly notices: readonly string[];
  readonly removed: readonly string[];
  readonly plans: ReadonlyMap<string, readonly TagPlan[]>;
}

async function checkImage(ports: PromotionPorts, change: ChangeToCheck, path: string, policy: Policy): Promise<ImageCheck> {
  const only = (...faults: readonly Fault[]): ImageCheck => ({ faults, notices: [], removed: [], plans: new Map() });
  if (repositoryOfPath(path) === undefined) {
    // Taking such a file away mends something.
    return (await ports.forge.findFile(change.repository, change.head, path)) ? only(misplacedFault(path)) : only();
  }
  const base = await readBase(ports, change, path);
  const head = await findImageFile(ports, change.head, path, policy);
  if (!head) {
    if (!base) return only();
    const fix = "put it back; withdraw releases that nobody may use";
    return only({ check: "CK2", file: path, message: "the file is deleted, releases are append-only", fix });
  }
  if (!head.ok) return only(...head.faults);
  const removed = base ? removedReleases(base, head.parsed) : [];
  const reverted = removed.length > 0 && (await isRevert(ports, change, path, head.parsed.text));
  const changedReleases = base ? checkAppendOnly(base, head.parsed, reverted) : [];
  const faults: Fault[] = [...changedReleases];
  const plans = new Map<string, readonly TagPlan[]>();
  for (const route of head.routes) {
    const facts = await readReleaseFacts(ports, change.baseHead, head.parsed, policy, route);
    const plan = planRelease(head.parsed.value, facts);
    plans.set(planName(path, route, head.routes), plan);
    // What git alone shows to be a move needs not be told again by production.
    const told = changedReleases.length > 0 ? plan.filter((one) => one.action !== "tag-move") : plan;
    faults.push(...planFaults(path, head.parsed, told, facts.refusals));
  }
  return { faults: onceEach(faults), notices: base ? noticesOf(path, base, head.parsed) : [], removed, plans };
}

async function readBase(ports: PromotionPorts, change: ChangeToCheck, path: string): Promise<ParsedImageFile | undefined> {
  const bytes = await ports.forge.findFile(change.repository, change.baseHead, path);
  const parsed = bytes && parseImageFile(path, bytes);
  return parsed?.ok ? parsed : undefined;
}

/** What goes out of a file goes out of nobody's registry; what a withdrawal took away comes back. */
function noticesOf(path: string, base: ParsedImageFile, head: ParsedImageFile): readonly string[] {
  const now = head.value;
  const floating = Object.keys(base.value.floating ?? {}).filter((tag) => now.floating?.[tag] === undefined);
  const gone = [...removedReleases(base, head), ...floating.filter((tag) => now.releases[tag] === undefined)];
  const back = Object.keys(base.value.withdrawn ?? {}).filter((tag) => now.releases[tag] && now.withdrawn?.[tag] === undefined);
  const names = (tags: readonly string[]) =>
    tags
      .slice(0, 20)
      .map((tag) => escapeCode(tag))
      .join(", ");
  return [
    ...(gone.length === 0
      ? []
      : [
          `${escapeCode(path, 300)} no longer speaks of ${names(gone)}: what production has under ${gone.length === 1 ? "this name" : "these names"} stays as it is, unmanaged. Nothing is deleted; to stop the use of a release, keep it and add it to ${escapeCode("withdrawn")}.`,
        ]),
    ...(back.length === 0 ? [] : [`**${escapeCode(path, 300)} no longer withdraws ${names(back)}: it is signed and tagged again.**`]),
  ];
}
