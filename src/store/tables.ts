import type { ColumnType, Generated, GeneratedAlways } from "kysely";
import type {
  BuildOptions,
  BuildPlan,
  BuildRecord,
  BuildState,
  BuiltImage,
  InstalledRpm,
  PushedParts,
  SuiteResult,
} from "../builds/build-record.ts";
import type { Finding } from "../distgit/finding.ts";
import type { ErrorReport } from "../domain/errors.ts";
import type { ResultData } from "../gating/resultsdb-data.ts";
import type { TestOutcome } from "../gating/test-runner.ts";
import type { StoredDelivery } from "../intake/inbox.ts";
import type { Audit } from "../promotion/audit-store.ts";
import type { ReleaseReport } from "../promotion/release-store.ts";
import type { Ending, RunStatus } from "../workflow/run.ts";
import type { Pack } from "./delivery-packs.ts";

type Moment = ColumnType<Date, Date | undefined, Date>;

export interface RunTable {
  id: string;
  /** Order of starting; runs of one subject take their turns by it. */
  seq: Generated<number>;
  flow: string;
  subject: string;
  intent: unknown;
  request_key: string;
  status: Generated<RunStatus>;
  attempt: Generated<number>;
  waiting_for: string | null;
  error: ErrorReport | null;
  /** How it is going to end: set before `finish` runs, or by whoever cancelled it. */
  ending: Ending | null;
  wake_at: Moment;
  /** Counts leases; a write that names an older one is refused. */
  fence: Generated<number>;
  lease_holder: string | null;
  lease_until: Date | null;
  created_at: Moment;
  started_at: Date | null;
  finished_at: Date | null;
}

export interface JournalTable {
  run: string;
  step: string;
  phase: "run" | "finish";
  /** SQL null: the step had no result. */
  result: unknown;
  started_at: Date;
  finished_at: Date;
}

export interface BuildTable {
  id: string;
  seq: Generated<number>;
  forge: string;
  repository: string;
  branch: string;
  commit: string;
  scratch: boolean;
  requested_by: string;
  pull: number | null;
  stranger: BuildRecord["stranger"] | null;
  architectures: readonly string[] | null;
  options: BuildOptions | null;
  state: Generated<BuildState>;
  nvr_name: string | null;
  nvr_version: string | null;
  nvr_release: string | null;
  /** SQL null: lint has not looked yet. */
  findings: readonly Finding[] | null;
  plan: BuildPlan | null;
  image_repository: string | null;
  /** Null of builds of older releases, and before the plan. */
  unique_tag: string | null;
  digest: string | null;
  error: ErrorReport | null;
  promotion: BuildRecord["promotion"] | null;
  created_at: Moment;
  finished_at: Date | null;
}

export interface BuildImageTable {
  build: string;
  platform: string;
  image: Omit<BuiltImage, "rpms" | "parts">;
  rpms: readonly InstalledRpm[];
  /** Null of builds of older releases. */
  parts: PushedParts | null;
}

export interface BuildDocumentTable {
  build: string;
  name: string;
  seq: Generated<number>;
  media_type: string;
  /** Of the text, in UTF-8. */
  bytes: number;
  /** RFC 1951. */
  content: Buffer;
}

export interface TestResultTable {
  id: Generated<number>;
  build: string;
  suite: string;
  platform: string;
  run: string;
  attempt: number;
  outcome: TestOutcome;
  digest: string | null;
  latest: boolean;
  submitted_at: Date;
  group_id: string;
  data: ResultData;
  /** The first of `data.item`. */
  item: GeneratedAlways<string | null>;
  result: SuiteResult;
}

export interface TestArtifactTable {
  build: string;
  run: string;
  suite: string;
  platform: string;
  attempt: number;
  name: string;
  seq: Generated<number>;
  media_type: string;
  /** Unpacked. */
  bytes: number;
  packing: "none" | "deflate";
  content: Buffer;
  saved_at: Date;
}

export interface LogTable {
  run: string;
  name: string;
  bytes: Generated<number>;
  closed: Generated<boolean>;
  seq: Generated<number>;
  /** When something was last written to it, or it was closed. */
  written_at: Moment;
  /** Its text is gone; `bytes` says how much there was. */
  pruned_at: Date | null;
  /** How often it was started. */
  fence: Generated<number>;
}

export interface LogChunkTable {
  run: string;
  name: string;
  /** Bytes before this chunk. */
  start: number;
  content: Buffer;
  packing: Generated<"none" | "deflate">;
}

export interface DeliveryTable {
  id: string;
  seq: Generated<number>;
  forge: string;
  delivery_id: string;
  headers: ColumnType<StoredDelivery["headers"], string, never>;
  pack: string;
  /** With `length`, in the unpacked pack; null when the pack is this body alone. */
  start: number | null;
  length: number | null;
  status: Generated<StoredDelivery["status"]>;
  outcome: string | null;
  attempt: Generated<number>;
  look_at: Moment;
  received_at: Moment;
}

export interface DeliveryPackTable {
  id: string;
  packing: Pack["packing"];
  bytes: Buffer;
}

export interface CursorTable {
  name: string;
  cursor: string;
}

export interface ReconciledTable {
  repository: string;
  /** Name of the destination in the settings. */
  registry: string;
  path: string;
  blob: string;
  policy_blob: string;
  commit: string;
  at: string;
}

export interface AcceptedDriftTable {
  registry: string;
  image_repository: string;
  tag: string;
  digest: string;
  accepted_by: string;
  accepted_at: Generated<Date>;
}

export interface ReleaseReportTable {
  seq: Generated<number>;
  run: string;
  image_repository: string;
  report: ReleaseReport;
}

export interface AuditTable {
  seq: Generated<number>;
  id: string;
  whole: boolean;
  finished_at: Date;
  audit: Audit;
}

export interface AuditFindingTable {
  registry: string;
  image_repository: string;
  tag: string;
  digest: string;
  state: string;
  message: string;
  pending: boolean;
  first_seen_at: Date;
  seen_at: Date;
  told_at: Date | null;
}

export interface ApprovalTable {
  forge: string;
  repository: string;
  number: number;
  head: string;
  approved_by: string;
  at: Date;
}

export interface PromotionOpeningTable {
  build: string;
  image_repository: string;
  at: Date;
}

export interface HeldPromotionTable {
  image_repository: string;
  build: string;
  built_at: Date;
  why: "namespace-full" | "hour-full" | "unreachable";
  held_at: Date;
  attempt: number;
}

export interface DestinationTagTable {
  tag: string;
  build: string;
  tagged_at: Date;
}

export interface InstallationTable {
  the: Generated<boolean>;
  id: string;
}

export interface WaiverTable {
  id: Generated<number>;
  request_key: string;
  subject_type: string;
  subject_identifier: string;
  testcase: string;
  username: string;
  product_version: string;
  waived: boolean;
  comment: string;
  at: Moment;
  expires_at: Date | null;
}

export interface Tables {
  run: RunTable;
  journal: JournalTable;
  build: BuildTable;
  build_image: BuildImageTable;
  test_result: TestResultTable;
  test_artifact: TestArtifactTable;
  build_document: BuildDocumentTable;
  log: LogTable;
  log_chunk: LogChunkTable;
  delivery: DeliveryTable;
  delivery_pack: DeliveryPackTable;
  cursor: CursorTable;
  reconciled: ReconciledTable;
  release_report: ReleaseReportTable;
  accepted_drift: AcceptedDriftTable;
  installation: InstallationTable;
  approval: ApprovalTable;
  audit: AuditTable;
  audit_finding: AuditFindingTable;
  destination_tag: DestinationTagTable;
  promotion_opening: PromotionOpeningTable;
  held_promotion: HeldPromotionTable;
  waiver: WaiverTable;
}
