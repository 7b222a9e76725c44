import { styleText } from "node:util";

/** Where a command writes. Colours and live lines only where a person looks. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  readonly colours: boolean;
  /** Is standard output a terminal? */
  readonly live: boolean;
  readonly width: number;
}

export function processTerminal(): Terminal {
  const live = process.stdout.isTTY === true;
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    colours: live && !process.env.NO_COLOR,
    live,
    width: process.stdout.columns ?? 120,
  };
}

export type Tone = "good" | "bad" | "busy" | "faint" | "strong";

const styles = { good: "green", bad: "red", busy: "yellow", faint: "gray", strong: "bold" } as const;

export function tint(terminal: Terminal, tone: Tone, text: string): string {
  return terminal.colours ? styleText(styles[tone], text, { validateStream: false }) : text;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;
/** Control characters but line feed and tab, and the marks that turn the reading direction. */
const controls = /[^\P{Cc}\n\t]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Text from images, logs and comments must not steer the reader's terminal: escape sequences and control characters go, \n and \t stay. */
export function plain(text: string): string {
  return text.replace(/\r\n/g, "\n").replace(escapes, "").replace(controls, "");
}

/** Columns padded to the widest cell; the last one is left ragged. Cells are made plain, tones are applied after padding. */
export function formatTable(
  terminal: Terminal,
  header: readonly string[],
  rows: readonly (readonly (string | { readonly text: string; readonly tone: Tone })[])[],
): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === "string" ? { text: cell, tone: undefined } : cell)));
  const clean = cells.map((row) => row.map((cell) => ({ ...cell, text: plain(cell.text).replace(/\s+/g, " ") })));
  const widths = header.map((title, column) => Math.max(title.length, ...clean.map((row) => row[column]?.text.length ?? 0)));
  const pad = (text: string, column: number) => (column === header.length - 1 ? text : text.padEnd(widths[column] ?? 0));
  const head = header.map((title, column) => tint(terminal, "faint", pad(title, column))).join("  ");
  const body = clean.map((row) =>
    row.map((cell, column) => (cell.tone ? tint(terminal, cell.tone, pad(cell.text, column)) : pad(cell.text, column))).join("  "),
  );
  return [head, ...body].map((line) => `${line.trimEnd()}\n`).join("");
}

/** `2m 05s`, `1h 02m`, `350ms`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  const two = (value: number) => String(value).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h ${two(Math.floor((seconds % 3600) / 60))}m`;
}

/** `3m ago`, for people; machines get ISO 8601 with `--json`. */
export function formatAge(at: string, now: number): string {
  const ms = now - Date.parse(at);
  if (ms < 60_000) return "just now";
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)}m ago`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)}h ago`;
  return `${Math.floor(ms / 86_400_000)}d ago`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  return `${(bytes / 1024 ** 3).toFixed(2)} GiB`;
}
