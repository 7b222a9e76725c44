import type { Digest } from "../domain/digest.ts";
import { shortDigest } from "../domain/digest.ts";
import type { ErrorReport } from "../domain/errors.ts";
import type { CommitStatus, Pull } from "../forge/forge.ts";
import { escapeCode, escapeText } from "./escape.ts";
import { type Fault, formatFaults } from "./fault.ts";
import { isBad } from "./plan-release.ts";
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
  if (isIdle(outcome.lines)) return null;
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

export async function reportFaults(ports: PromotionPorts, commit: string, path: string, faults: readonly Fault[]): Promise<null> {
  const text = `Nothing of ${escapeCode(path)} was released.\n\n${formatFaults(faults)}`;
  await setReleaseStatus(
    ports,
    commit,
    repositoryOfPath(path) ?? path,
    "failure",
    `${faults.length} faults, nothing was released`,
    text,
    undefined,
  );
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
  const status = { name: `flibs / release (${imageRepository})`, state, title: title.slice(0, 140), summary };
  await ports.forge.setStatus(ports.settings.repository, commit, url === undefined ? status : { ...status, url });
}

/** Nothing was written and nobody has to look. */
export function isIdle(lines: readonly ReleaseLine[]): boolean {
  return lines.every((line) => (line.what === "ok" && line.signaturesAdded === 0) || line.what === "unmanaged");
}

/** The newest merged pull request that brought this state of the file: by its branch, or by its commits. */
export async function findMergedPull(
  ports: PromotionPorts,
  outcome: Pick<ReleaseOutcome, "commit" | "path" | "imageRepository">,
): Promise<Pull | undefined> {
  const { repository } = ports.settings;
  const branch = promotionBranch(outcome.imageRepository);
  const commits = new Set(await ports.forge.fileHistory(repository, outcome.commit, outcome.path, 5));
  const merged = (await ports.forge.listPulls(repository, "merged")).filter(
    (pull) =>
      pull.headBranch === branch ||
      (pull.headBranch.startsWith(`${branch}-`) && /^\d+$/.test(pull.headBranch.slice(branch.length + 1))) ||
      commits.has(pull.head) ||
      (pull.mergeCommit !== undefined && commits.has(pull.mergeCommit)),
  );
  for (const pull of [...merged].sort((a, b) => b.number - a.number)) {
    if (pull.mergeCommit === undefined || pull.baseBranch !== ports.settings.branch) continue;
    if (pull.mergeCommit === outcome.commit || (await ports.forge.isAncestor(repository, pull.mergeCommit, outcome.commit))) return pull;
  }
  return undefined;
}

/** The table that people find on the pull request. Pure. */
export function formatRelease(outcome: Pick<ReleaseOutcome, "commit" | "imageRepository" | "lines">): string {
  const bad = outcome.lines.some((line) => isBad(line.what));
  const told = outcome.lines.filter((line) => line.what !== "ok" || line.signaturesAdded > 0);
  const head = bad
    ? `**Not everything of ${escapeCode(outcome.imageRepository)} was released.**`
    : `${escapeCode(outcome.imageRepository)} is released.`;
  const rows = told.slice(0, mostLines).map((line) => {
    const how = [`${line.bytesStreamed} bytes copied`, `${line.blobsMounted} blobs mounted`, `${line.signaturesAdded} signatures`].join(
      ", ",
    );
    const digest = escapeCode(shortDigest(line.digest as Digest));
    return `| ${escapeCode(line.tag)} | ${isBad(line.what) ? `**${line.what}**` : line.what} | ${digest} | ${how} | ${escapeText(line.message ?? "", 300)} |`;
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
    `${same === 0 ? "" : `${same} more tags are as they should be. `}Read at ${escapeCode(outcome.commit.slice(0, 12))}.`,
  ].join("\n");
}
