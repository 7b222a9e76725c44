import type { DecisionAnswer } from "../builds/answer-decision.ts";
import type { BuildStore } from "../builds/build-record.ts";
import type { LogStore } from "../builds/log-store.ts";
import type { TestResults } from "../builds/test-results.ts";
import type { ForgeInbox, ForgePulls, ForgeSources } from "../forge/forge.ts";
import type { GatingPolicy } from "../gating/policy.ts";
import type { ResultsReader } from "../gating/results-reader.ts";
import type { WaiverStore } from "../gating/waivers.ts";
import type { InboxStore } from "../intake/inbox.ts";
import type { Log } from "../log.ts";
import type { AuditStore } from "../promotion/audit-store.ts";
import type { ReleaseStore } from "../promotion/release-store.ts";
import type { ConsumerFiles } from "../signing/consumer-files.ts";
import type { Runs } from "../workflow/run.ts";
import type { Metrics } from "./metrics.ts";
import type { Readiness } from "./readiness.ts";
import type { ServedFiles } from "./served-files.ts";

/** Everything that the web server shows or hands on. It changes nothing but the inbox. */
export interface WebPorts {
  /** By their names in the settings: `POST /hooks/<name>`. */
  readonly inboxes: Readonly<Record<string, Pick<ForgeInbox, "verifyDelivery">>>;
  readonly inbox: Pick<InboxStore, "store">;
  /** Of registries that tell of pushes, by name: `POST /hooks/registry/<name>`. `look` gets repositories and gives the runs that it started. */
  readonly registryHooks: Readonly<
    Record<string, { readonly token: string; look(repositories: readonly string[]): Promise<readonly string[]> }>
  >;
  readonly builds: Pick<BuildStore, "find" | "list" | "listDocuments" | "findDocument">;
  readonly testResults: Pick<TestResults, "listHistory" | "listArtifacts" | "findArtifact">;
  /** `GET /resultsdb/api/v2.0/…` */
  readonly results: ResultsReader;
  readonly logs: Pick<LogStore, "list" | "read">;
  readonly runs: Pick<Runs, "find" | "list" | "journal">;
  readonly releases: Pick<ReleaseStore, "listReports">;
  readonly audits: Pick<AuditStore, "listAudits" | "listFindings">;
  /** Pull requests of the forge; pages for them only where the forge has none. */
  readonly pulls: Pick<ForgePulls, "pullUrl" | "findPull" | "listPulls" | "listComments" | "listStatuses"> & Pick<ForgeSources, "diff">;
  /** By stage: `GET /lookaside/<stage>/…`. */
  readonly lookasides: Readonly<Record<string, ServedFiles>>;
  /** `GET /consumer/…` */
  readonly consumer: ConsumerFiles;
  /** Answers questions in Greenwave's form; `policies` are the operators'. */
  readonly gating: { answer(body: unknown): Promise<DecisionAnswer>; readonly policies: readonly GatingPolicy[] };
  readonly waivers: Pick<WaiverStore, "find" | "list">;
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  readonly log: Log;
}

export interface WebOptions {
  /** `127.0.0.1:8080`, `[::1]:8080`; port 0 takes a free one. */
  readonly listen: string;
  /** Largest delivery, bytes. */
  readonly maxBodyBytes: number;
  /** Bytes of deliveries that have come and are not answered yet, of all together; further senders are asked to come again; 128 MiB, or two of the largest when those are more, when left out. */
  readonly mostBodyBytes?: number;
  /** What addresses start with that are given to others; no slash at the end. */
  readonly publicUrl: string;
  /** Of flibs. */
  readonly version: string;
  /** The registry-manifest repository, whose open pull requests stand on the first page. */
  readonly manifestRepository: string;
  /** Whose repositories are built; pull requests of others than these and of the registry manifests are not shown. */
  readonly namespace: string;
  /** `host[:port]` that users pull from. */
  readonly candidate: string;
  /** The same of each production registry, by its name in the settings. */
  readonly production: Readonly<Record<string, string>>;
  /** How often a live log is looked at; 500 ms when left out. */
  readonly logPollMs?: number;
  /** Live logs at a time; further readers are asked to come again; 200 when left out. */
  readonly maxLiveLogs?: number;
  readonly now: () => Date;
}
