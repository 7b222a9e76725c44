import { type Html, html } from "../html.ts";

/** Green, red, moving or grey; the word itself always stands beside the colour. */
type Tone = "good" | "bad" | "busy" | "idle";

const tones: Readonly<Record<string, Tone>> = {
  complete: "good",
  done: "good",
  pass: "good",
  success: "good",
  released: "good",
  merged: "good",
  failed: "bad",
  fail: "bad",
  error: "bad",
  failure: "bad",
  lost: "bad",
  "tag-move": "bad",
  drift: "bad",
  building: "busy",
  running: "busy",
  waiting: "busy",
  queued: "busy",
  pending: "busy",
  open: "busy",
};

export function badge(word: string): Html {
  return html`<span class="badge ${tones[word] ?? "idle"}">${word}</span>`;
}

/** `3 min ago`, with the exact time in the element. */
export function age(iso: string, now: Date): Html {
  const seconds = Math.max(0, Math.round((now.getTime() - Date.parse(iso)) / 1000));
  return html`<time datetime="${iso}" title="${iso}">${seconds < 5 ? "just now" : `${roughly(seconds)} ago`}</time>`;
}

function roughly(seconds: number): string {
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** `1 min 12 s` between two times. */
export function duration(from: string, to: string | Date): string {
  const ms = Math.max(0, (typeof to === "string" ? Date.parse(to) : to.getTime()) - Date.parse(from));
  return formatMs(ms);
}

export function formatMs(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}

export function pullPath(repository: string, number: number): string {
  return `/pulls/${repository.split("/").map(encodeURIComponent).join("/")}/${number}`;
}

export function logPath(run: string, name: string): string {
  return `/builds/${encodeURIComponent(run)}/logs/${encodeURIComponent(name)}`;
}
