import type { BuildStore } from "../builds/build-record.ts";
import type { DestinationTags } from "../builds/destination-tags.ts";
import type { LogStore } from "../builds/log-store.ts";
import type { TestResults } from "../builds/test-results.ts";
import type { ResultsReader } from "../gating/results-reader.ts";
import type { WaiverStore } from "../gating/waivers.ts";
import type { ApprovalStore } from "../intake/approvals.ts";
import type { CursorStore, InboxStore } from "../intake/inbox.ts";
import type { Log } from "../log.ts";
import type { AuditStore } from "../promotion/audit-store.ts";
import type { ProposalPlaces } from "../promotion/proposal-places.ts";
import type { ReleaseStore } from "../promotion/release-store.ts";
import type { Turns } from "../registry/turns.ts";
import type { WorkflowStore } from "../workflow/journal-store.ts";
import { approvalStore } from "./approvals.ts";
import { auditStore } from "./audits.ts";
import { buildStore } from "./builds.ts";
import { openConnection, openPool, usualQueryMs } from "./connection.ts";
import { cursorStore } from "./cursors.ts";
import { destinationTags } from "./destination-tags.ts";
import { inboxStore } from "./inbox.ts";
import { ensureInstallation } from "./installation.ts";
import { pgBossJobs } from "./jobs.ts";
import { journalStore } from "./journal.ts";
import { logStore } from "./logs.ts";
import { metricsStore } from "./metrics-store.ts";
import { migrate } from "./migrate.ts";
import { isAttended } from "./presence.ts";
import { proposalPlaces } from "./proposal-places.ts";
import { releaseStore } from "./releases.ts";
import { resultsReader } from "./results-reader.ts";
import { testResults } from "./test-results.ts";
import { afterCommit, inTransaction } from "./transaction.ts";
import { databaseTurns } from "./turns.ts";
import { waiverStore } from "./waivers.ts";

/** Everything that is kept, behind the ports of the rooms that keep it. Database outages are `store.unavailable` (transient). */
export interface Store extends WorkflowStore {
  readonly builds: BuildStore;
  readonly logs: LogStore;
  readonly testResults: TestResults;
  readonly results: ResultsReader;
  readonly inbox: InboxStore;
  readonly cursors: CursorStore;
  readonly releases: ReleaseStore;
  readonly audits: AuditStore;
  readonly approvals: ApprovalStore;
  readonly places: ProposalPlaces;
  readonly waivers: WaiverStore;
  readonly destinationTags: DestinationTags;
  readonly metrics: ReturnType<typeof metricsStore>;
  readonly turns: Turns;
  /** What sets this installation's containers apart on an engine: 16 hexadecimal digits, the same for all replicas. */
  ensureInstallation(): Promise<string>;
  /** Does a worker live that works for this database, on whatever machine? */
  isAttended(): Promise<boolean>;
  /** Brings the schema, the job queue's too, up to this release; may be called by many at once. Returns the names of what it applied. */
  migrate(): Promise<readonly string[]>;
  /** May be called twice. */
  close(): Promise<void>;
}

export interface StoreOptions {
  /** `postgres://…` */
  readonly url: string;
  readonly log: Log;
  /** Clock of leases, wake-ups and what is recorded; tests set it. */
  readonly now?: () => Date;
  /** Connections besides the inbox's one, the turns' four, the job queue's three, its listener and the worker's sign of life. */
  readonly connections?: number;
}

/** A group of deliveries holds up those behind it, and their senders wait for ten seconds. */
const deliveryMs = 30_000;

/** Turns of this process that are taken at a time, each on a connection of its own. */
const turnsAtOnce = 4;

/** Connects to a database and brings its schema up to date. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { url, log, now = () => new Date() } = options;
  const database = openConnection(url, log, { max: options.connections ?? 8, queryMs: usualQueryMs });
  const jobs = pgBossJobs(url, log);
  let closed: Promise<void> | undefined;
  const deliveries = openPool(url, log, { max: 1, pipeline: true, queryMs: deliveryMs });
  const turns = openPool(url, log, { max: turnsAtOnce });
  // A connection of its own without a limit, as a change of a large table, or another replica's, takes its time.
  const bringUpToDate = () => migrate(database, () => openConnection(url, log, { max: 1 }), log);
  const inbox = inboxStore(database, deliveries, jobs, now);
  const store: Store = {
    builds: buildStore(database, now),
    logs: logStore(database),
    testResults: testResults(database, now),
    results: resultsReader(database),
    inbox,
    deliveries: inbox.queue,
    cursors: cursorStore(database),
    releases: releaseStore(database),
    audits: auditStore(database),
    approvals: approvalStore(database, now),
    places: proposalPlaces(database, now),
    waivers: waiverStore(database, now),
    destinationTags: destinationTags(database, now),
    metrics: metricsStore(database),
    turns: databaseTurns(turns),
    journal: journalStore(database, url, log, now),
    jobs,
    transaction: (change) => inTransaction(database, change),
    afterCommit,
    ensureInstallation: () => ensureInstallation(database),
    isAttended: () => isAttended(database),
    now,
    async migrate() {
      const applied = await bringUpToDate();
      await jobs.start();
      return applied;
    },
    close() {
      closed ??= deliveries
        .end()
        .then(() => turns.end())
        .then(() => jobs.stop())
        .then(() => database.destroy());
      return closed;
    },
  };
  try {
    await bringUpToDate();
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}
