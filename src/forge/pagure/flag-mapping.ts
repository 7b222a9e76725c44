import { createHash } from "node:crypto";
import type { CommitStatus, StatusState } from "../forge.ts";
import type { Flag } from "./schemas.ts";

export type FlagStatus = "pending" | "success" | "failure" | "error" | "canceled";

interface Row {
  readonly status: FlagStatus;
  /** How far it has come; left out while nobody knows. */
  readonly percent?: string;
  /** Stands before the title where the flag's status says too little. */
  readonly lead?: string;
}

/** The one table. Pagure has five words for ten states; whoever reads gets the rest in words, flibs gets it back from the address. */
const mapping: Readonly<Record<StatusState, Row>> = {
  pending: { status: "pending" },
  running: { status: "pending" },
  "waiting-approval": { status: "pending" },
  success: { status: "success", percent: "100" },
  neutral: { status: "success", percent: "100", lead: "Advice: " },
  skipped: { status: "success", percent: "100", lead: "Skipped: " },
  failure: { status: "failure", percent: "0" },
  error: { status: "error", percent: "0" },
  "timed-out": { status: "error", percent: "0", lead: "Timed out: " },
  cancelled: { status: "canceled", percent: "0" },
};
const states = Object.keys(mapping) as readonly StatusState[];

/** Fields of the form; no empty one, since Pagure demands each. */
export interface FlagForm {
  readonly username: string;
  readonly comment: string;
  readonly url: string;
  readonly status: FlagStatus;
  readonly uid: string;
  readonly percent?: string;
}

const longestComment = 255;

/**
 * Pure. `publicUrl` stands in where a status has no page of its own or one that Pagure would refuse. State and key come back from the
 * address's fragment, which no server sees: Pagure gives back no uid, and fewer states than there are.
 */
export function flagFormOf(repository: string, commit: string, status: CommitStatus, publicUrl: string): FlagForm {
  const { status: word, percent, lead = "" } = mapping[status.state];
  const own = status.url !== undefined && isAllowedUrl(status.url) ? new URL(status.url) : undefined;
  const url = own ?? new URL(publicUrl);
  const marks = { state: status.state, ...(own === undefined ? { page: "none" } : {}), ...(status.key ? { run: status.key } : {}) };
  url.hash = `flibs:${new URLSearchParams(marks)}`;
  return {
    username: status.name,
    comment: cut(`${lead}${status.title || status.state}`),
    url: url.href,
    status: word,
    uid: uidOf(repository, commit, status.name),
    ...(percent === undefined ? {} : { percent }),
  };
}

/** Unique over the whole instance for a commit, so the project is in it; 32 characters are all that PostgreSQL's column takes. */
export function uidOf(repository: string, commit: string, name: string): string {
  return createHash("sha256").update(`${repository}|${commit}|${name}`).digest("hex").slice(0, 32);
}

/** Pagure's rule for addresses of flags: http or https, and a host with a dot, `localhost` or an IPv4 address. */
export function isAllowedUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.hash !== "") return false;
  return url.hostname === "localhost" || (url.hostname.includes(".") && !url.hostname.endsWith("."));
}

/** Does the flag show this already? */
export function shows(flag: Flag, form: FlagForm): boolean {
  const percent = flag.percent === null ? undefined : String(flag.percent);
  return flag.status === form.status && flag.comment === form.comment && flag.url === form.url && percent === form.percent;
}

/** The other way round, for listings. A flag that flibs did not write in this form has the nearest state, and no key. */
export function commitStatusOf(flag: Flag): CommitStatus {
  const url = URL.parse(flag.url);
  const marks = new URLSearchParams(url?.hash.startsWith("#flibs:") ? url.hash.slice("#flibs:".length) : "");
  const state = states.find((one) => one === marks.get("state") && mapping[one].status === flag.status) ?? nearest(flag.status);
  const lead = mapping[state].lead ?? "";
  const title = flag.comment.startsWith(lead) ? flag.comment.slice(lead.length) : flag.comment;
  const key = marks.get("run");
  if (url !== null && marks.size > 0) url.hash = "";
  const page = marks.get("page") === "none" ? undefined : (url?.href ?? flag.url);
  return {
    name: flag.username,
    state,
    // What stands for an empty title is none.
    title: title === state ? "" : title,
    summary: "",
    ...(page === undefined ? {} : { url: page }),
    ...(key === null ? {} : { key }),
  };
}

function nearest(status: string): StatusState {
  return states.find((one) => mapping[one].status === status) ?? "neutral";
}

function cut(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= longestComment ? line : `${line.slice(0, longestComment - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}
