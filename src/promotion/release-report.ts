import type { Digest } from "../domain/digest.ts";
import { shortDigest } from "../domain/digest.ts";
import type { ErrorReport } from "../domain/errors.ts";
import type { CommitStatus, Pull } from "../forge/forge.ts";
import { cutTitle, escapeCode, escapeText } from "./escape.ts";
import { type Fault, formatFaults } from "./fault.ts";
import { isBad } from "./plan-release.ts";
import { formatSize } from "./promotion-body.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { promotionBranch, repositoryOfPath } from "./registry-manifest.ts";
import type { ReleaseLine } from "./release-store.ts";

export interface ReleaseOutcome {
  readonly commit: string;
  readonly blob: string;
  readonly policyBlob: string;
  readonly path: string;
  readonly imageRepository: string;
  readonly lines: readonly ReleaseLine[];
}

const mostLines = 100;

/** Comment on the pull request that was merged, and a status on the merge commit. Says nothing when there was nothing to do. */
export async function reportRelease(ports: PromotionPorts, run: string, outcome: ReleaseOutcome): Promise<null> {
  const known = (await ports.releases.listReconciled(ports.settings.repository)).get(outcome.path);
  const again = known?.blob === outcome.blob && known.policyBlob === outcome.policyBlob;
  if (isIdle(outcome.lines, again)) return null;
  const pull = await findMergedPull(ports, outcome);
  const text = formatRelease(outcome);
  if (pull) await ports.forge.ensureComment(ports.settings.repository, pull.number, `release ${outcome.path} ${outcome.blob}`, text);
  const bad = outcome.lines.filter((line) => isBad(line.what)).length;
  const title = bad === 0 ? `released ${outcome.imageRepository}` : `${bad} of ${outcome.lines.length} tags not released`;
  await setReleaseStatus(
    ports,
    pull?.mergeCommit ?? outcome.commit,
    outcome.imageRepository,
    bad === 0 ? "success" : "failure",
    title,
    text,
    run,
  );
  return null;
}

/** Status on the merge commit and comment on its pull request: what was merged past the check and is not released, and how to mend it. */
export async function reportFaults(
  ports: PromotionPorts,
  run: string,
  at: { readonly commit: string; readonly blob: string; readonly path: string },
  faults: readonly Fault[],
): Promise<null> {
  const imageRepository = repositoryOfPath(at.path) ?? at.path;
  const text = `**Nothing of ${escapeCode(at.path)} is released.** What was released before stays as it is.\n\n${formatFaults(faults)}`;
  const pull = await findMergedPull(ports, { commit: at.commit, path: at.path, imageRepository });
  if (pull) await ports.forge.ensureComment(ports.settings.repository, pull.number, `release ${at.path} ${at.blob}`, text);
  const title = `${faults.length} ${faults.length === 1 ? "fault" : "faults"}, nothing is released: ${faults[0]?.message ?? ""}`;
  await setReleaseStatus(ports, pull?.mergeCommit ?? at.commit, imageRepository, "failure", title, text, run);
  return null;
}

/** Files that main should not have, or have lost: no release looks at them, so the scan says it, on main's head. */
export async function reportStray(ports: PromotionPorts, commit: string, faults: readonly Fault[]): Promise<null> {
  if (faults.length === 0) return null;
  const status = { name: "flibs / release", state: "failure" as const, title: cutTitle(`${faults[0]?.file}: ${faults[0]?.message}`) };
  await ports.forge.setStatus(ports.settings.repository, commit, { ...status, summary: formatFaults(faults) });
  return null;
}

export async function reportEnding(
  ports: PromotionPorts,
  run: string,
  intent: { readonly path: string; readonly commit: string },
  error: ErrorReport,
): Promise<null> {
  const told = error.kind === "internal" ? "flibs broke a promise; operators find it under this run" : error.message;
  const text = `The release of ${escapeCode(intent.path)} ended early: ${escapeText(told, 1000)}. Run ${escapeCode(run)}.`;
  await setReleaseStatus(ports, intent.commit, repositoryOfPath(intent.path) ?? intent.path, "error", "the release ended early", text, run);
  return null;
}

async function setReleaseStatus(
  ports: PromotionPorts,
  commit: string,
  imageRepository: string,
  state: CommitStatus["state"],
  title: string,
  summary: string,
  run: string | undefined,
): Promise<void> {
  const url = run === undefined ? undefined : ports.settings.pageOf(run);
  const status = { name: `flibs / release (${imageRepository})`, state, title: cutTitle(title), summary };
  await ports.forge.setStatus(ports.settings.repository, commit, url === undefined ? status : { ...status, url });
}

/** Nothing was written and nobody has to look. What is withdrawn or not managed is told once for each state of the file (`again` is false). */
export function isIdle(lines: readonly ReleaseLine[], again: boolean): boolean {
  const told = again ? ["withdrawn", "unmanaged"] : [];
  return lines.every((line) => (line.what === "ok" && line.signaturesAdded === 0) || told.includes(line.what));
}

/** The newest merged pull request that brought this state of the file, by its branch or by its commits; undefined after a push past all of them. */
export async function findMergedPull(
  ports: PromotionPorts,
  outcome: Pick<ReleaseOutcome, "commit" | "path" | "imageRepository">,
): Promise<Pull | undefined> {
  const { repository } = ports.settings;
  const branch = promotionBranch(outcome.imageRepository);
  const [newest, ...older] = await ports.forge.fileHistory(repository, outcome.commit, outcome.path, 5);
  if (newest === undefined) return undefined;
  const commits = new Set([newest, ...older]);
  const merged = (await ports.forge.listPulls(repository, "merged")).filter(
    (pull) =>
      pull.headBranch === branch ||
      (pull.headBranch.startsWith(`${branch}-`) && /^\d+$/.test(pull.headBranch.slice(branch.length + 1))) ||
      commits.has(pull.head) ||
      (pull.mergeCommit !== undefined && commits.has(pull.mergeCommit)),
  );
  for (const pull of [...merged].sort((a, b) => b.number - a.number)) {
    if (pull.mergeCommit === undefined || pull.baseBranch !== ports.settings.branch) continue;
    if (!(await ports.forge.isAncestor(repository, newest, pull.mergeCommit))) return undefined;
    if (pull.mergeCommit === outcome.commit || (await ports.forge.isAncestor(repository, pull.mergeCommit, outcome.commit))) return pull;
  }
  return undefined;
}

/** What it cost, without the noughts. */
function formatHow({ bytesStreamed, blobsMounted, signaturesAdded }: ReleaseLine): string {
  return [
    ...(bytesStreamed === 0 ? [] : [`${formatSize(bytesStreamed)} copied`]),
    ...(blobsMounted === 0 ? [] : [`${blobsMounted} blobs mounted, no bytes`]),
    ...(signaturesAdded === 0 ? [] : [`${signaturesAdded} signatures`]),
  ].join(", ");
}

/** The table that people find on the pull request. Pure. */
export function formatRelease(outcome: Pick<ReleaseOutcome, "commit" | "imageRepository" | "lines">): string {
  const bad = outcome.lines.some((line) => isBad(line.what));
  const told = outcome.lines.filter((line) => line.what !== "ok" || line.signaturesAdded > 0);
  const head = bad
    ? `**Not everything of ${escapeCode(outcome.imageRepository)} was released.**`
    : told.every((line) => line.what === "unmanaged")
      ? `Nothing of ${escapeCode(outcome.imageRepository)} had to be released. Tags that no registry manifest speaks of are left alone.`
      : `${escapeCode(outcome.imageRepository)} is released.`;
  const rows = told.slice(0, mostLines).map((line) => {
    const how = formatHow(line);
    const digest = escapeCode(shortDigest(line.digest as Digest));
    return `| ${escapeCode(line.tag)} | ${isBad(line.what) ? `**${line.what}**` : line.what} | ${digest} | ${how} | ${escapeText(line.message ?? "", 600)} |`;
  });
  const rest = told.length > mostLines ? [`\n… and ${told.length - mostLines} more tags`] : [];
  const same = outcome.lines.length - told.length;
  return [
    head,
    "",
    "| tag | what | digest | how | |",
    "|---|---|---|---|---|",
    ...rows,
    ...rest,
    "",
    `${same === 0 ? "" : `${same === 1 ? "1 more tag is as it should be" : `${same} more tags are as they should be`}. `}Read at ${escapeCode(outcome.commit.slice(0, 12))}.`,
  ].join("\n");
}
