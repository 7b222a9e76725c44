import { type CommitStatus, isStatusOver } from "../forge/forge.ts";
import { type Ending, isFinal, type Run, type RunStatus } from "../workflow/run.ts";
import { CheckIntent } from "./check-promotion-flow.ts";
import { type Words, wordEnding } from "./check-words.ts";
import { cutTitle } from "./escape.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { promotionStatusName } from "./promotion-status.ts";
import { repositoryOfPath } from "./registry-manifest.ts";
import { ReleaseIntent } from "./release-flow.ts";
import { releaseStatusName, wordReleaseOver } from "./release-report.ts";

const lookBackMs = 24 * 3_600_000;
const mostRuns = 1000;
/** Each costs a question to the forge. */
const mostCommits = 200;
const ended: readonly RunStatus[] = ["done", "failed", "cancelled", "superseded"];
const open: readonly RunStatus[] = ["queued", "running", "waiting"];

/** Where a run says something. */
interface Place {
  readonly repository: string;
  readonly commit: string;
  readonly name: string;
}

/**
 * For a sweep: closes statuses that still show open although the run that said them ended within the last day, as after a forge that took the last
 * word and lost it. What a run says that has not ended is left to it. Returns how many were closed.
 */
export async function repairCheckStatuses(ports: PromotionPorts): Promise<number> {
  const since = new Date(ports.now().getTime() - lookBackMs).toISOString();
  const runs: Run[] = [];
  for (const flow of ["check-promotion", "release"]) {
    runs.push(...(await ports.runs.list({ flow, status: open, limit: mostRuns })));
    const over = await ports.runs.list({ flow, status: ended, limit: mostRuns });
    runs.push(...over.filter((run) => (run.finishedAt ?? "") >= since));
  }
  // Newest first, so the last run of a place is found first.
  const byCommit = new Map<string, { readonly place: Place; readonly run: Run }[]>();
  for (const run of runs) {
    const place = placeOf(run);
    if (!place) continue;
    const key = `${place.repository} ${place.commit}`;
    byCommit.set(key, [...(byCommit.get(key) ?? []), { place, run }]);
  }
  let closed = 0;
  for (const told of [...byCommit.values()].filter((all) => all.some(({ run }) => isFinal(run.status))).slice(0, mostCommits)) {
    closed += await repairCommit(ports, told);
  }
  return closed;
}

async function repairCommit(ports: PromotionPorts, told: readonly { readonly place: Place; readonly run: Run }[]): Promise<number> {
  const [first] = told;
  if (!first) return 0;
  const { repository, commit } = first.place;
  let closed = 0;
  for (const status of await ports.forge.listStatuses(repository, commit)) {
    const here = told.filter(({ place }) => place.name === status.name).map(({ run }) => run);
    if (isStatusOver(status.state) || here.some((run) => !isFinal(run.status))) continue;
    const run = status.key === undefined ? here[0] : here.find((one) => one.id === status.key);
    if (!run) continue;
    await ports.forge.setStatus(repository, commit, closing(ports, status.name, run));
    closed += 1;
  }
  return closed;
}

function closing(ports: PromotionPorts, name: string, run: Run): CommitStatus {
  const { state, title, summary } = wordsOf(run);
  const url = ports.settings.pageOf(run.id);
  return { name, state, title: cutTitle(title), summary, key: run.id, ...(url === undefined ? {} : { url }) };
}

function wordsOf(run: Run): Words {
  const release = run.flow === "release" ? ReleaseIntent.safeParse(run.intent) : undefined;
  return release?.success ? wordReleaseOver(run.id, release.data.path, endingOf(run)) : wordEnding(run.id, endingOf(run));
}

function endingOf(run: Run): Ending {
  if (run.status === "failed" && run.error) return { status: "failed", error: run.error };
  if (run.status === "cancelled" || run.status === "superseded") return { status: run.status, reason: `it was ${run.status}` };
  return { status: "done" };
}

function placeOf(run: Run): Place | undefined {
  const check = run.flow === "check-promotion" ? CheckIntent.safeParse(run.intent) : undefined;
  if (check?.success) return { repository: check.data.repository, commit: check.data.head, name: promotionStatusName };
  const release = run.flow === "release" ? ReleaseIntent.safeParse(run.intent) : undefined;
  if (!release?.success) return undefined;
  const { repository, registry, commit, path } = release.data;
  return { repository, commit, name: releaseStatusName(registry, repositoryOfPath(path) ?? path) };
}
