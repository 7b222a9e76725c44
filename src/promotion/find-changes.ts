import type { Fault } from "./fault.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { policyPath } from "./registry-manifest.ts";

/** What is judged: an open pull request, or a merge queue's commit against the commit that it stands on. */
export interface ChangeToCheck {
  readonly repository: string;
  readonly head: string;
  /** Commit of the base branch that `head` would follow. */
  readonly baseHead: string;
  readonly baseBranch: string;
  readonly mergeable: boolean;
}

/** Paths that a merge changes, sorted; and CK10 for those whose text on the branch is not the text that would be merged. */
export interface Changes {
  readonly changed: readonly string[];
  readonly faults: readonly Fault[];
}

/** Above this no fault is written for each file. */
const mostBehind = 20;

/**
 * Decided by the texts where the two histories parted, never by which commit touched a file: a merge that keeps one side's old text (`git
 * merge -s ours`) leaves no commit to be found. With several merge bases a path counts as changed when it differs from any of them, and
 * the branch must be brought up to date where main does too, because git makes the merged text of all.
 */
export async function findChanges(ports: PromotionPorts, change: ChangeToCheck): Promise<Changes> {
  const { forge } = ports;
  const blobs = async (commit: string): Promise<ReadonlyMap<string, string>> =>
    new Map((await forge.listFiles(change.repository, commit, "")).map((file) => [file.path, file.blob]));
  const bases = await forge.listMergeBases(change.repository, change.baseHead, change.head);
  const [main, head] = [await blobs(change.baseHead), await blobs(change.head)];
  // Histories that never met: as if both had begun with nothing.
  const parted: ReadonlyMap<string, string>[] = bases.length === 0 ? [new Map()] : [];
  for (const base of bases) parted.push(base === change.baseHead ? main : await blobs(base));
  const changed: string[] = [];
  const faults: Fault[] = [];
  const behind = (file: string, message: string) =>
    faults.push({ check: "CK10", file, message, fix: `bring the branch up to date with ${change.baseBranch}` });
  const left: string[] = [];
  for (const path of [...new Set([...main.keys(), ...head.keys()])].sort()) {
    if (main.get(path) === head.get(path)) continue;
    if (parted.every((base) => base.get(path) === head.get(path))) continue;
    changed.push(path);
    if (parted.every((base) => base.get(path) === main.get(path))) continue;
    if (faults.length < mostBehind) behind(path, `${change.baseBranch} changed the file after this branch left it`);
    else left.push(path);
  }
  if (left.length > 0) behind(left[0] ?? "", `${change.baseBranch} changed ${left.length} more such files after this branch left them`);
  if (!change.mergeable && faults.length === 0) behind(changed[0] ?? policyPath, `it conflicts with ${change.baseBranch}`);
  return { changed, faults };
}
