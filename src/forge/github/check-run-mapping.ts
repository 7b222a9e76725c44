import { cutBytes, cutMarkdown } from "../cut-text.ts";
import type { CommitStatus, StatusState } from "../forge.ts";

/** Status and conclusion that Apps may give; the others of the API are GitHub's own. */
export type RunStatus = "queued" | "in_progress" | "completed";
export type Conclusion = "action_required" | "cancelled" | "failure" | "neutral" | "success" | "skipped" | "timed_out";

/** The one table. GitHub has no word for "not the maintainer's fault": such a failure says so in its title. */
const mapping: Readonly<Record<StatusState, { readonly status: RunStatus; readonly conclusion?: Conclusion }>> = {
  pending: { status: "queued" },
  running: { status: "in_progress" },
  "waiting-approval": { status: "completed", conclusion: "action_required" },
  success: { status: "completed", conclusion: "success" },
  failure: { status: "completed", conclusion: "failure" },
  error: { status: "completed", conclusion: "failure" },
  "timed-out": { status: "completed", conclusion: "timed_out" },
  cancelled: { status: "completed", conclusion: "cancelled" },
  skipped: { status: "completed", conclusion: "skipped" },
  neutral: { status: "completed", conclusion: "neutral" },
};

const errorTitle = "Infrastructure error: ";
/** Bytes of a summary: github/docs#35252. */
const longestSummary = 65_535;
const longestTitle = 255;

/** What a check run of ours shows, as it is sent and as it can be read back. */
export interface RunContent {
  readonly status: RunStatus;
  readonly conclusion: Conclusion | undefined;
  readonly externalId: string;
  readonly detailsUrl: string | undefined;
  readonly title: string;
  readonly summary: string;
}

/** Pure. */
export function runContentOf(status: CommitStatus): RunContent {
  const { status: runStatus, conclusion } = mapping[status.state];
  const title = `${status.state === "error" ? errorTitle : ""}${status.title || status.state}`;
  const detailsUrl = isWebAddress(status.url) ? status.url : undefined;
  return {
    status: runStatus,
    conclusion,
    externalId: status.key ?? "",
    detailsUrl,
    title: cutBytes(title, longestTitle),
    // GitHub demands a summary; where there is nothing to say, the title stands for it.
    summary: status.summary === "" ? cutBytes(title, longestTitle) : cutMarkdown(status.summary, longestSummary, detailsUrl),
  };
}

/** What of a check run's answer is looked at. */
export interface ReadRun {
  readonly id: number | bigint;
  readonly name: string;
  readonly status: string;
  readonly conclusion: string | null;
  readonly external_id: string | null;
  readonly details_url: string | null;
  readonly output: { readonly title: string | null; readonly summary: string | null; readonly annotations_count: number };
  readonly app: { readonly id: number; readonly external_url: string } | null;
}

/** Does it show this already? A key and a page that are not given stay as they are. */
export function shows(run: ReadRun, wanted: RunContent): boolean {
  const { title, summary } = run.output;
  const said = run.status === wanted.status && run.conclusion === (wanted.conclusion ?? null) && title === wanted.title;
  const marked = wanted.externalId === "" || run.external_id === wanted.externalId;
  return said && summary === wanted.summary && marked && (wanted.detailsUrl === undefined || run.details_url === wanted.detailsUrl);
}

/** The other way round, for listings. */
export function commitStatusOf(run: ReadRun): CommitStatus {
  const { title, summary } = { title: run.output.title ?? "", summary: run.output.summary ?? "" };
  // Where we gave no page, GitHub names the App's own.
  const url = run.details_url === null || run.details_url === run.app?.external_url ? undefined : run.details_url;
  const failedItself = run.conclusion === "failure" && title.startsWith(errorTitle);
  return {
    name: run.name,
    state: failedItself ? "error" : stateOf(run),
    title: failedItself ? title.slice(errorTitle.length) : title,
    summary: summary === title ? "" : summary,
    ...(url === undefined ? {} : { url }),
    ...(run.external_id ? { key: run.external_id } : {}),
  };
}

function stateOf({ status, conclusion }: ReadRun): StatusState {
  if (status !== "completed") return status === "in_progress" ? "running" : "pending";
  // GitHub ends a run by itself that nobody completed in a fortnight.
  if (conclusion === "stale") return "timed-out";
  const found = Object.entries(mapping).find(([, one]) => one.conclusion !== undefined && one.conclusion === conclusion);
  return (found?.[0] as StatusState | undefined) ?? "neutral";
}

function isWebAddress(url: string | undefined): url is string {
  const parsed = url === undefined ? null : URL.parse(url);
  return parsed !== null && /^https?:$/.test(parsed.protocol);
}
