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
  // Whoever reads has seen enough, as in `flibs builds | head`: nobody is left to say anything to.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
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
