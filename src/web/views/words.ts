import { formatAge, formatDuration } from "../../domain/amounts.ts";
import { isBad } from "../../promotion/tag-plan.ts";
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
  flaky: "busy",
  building: "busy",
  running: "busy",
  waiting: "busy",
  queued: "busy",
  pending: "busy",
  open: "busy",
};

export function badge(word: string): Html {
  return html`<span class="badge ${isBad(word) ? "bad" : (tones[word] ?? "idle")}">${word}</span>`;
}

/** How long ago, with the exact time in the element. */
export function age(iso: string, now: Date): Html {
  return html`<time datetime="${iso}" title="${iso}">${formatAge(iso, now.getTime())}</time>`;
}

/** `1 min 12 s` between two times. */
export function duration(from: string, to: string | Date): string {
  return formatDuration((typeof to === "string" ? Date.parse(to) : to.getTime()) - Date.parse(from));
}

export function pullPath(repository: string, number: number): string {
  return `/pulls/${repository.split("/").map(encodeURIComponent).join("/")}/${number}`;
}

export function documentPath(build: string, name: string): string {
  return `/builds/${encodeURIComponent(build)}/documents/${encodeURIComponent(name)}`;
}

export function logPath(run: string, name: string): string {
  return `/builds/${encodeURIComponent(run)}/logs/${encodeURIComponent(name)}`;
}
