import type { CommitStatus, ForgePulls } from "../forge/forge.ts";
import type { JournalEntry, Run, RunStatus, Runs } from "../workflow/run.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BuildRequested } from "./build-record.ts";
import { BuildRequest, Linted } from "./build-schemas.ts";
import { PullIntent, TrustShape } from "./pull-flow.ts";
import { type PullSeen, pullStatusesOf } from "./pull-wording.ts";
import { isBegun, viewOf } from "./say-statuses.ts";
import { isCalledOff } from "./status-view.ts";
import { findSuites, journalledVerdict, TestsIntent } from "./test-flow.ts";
import { testStatusesOf } from "./test-wording.ts";
import { statusesOf } from "./wording.ts";

/** Runs that ended longer ago are let be: what a forge could not be told for a day is told by the next run. */
const unsaidMs = 24 * 3_600_000;
/** Runs that have said their last words are looked at for so long, should the forge have lost them. */
const saidMs = 3_600_000;
const mostRuns = 200;
const finalStatuses: readonly RunStatus[] = ["done", "failed", "cancelled", "superseded"];

export type RepairPorts = Pick<BuildPorts, "builds" | "logs" | "secrets" | "settings"> & {
  readonly forge: (name: string) => Pick<ForgePulls, "listStatuses" | "setStatus">;
};

type RepairRuns = Pick<Runs, "list" | "find" | "journal">;

/** What an ended run should have said, and where. */
interface Words extends Pick<BuildRequested, "forge" | "repository" | "commit"> {
  readonly statuses: readonly CommitStatus[];
  /** It was called off and only takes back what it has begun to say. */
  readonly onlyBegun: boolean;
}

/**
 * Compares what forges show with what the runs that ended lately have to say, and sets what differs: no status stays open after its run, not even
 * when the forge was away for longer than the run's patience. What a newer run says of the same commit is left alone. Returns how many
 * statuses were set; throws the first problem after all other runs were looked at.
 */
export async function repairStatuses(ports: RepairPorts, runs: RepairRuns, now: Date): Promise<number> {
  const lists = await Promise.all(["build", "pull", "test"].map((flow) => runs.list({ flow, status: finalStatuses, limit: mostRuns })));
  // The newest first: what it says is then there, and older runs leave it.
  const ended = lists.flat().sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  let mended = 0;
  let problem: unknown;
  for (const run of ended) {
    try {
      mended += await repairRun(ports, runs, run, now);
    } catch (error) {
      problem ??= error;
    }
  }
  if (problem !== undefined) throw problem;
  return mended;
}

async function repairRun(ports: RepairPorts, runs: RepairRuns, run: Run, now: Date): Promise<number> {
  const ageMs = now.getTime() - Date.parse(run.finishedAt ?? run.createdAt);
  if (ageMs > unsaidMs || run.ending === undefined) return 0;
  const journal = await runs.journal(run.id);
  if (ageMs > saidMs && journal.some((entry) => entry.step === "final status")) return 0;
  const words = await wordsOf(ports, run, journal);
  if (words === undefined || words.statuses.length === 0) return 0;
  const forge = ports.forge(words.forge);
  const there = new Map((await forge.listStatuses(words.repository, words.commit)).map((status) => [status.name, status]));
  let set = 0;
  for (const status of words.statuses) {
    const old = there.get(status.name);
    if (old !== undefined && isSaid(old, status)) continue;
    if (words.onlyBegun && !isBegun(old, status)) continue;
    if (old !== undefined && !(await isOlder(runs, old, run))) continue;
    await forge.setStatus(words.repository, words.commit, status);
    set += 1;
  }
  return set;
}

/** Of the summary forges may keep another text than they were given. */
function isSaid(old: CommitStatus, status: CommitStatus): boolean {
  return old.key === status.key && old.state === status.state && old.title === status.title;
}

/** Said by this run, by an older one, or by a release that named no runs. Whoever it is that flibs does not know is left alone. */
async function isOlder(runs: RepairRuns, { key }: CommitStatus, run: Run): Promise<boolean> {
  if (key === undefined || key === run.id) return true;
  const other = await runs.find(key);
  return other !== undefined && other.createdAt < run.createdAt;
}

async function wordsOf(ports: RepairPorts, run: Run, journal: readonly JournalEntry[]): Promise<Words | undefined> {
  switch (run.flow) {
    case "build":
      return await buildWords(ports, run);
    case "test":
      return await testWords(ports, run, journal);
    case "pull":
      return await pullWords(ports, run, journal);
    default:
      return undefined;
  }
}

async function buildWords(ports: RepairPorts, run: Run): Promise<Words | undefined> {
  const request = BuildRequest.safeParse(run.intent).data;
  const record = await ports.builds.find(run.id);
  if (request === undefined || record === undefined) return undefined;
  return { ...request, statuses: statusesOf(record, await viewOf(ports, run.id, record, endingOf(run))), onlyBegun: false };
}

async function testWords(ports: RepairPorts, run: Run, journal: readonly JournalEntry[]): Promise<Words | undefined> {
  const intent = TestsIntent.safeParse(run.intent).data;
  const record = intent && (await ports.builds.find(intent.build));
  const suites = record && findSuites(record, intent);
  if (record === undefined || suites === undefined) return undefined;
  const view = await viewOf(ports, run.id, record, endingOf(run));
  return { ...record, statuses: testStatusesOf(record, suites, view, journalledVerdict(journal)), onlyBegun: isCalledOff(run.ending) };
}

async function pullWords(ports: RepairPorts, run: Run, journal: readonly JournalEntry[]): Promise<Words | undefined> {
  const pull = PullIntent.safeParse(run.intent).data;
  if (pull === undefined) return undefined;
  const resultOf = (step: string) => journal.find((entry) => entry.step === step)?.result;
  const trust = TrustShape.safeParse(resultOf("trust")).data;
  const findings = Linted.safeParse(resultOf("lint")).data;
  const seen: PullSeen = { ...(trust === undefined ? {} : { trust }), ...(findings === undefined ? {} : { findings }) };
  const { ending } = run;
  // Without findings it found the pull request closed, and had nothing to say.
  if (ending?.status === "done" && findings === undefined) return undefined;
  const view = await viewOf(ports, run.id, { tests: [] }, endingOf(run));
  return { ...pull, commit: pull.head, statuses: pullStatusesOf(pull, seen, view), onlyBegun: isCalledOff(ending) };
}

/** How it was to end: last words that failed make a run fail, not what it was about. */
function endingOf({ ending }: Run) {
  return ending === undefined ? {} : { ending };
}
