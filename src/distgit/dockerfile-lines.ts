import { endsHeredoc, heredocsOf } from "./heredoc.ts";

/**
 * A Dockerfile cut into instructions exactly as the builders of Docker Engine do it (moby, `frontend/dockerfile/parser`): this
 * decides what counts as FROM, so it must never see fewer instructions than the engine does. Here-documents are cut as BuildKit does; lint refuses
 * them where a builder does not know them. Each character remembers where it stood in the file, so that a rewriting touches nothing else.
 */
export interface Instruction {
  /** Upper case. */
  readonly keyword: string;
  /** Everything after the keyword, continuation lines joined, comments between them left out. */
  readonly text: string;
  /** For each character of `text` its offset in the file. */
  readonly offsets: readonly number[];
  /** First and last line, counted from one. */
  readonly line: number;
  readonly lastLine: number;
}

export interface DockerfileLines {
  readonly instructions: readonly Instruction[];
  readonly escapeSign: "\\" | "`";
  /** The last instruction ends in a continuation character with nothing after it. */
  readonly dangling: boolean;
}

interface Physical {
  readonly text: string;
  readonly start: number;
}

export function cutDockerfile(source: string): DockerfileLines {
  const lines = physicalLines(source);
  const escapeSign = readEscape(lines);
  const instructions: Instruction[] = [];
  let dangling = false;
  for (let i = 0; i < lines.length; i++) {
    const first = lines[i] as Physical;
    if (isComment(first.text) || first.text.trim() === "") continue;
    const line = i + 1;
    let joined = "";
    const offsets: number[] = [];
    for (let current: Physical | undefined = first, isFirst = true; current !== undefined; current = lines[++i], isFirst = false) {
      if (!isFirst && (isComment(current.text) || current.text.trim() === "")) continue;
      const indent = isFirst ? current.text.length - current.text.trimStart().length : 0;
      const { kept, goesOn } = cutContinuation(current.text, escapeSign);
      for (let at = indent; at < kept; at++) {
        joined += current.text[at];
        offsets.push(current.start + at);
      }
      dangling = goesOn;
      if (!goesOn) break;
    }
    const keyword = /^\S+/.exec(joined)?.[0] ?? "";
    if (keyword === "") continue;
    i = afterHeredocs(lines, i, keyword.toUpperCase(), joined.slice(keyword.length).trim());
    const skip = keyword.length + (/^\s*/.exec(joined.slice(keyword.length))?.[0].length ?? 0);
    instructions.push({
      keyword: keyword.toUpperCase(),
      text: joined.slice(skip).trimEnd(),
      offsets: offsets.slice(skip),
      line,
      lastLine: Math.min(i + 1, lines.length),
    });
  }
  return { instructions, escapeSign, dangling };
}

/** The last line of an instruction that is at `i`, with its here-documents; one that does not end goes to the end of the file, as in BuildKit. */
function afterHeredocs(lines: readonly Physical[], i: number, keyword: string, text: string): number {
  let last = i;
  for (const heredoc of heredocsOf(keyword, text)) {
    do last += 1;
    while (last < lines.length && !endsHeredoc(heredoc, lines[last]?.text ?? ""));
  }
  return last;
}

/** Line ends are `\n` or `\r\n`; a byte order mark is no part of the first line. */
function physicalLines(source: string): readonly Physical[] {
  const lines: Physical[] = [];
  let start = source.startsWith("\uFEFF") ? 1 : 0;
  while (start < source.length) {
    const end = source.indexOf("\n", start);
    const stop = end < 0 ? source.length : end;
    const text = source.slice(start, stop);
    lines.push({ text: text.endsWith("\r") ? text.slice(0, -1) : text, start });
    start = stop + 1;
  }
  return lines;
}

/** `# escape=…` counts among the directives only: before anything else, even before another comment. */
function readEscape(lines: readonly Physical[]): "\\" | "`" {
  for (const { text } of lines) {
    const directive = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S.*)$/.exec(text.trim());
    if (!directive) return "\\";
    if (directive[1]?.toLowerCase() === "escape") return directive[2] === "`" ? "`" : "\\";
  }
  return "\\";
}

function isComment(text: string): boolean {
  return text.trimStart().startsWith("#");
}

function cutContinuation(text: string, escapeSign: string): { readonly kept: number; readonly goesOn: boolean } {
  // No regular expression: /[ \t]+$/ looks at a long run of spaces in the middle of a line once for each of them.
  let end = text.length;
  while (end > 0 && (text[end - 1] === " " || text[end - 1] === "\t")) end -= 1;
  return text[end - 1] === escapeSign ? { kept: end - 1, goesOn: true } : { kept: text.length, goesOn: false };
}
