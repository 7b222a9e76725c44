import type { ErrorReport } from "../domain/errors.ts";
import type { CommitStatus, StatusAction, StatusState } from "../forge/forge.ts";
import type { Ending } from "../workflow/run.ts";
import { retryWords } from "./retry-words.ts";
import { cutBytes, escapeMarkdown, inlineCode, lastWords, mostBytes, plainLine } from "./status-text.ts";

/** What a run's statuses depend on beside its record. */
export interface StatusView {
  /** The run that speaks: every status of it has this as its key and links to its page. */
  readonly run: string;
  /** `<publicUrl>/builds`, where each run has its page. */
  readonly pages: string;
  /** Undefined while the run goes on. */
  readonly ending?: Ending;
  /** What the run waits for. */
  readonly waitingFor?: string;
  /** Last words of logs by name (`linux/amd64`, `test smoke linux/amd64`), secrets masked already. */
  readonly tails: Readonly<Record<string, string>>;
}

/** What a run is at. */
export interface Work {
  /** While it runs. */
  readonly title: string;
  /** End of the log that a failure is told with. */
  readonly tail?: string | undefined;
  /** Of {@link retryWords}. */
  readonly again: string;
}

/** By a person or by something newer, and not since anything failed. */
export function isCalledOff(ending: Ending | undefined): boolean {
  return ending?.status === "cancelled" || ending?.status === "superseded";
}

const titleLength = 140;
const cancel: StatusAction = { identifier: "cancel", label: "Cancel", description: "Stop this build" };

/** A status with its link; with its button while the run goes on. */
export function statusOf(name: string, state: StatusState, title: string, text: string, view: StatusView): CommitStatus {
  const url = pageOf(view, view.run);
  const link = `[Steps and log](${url})`;
  const isOpen = view.ending === undefined && (state === "pending" || state === "running");
  return {
    name: plainLine(name, 200),
    state,
    title: plainLine(title, titleLength),
    summary: text === "" ? link : `${cutBytes(text, mostBytes.summary - Buffer.byteLength(link) - 2)}\n\n${link}`,
    url,
    key: view.run,
    ...(isOpen ? { actions: [cancel] } : {}),
  };
}

/** The status of what the run is at: running, waiting, or how it ended. */
export function openStatus(name: string, work: Work, view: StatusView): CommitStatus {
  if (view.waitingFor !== undefined)
    return statusOf(name, "pending", `Waiting for ${view.waitingFor}`, "Nothing is lost; it goes on by itself.", view);
  const { ending } = view;
  if (ending === undefined) return statusOf(name, "running", work.title, "", view);
  switch (ending.status) {
    case "done":
      return statusOf(name, "success", work.title, "", view);
    case "failed":
      return statusOf(name, stateOf(ending.error), titleOf(ending.error), failureText(ending.error, work.tail, work.again), view);
    case "cancelled":
    case "superseded":
      return givenUp(name, ending, work.again, view);
  }
}

/** Never begun, since something before it ended. */
export function unreachedStatus(name: string, view: StatusView): CommitStatus {
  const title = view.ending?.status === "failed" ? "Not reached, since something before it failed" : "Not reached";
  return statusOf(name, "cancelled", title, "", view);
}

/** Is it up to the maintainer, or did flibs or what it stands on fail? */
export function isMaintainers({ kind, code }: ErrorReport): boolean {
  return kind === "input" || (kind === "denied" && !/^(registry|engine|signing)\./.test(code));
}

/** What failed, where, the smallest fix, the last lines of the log, how to try again. An internal error keeps its words for the operators. */
export function failureText(error: ErrorReport, tail: string | undefined, again: string): string {
  if (!isMaintainers(error)) {
    const blame = "flibs, or something it stands on, failed: nothing in your files has to change. The operators can see why.";
    return `${blame} Code: ${inlineCode(error.code)}\n\n${again}`;
  }
  const place = placeOf(error).replace(/: $/, "");
  const lines = [`**What failed**: ${escapeMarkdown(error.message)}`];
  if (place !== "") lines.push(`**Where**: ${inlineCode(place)}`);
  if (error.hint !== undefined) lines.push(`**Fix**: ${escapeMarkdown(error.hint)}`);
  return `${lines.join("\n\n")}${lastWords(tail)}\n\n${again}`;
}

function stateOf(error: ErrorReport): StatusState {
  if (error.code === "builds.timed-out") return "timed-out";
  return isMaintainers(error) ? "failure" : "error";
}

function titleOf(error: ErrorReport): string {
  return isMaintainers(error) ? `${placeOf(error)}${error.message}` : "Infrastructure error: flibs could not go on";
}

function placeOf({ file, line }: ErrorReport): string {
  return file === undefined ? "" : `${file}${line === undefined ? "" : `:${line}`}: `;
}

/** By whom or by what; of another run with a link to it. */
function givenUp(name: string, { status, reason }: Extract<Ending, { reason: string }>, again: string, view: StatusView): CommitStatus {
  const by = /^superseded by (.+)$/s.exec(reason)?.[1];
  if (by !== undefined && isRunId(by)) {
    const text = `[${by}](${pageOf(view, by)}) has taken its place.`;
    return statusOf(name, "cancelled", "Superseded by a newer run", text, view);
  }
  if (by !== undefined) return statusOf(name, "cancelled", `Superseded by ${by}`, "", view);
  if (status === "superseded") return statusOf(name, "cancelled", `Superseded: ${reason}`, "", view);
  return statusOf(name, "cancelled", /^cancelled\b/i.test(reason) ? `C${reason.slice(1)}` : `Cancelled: ${reason}`, again, view);
}

/** As the store makes them: the day, a dash, letters and digits. */
function isRunId(text: string): boolean {
  return /^\d{8}-[0-9a-z]+$/.test(text);
}

function pageOf({ pages }: StatusView, run: string): string {
  return `${pages}/${run}`;
}
