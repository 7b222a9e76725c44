import type { Digest } from "../domain/digest.ts";
import { shortDigest } from "../domain/digest.ts";
import type { ErrorReport } from "../domain/errors.ts";
import { type CommitStatus, isStatusOver, type Pull } from "../forge/forge.ts";
import type { Ending } from "../workflow/run.ts";
import type { Words } from "./check-words.ts";
import { cutTitle, escapeCode, escapeText } from "./escape.ts";
import { type Fault, formatFaults } from "./fault.ts";
import { cutLines, fitText, mostSummary } from "./fit-text.ts";
import { formatSize } from "./image-size.ts";
import { findAsker } from "./machine-block.ts";
import { findMergedPull } from "./merged-pull.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { repositoryOfPath } from "./registry-manifest.ts";
import { type ReleaseLine, reconciledKey } from "./release-store.ts";
import { isBad } from "./tag-plan.ts";

export interface ReleaseOutcome {
  /** Name of the destination in the settings. */
  readonly registry: string;
  readonly commit: string;
  readonly blob: string;
  readonly policyBlob: string;
  readonly path: string;
  readonly imageRepository: string;
  readonly lines: readonly ReleaseLine[];
}

const lineCounts = [100, 50, 20, 5, 0] as const;
const faultCounts = [50, 20, 5, 1] as const;

/** Status of a release, on the commit that it was merged with. */
export function releaseStatusName(registry: string, imageRepository: string): string {
  return `flibs / release to ${registry} (${imageRepository})`;
}

/** Comment on the pull request that was merged, and a status on the merge commit. Says nothing when there was nothing to do. */
export async function reportRelease(ports: PromotionPorts, run: string, outcome: ReleaseOutcome): Promise<null> {
  const known = (await ports.releases.listReconciled(ports.settings.repository)).get(reconciledKey(outcome.registry, outcome.path));
  const again = known?.blob === outcome.blob && known.policyBlob === outcome.policyBlob;
  if (isIdle(outcome.lines, again)) return null;
  const pull = await findMergedPull(ports, outcome);
  const text = fitText(longest(ports), lineCounts, (most) => formatRelease(outcome, most, pull && wordAsker(pull)));
  if (pull)
    await ports.forge.ensureComment(
      ports.settings.repository,
      pull.number,
      `release ${outcome.registry} ${outcome.path} ${outcome.blob}`,
      text,
      newsOf(outcome.lines),
    );
  const bad = outcome.lines.filter((line) => isBad(line.what)).length;
  const title =
    bad === 0 ? `released ${outcome.imageRepository} to ${outcome.registry}` : `${bad} of ${outcome.lines.length} tags not released`;
  const commit = pull?.mergeCommit ?? outcome.commit;
  return await setReleaseStatus(
    ports,
    commit,
    outcome.registry,
    outcome.imageRepository,
    bad === 0 ? "success" : "failure",
    title,
    text,
    run,
  );
}

/** Status on the merge commit and comment on its pull request: what was merged past the check and is not released, and how to mend it. */
export async function reportFaults(
  ports: PromotionPorts,
  run: string,
  at: { readonly registry: string; readonly commit: string; readonly blob: string; readonly path: string },
  faults: readonly Fault[],
): Promise<null> {
  const imageRepository = repositoryOfPath(at.path) ?? at.path;
  const head = `**Nothing of ${escapeCode(at.path)} is released.** What was released before stays as it is.`;
  const text = fitText(longest(ports), faultCounts, (most) => `${head}\n\n${formatFaults(faults, most)}`);
  const pull = await findMergedPull(ports, at);
  if (pull) await ports.forge.ensureComment(ports.settings.repository, pull.number, `release ${at.path} ${at.blob}`, text);
  const title = `${faults.length} ${faults.length === 1 ? "fault" : "faults"}, nothing is released: ${faults[0]?.message ?? ""}`;
  return await setReleaseStatus(ports, pull?.mergeCommit ?? at.commit, at.registry, imageRepository, "failure", title, text, run);
}

/** Files that main should not have, or have lost: no release looks at them, so the scan says it, on main's head. */
export async function reportStray(ports: PromotionPorts, run: string, commit: string, faults: readonly Fault[]): Promise<null> {
  if (faults.length === 0) return null;
  const status = { name: "flibs / release", state: "failure" as const, title: cutTitle(`${faults[0]?.file}: ${faults[0]?.message}`) };
  await ports.forge.setStatus(ports.settings.repository, commit, {
    ...status,
    summary: cutLines(formatFaults(faults), mostSummary),
    key: run,
  });
  return null;
}

export async function reportEnding(
  ports: PromotionPorts,
  run: string,
  intent: { readonly registry: string; readonly path: string; readonly commit: string },
  error: ErrorReport,
): Promise<null> {
  const told = error.kind === "internal" ? "flibs broke a promise; operators find it under this run" : error.message;
  const text = `The release of ${escapeCode(intent.path)} ended early: ${escapeText(told, 1000)}. Run ${escapeCode(run)}.`;
  const image = repositoryOfPath(intent.path) ?? intent.path;
  return await setReleaseStatus(ports, intent.commit, intent.registry, image, "error", "the release ended early", text, run);
}

/** While a release waits for a registry or the signer; said where it was started for. */
export async function reportWaiting(
  ports: PromotionPorts,
  run: string,
  intent: { readonly registry: string; readonly path: string; readonly commit: string },
  waitingFor: string,
): Promise<null> {
  const text = `Waiting for ${escapeText(waitingFor, 300)}. The release of ${escapeCode(intent.path)} goes on by itself.`;
  const image = repositoryOfPath(intent.path) ?? intent.path;
  return await setReleaseStatus(ports, intent.commit, intent.registry, image, "pending", `waiting for ${waitingFor}`, text, run);
}

/** The report stands on the merge commit, which may be another one than that where it was said that the release waits. */
export async function closeWaiting(
  ports: PromotionPorts,
  run: string,
  intent: { readonly repository: string; readonly registry: string; readonly path: string; readonly commit: string },
  ending: Ending,
): Promise<null> {
  const image = repositoryOfPath(intent.path) ?? intent.path;
  const statuses = await ports.forge.listStatuses(intent.repository, intent.commit);
  const stands = statuses.find((one) => one.name === releaseStatusName(intent.registry, image));
  if (stands === undefined || isStatusOver(stands.state) || (stands.key !== undefined && stands.key !== run)) return null;
  const { state, title, summary } = wordReleaseOver(run, intent.path, ending);
  return await setReleaseStatus(ports, intent.commit, intent.registry, image, state, title, summary, run);
}

/** Instead of "waiting", when the release is over. Pure. */
export function wordReleaseOver(run: string, path: string, ending: Ending): Words {
  const summary = `The release of ${escapeCode(path)} is over; what it did is told where it was merged. Run ${escapeCode(run)}.`;
  return { ...overWords[ending.status], summary };
}

const overWords = {
  done: { state: "success", title: "done" },
  failed: { state: "failure", title: "not everything was released" },
  cancelled: { state: "cancelled", title: "cancelled" },
  superseded: { state: "cancelled", title: "superseded" },
} as const;

async function setReleaseStatus(
  ports: PromotionPorts,
  commit: string,
  registry: string,
  imageRepository: string,
  state: CommitStatus["state"],
  title: string,
  summary: string,
  run: string,
): Promise<null> {
  const url = ports.settings.pageOf(run);
  const status = {
    name: releaseStatusName(registry, imageRepository),
    state,
    title: cutTitle(title),
    summary: cutLines(summary, mostSummary),
    key: run,
  };
  await ports.forge.setStatus(ports.settings.repository, commit, url === undefined ? status : { ...status, url });
  return null;
}

function longest(ports: PromotionPorts): number {
  return Math.min(mostSummary, ports.forge.capabilities.maxBodyLength);
}

/** Who wanted it, as far as the pull request tells. */
function wordAsker(pull: Pull): string | undefined {
  const asker = findAsker(pull.body);
  if (asker.ours) return asker.requestedBy === undefined ? undefined : `Asked for by ${escapeCode(asker.requestedBy)}.`;
  return `Proposed by ${escapeCode(pull.author)}.`;
}

/** What has to be looked at is told once while it stands: the next look finds the rest done, takes another time, and is at another commit. Pure. */
function newsOf(lines: readonly ReleaseLine[]): string | undefined {
  const bad = lines.filter((line) => isBad(line.what));
  return bad.length === 0 ? undefined : JSON.stringify(bad.map(({ tag, digest, what, message = "" }) => [tag, digest, what, message]));
}

/** Nothing was written and nobody has to look. What is withdrawn or not managed is told once for each state of the file (`again` is false). */
export function isIdle(lines: readonly ReleaseLine[], again: boolean): boolean {
  const told = again ? ["withdrawn", "unmanaged"] : [];
  return lines.every((line) => (line.what === "ok" && line.signaturesAdded === 0) || told.includes(line.what));
}

/** What it cost, without the noughts. */
function formatHow({ bytesStreamed, blobsMounted, bytesMounted = 0, signaturesAdded, ms = 0 }: ReleaseLine): string {
  return [
    ...(bytesStreamed === 0 ? [] : [`${formatSize(bytesStreamed)} copied`]),
    ...(blobsMounted === 0 ? [] : [`${formatSize(bytesMounted)} mounted (${blobsMounted} blobs)`]),
    ...(signaturesAdded === 0 ? [] : [signaturesAdded === 1 ? "1 signature" : `${signaturesAdded} signatures`]),
    ...(ms === 0 ? [] : [`${Math.round(ms)} ms`]),
  ].join(", ");
}

/** The table that people find on the pull request. Pure. */
export function formatRelease(
  outcome: Pick<ReleaseOutcome, "commit" | "registry" | "imageRepository" | "lines">,
  most: number,
  asker?: string,
): string {
  const bad = outcome.lines.some((line) => isBad(line.what));
  const told = outcome.lines.filter((line) => line.what !== "ok" || line.signaturesAdded > 0);
  const head = bad
    ? `**Not everything of ${escapeCode(outcome.imageRepository)} was released to ${outcome.registry}.**`
    : told.every((line) => line.what === "unmanaged")
      ? `Nothing of ${escapeCode(outcome.imageRepository)} had to be released to ${outcome.registry}. Tags that no registry manifest speaks of are left alone.`
      : `${escapeCode(outcome.imageRepository)} is released to ${outcome.registry}.`;
  const rows = told.slice(0, most).map((line) => {
    const how = formatHow(line);
    const digest = escapeCode(shortDigest(line.digest as Digest));
    return `| ${escapeCode(line.tag)} | ${isBad(line.what) ? `**${line.what}**` : line.what} | ${digest} | ${how} | ${escapeText(line.message ?? "", 600)} |`;
  });
  const rest = told.length > most ? [`\n… and ${told.length - most} more tags`] : [];
  const same = outcome.lines.length - told.length;
  return [
    head,
    "",
    "| tag | what | digest | how | |",
    "|---|---|---|---|---|",
    ...rows,
    ...rest,
    "",
    `${same === 0 ? "" : `${same === 1 ? "1 more tag is as it should be" : `${same} more tags are as they should be`}. `}Read at ${escapeCode(outcome.commit.slice(0, 12))}.${asker === undefined ? "" : ` ${asker}`}`,
  ].join("\n");
}
