import type { TreeFile } from "../forge/forge.ts";
import { checkImageFile } from "./check-image-file.ts";
import type { Fault } from "./fault.ts";
import type { ChangeToCheck } from "./find-changes.ts";
import { findImageFile, findPolicy, type ImageAtCommit } from "./manifest-tree.ts";
import { onceEach, planFaults, planName } from "./plan-faults.ts";
import { planRelease } from "./plan-release.ts";
import { diffPolicy, reachesReleased } from "./policy-change.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { findRoutes, imagePath, type Policy, policyPath, repositoryOfPath } from "./registry-manifest.ts";
import { readReleaseFacts, whateverStands } from "./release-facts.ts";
import { reconciledKey } from "./release-store.ts";
import { isBad, type TagPlan } from "./tag-plan.ts";

/** What became of a pull request's new policy. Every image file of main is either settled, tried, unreadable or left. */
export interface PolicyTrial {
  /** Markdown lines. */
  readonly changes: readonly string[];
  readonly images: number;
  /** Production has all that they say, and this change does not reach what is released. */
  readonly settled: number;
  readonly tried: number;
  /** Files that are out of order on main already, whatever the policy. */
  readonly unreadable: readonly string[];
  /** Not tried: too many, or too slow. */
  readonly left: number;
  readonly faults: readonly Fault[];
  /** Of the files tried; only what a release would do or refuse. */
  readonly plans: ReadonlyMap<string, readonly TagPlan[]>;
}

const mostTried = 500;
const mostFaults = 20;
const mostMs = 120_000;

/**
 * The dry run of a new policy: every image file of main's head is planned under it, because a merge releases again whatever the policy
 * allows from then on. What main's policy finds wrong with a file too is not the pull request's fault, only told. Reads only; throws transient errors.
 */
export async function tryPolicy(ports: PromotionPorts, change: ChangeToCheck, policy: Policy): Promise<PolicyTrial> {
  const old = await findPolicy(ports, change.baseHead);
  const before = old.ok ? old.policy : undefined;
  const { suspects, settled } = await sortFiles(ports, change, before, reachesReleased(before, policy));
  const deadline = ports.now().getTime() + mostMs;
  const faults: Fault[] = [];
  const plans = new Map<string, readonly TagPlan[]>();
  const unreadable: string[] = [];
  let tried = 0;
  for (const path of suspects.slice(0, mostTried)) {
    if (faults.length >= mostFaults || ports.now().getTime() > deadline) break;
    const image = await findImageFile(ports, change.baseHead, path, policy);
    const known = before && (await findImageFile(ports, change.baseHead, path, before));
    const found = await tryImage(ports, change, image, known, policy, before);
    tried += 1;
    faults.push(...found.faults);
    for (const [name, plan] of found.plans) plans.set(name, plan);
    if (found.unreadable) unreadable.push(path);
  }
  const images = suspects.length + settled;
  return { changes: diffPolicy(before, policy), images, settled, tried, unreadable, left: suspects.length - tried, faults, plans };
}

/** Files whose release may change; those that no release was ever finished for come first, they gain most from a weaker policy. */
async function sortFiles(
  ports: PromotionPorts,
  change: ChangeToCheck,
  before: Policy | undefined,
  all: boolean,
): Promise<{ readonly suspects: readonly string[]; readonly settled: number }> {
  const files = await ports.forge.listFiles(change.repository, change.baseHead, "");
  const policyBlob = files.find((file) => file.path === policyPath)?.blob;
  const reconciled = await ports.releases.listReconciled(change.repository);
  const isDone = (file: TreeFile) =>
    before !== undefined &&
    findRoutes(before, repositoryOfPath(file.path) ?? "").every(({ to }) => {
      const known = reconciled.get(reconciledKey(to, file.path));
      return known?.blob === file.blob && known.policyBlob === policyBlob;
    });
  const images = files.filter((file) => repositoryOfPath(file.path) !== undefined);
  const [done, open] = [images.filter(isDone), images.filter((file) => !isDone(file))];
  const suspects = [...open, ...(all ? done : [])].map((file) => file.path);
  return { suspects, settled: images.length - suspects.length };
}

interface Tried {
  readonly faults: readonly Fault[];
  readonly plans: ReadonlyMap<string, readonly TagPlan[]>;
  readonly unreadable?: boolean;
}

async function tryImage(
  ports: PromotionPorts,
  change: ChangeToCheck,
  image: ImageAtCommit | undefined,
  known: ImageAtCommit | undefined,
  policy: Policy,
  before: Policy | undefined,
): Promise<Tried> {
  const plans = new Map<string, readonly TagPlan[]>();
  if (!image) return { faults: [], plans };
  if (!image.ok) {
    const old = new Set(known && !known.ok ? known.faults.map(nameOf) : []);
    const faults = image.faults.filter((fault) => !old.has(nameOf(fault)));
    return faults.length > 0 ? { faults, plans } : { faults, plans, unreadable: true };
  }
  const { parsed, routes } = image;
  const path = imagePath(parsed.value.repository);
  const faults: Fault[] = [];
  for (const route of routes) {
    const facts = await readReleaseFacts(ports, change.baseHead, parsed, policy, route, { wasChecked: whateverStands });
    const plan = planRelease(parsed.value, facts).filter((one) => isTold(one));
    if (plan.length > 0) plans.set(planName(path, route, routes), plan);
    faults.push(...planFaults(path, parsed, plan, facts.refusals));
  }
  // Asked again under main's policy only where something is wrong.
  if (faults.length === 0 || !before || !known?.ok || checkImageFile(known.parsed, before).length > 0)
    return { faults: onceEach(faults), plans };
  const old = new Set<string>();
  for (const route of known.routes) {
    const now = await readReleaseFacts(ports, change.baseHead, known.parsed, before, route, { wasChecked: whateverStands });
    for (const fault of planFaults(path, known.parsed, planRelease(known.parsed.value, now), now.refusals)) old.add(nameOf(fault));
  }
  return { faults: onceEach(faults.filter((fault) => !old.has(nameOf(fault)))), plans };
}

/** Withdrawn and unmanaged tags are the same under any policy. */
function isTold(plan: TagPlan): boolean {
  return ["copy", "tag", "move"].includes(plan.action) || isBad(plan.action);
}

function nameOf(fault: Fault): string {
  return `${fault.check} ${fault.line ?? ""} ${fault.message}`;
}
