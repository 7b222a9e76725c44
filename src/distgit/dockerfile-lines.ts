import { findHeredocs, type Heredoc } from "./heredoc.ts";

/**
 * A Dockerfile cut into instructions exactly as Docker does it (moby and BuildKit, `frontend/dockerfile/parser`): this decides what counts as
 * FROM, so it must never see fewer instructions than the engine does. The lines of a here-document belong to its instruction, which a builder
 * that knows none would read otherwise: lint refuses here-documents there. Each character remembers where it stood in the file, so that a
 * rewriting touches nothing else.
 */
export interface Instruction {
  /** Upper case. */
  readonly keyword: string;
  /** Everything after the keyword, continuation lines joined, comments between them left out. */
  readonly text: string;
  /** For each character of `text` its offset in the file. */
  readonly offsets: readonly number[];
  /** First and last line, counted from one; here-documents are part of it. */
  readonly line: number;
  readonly lastLine: number;
  /** In the order in which they stand below the instruction. */
  readonly heredocs: readonly Heredoc[];
  /** Lines of the here-documents, terminators too: from, to. Undefined without. */
  readonly body?: readonly [number, number];
  /** Offset of the first character of its first line, and of the first one after its last line's end. */
  readonly start: number;
  readonly end: number;
}

export interface DockerfileLines {
  readonly instructions: readonly Instruction[];
  readonly escapeSign: "\\" | "`";
  /** The last instruction ends in a continuation character with nothing after it. */
  readonly dangling: boolean;
  /** The last instruction's here-document that never ends. */
  readonly unterminated?: Heredoc;
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
  let unterminated: Heredoc | undefined;
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
    const skip = keyword.length + (/^\s*/.exec(joined.slice(keyword.length))?.[0].length ?? 0);
    const text = joined.slice(skip).trimEnd();
    const heredocs = findHeredocs(keyword.toUpperCase(), text);
    const before = i;
    for (const heredoc of heredocs) {
      do i++;
      while (i < lines.length && !endsHeredoc(lines[i]?.text ?? "", heredoc));
      if (i >= lines.length) unterminated ??= heredoc;
    }
    const lastLine = Math.min(i + 1, lines.length);
    instructions.push({
      keyword: keyword.toUpperCase(),
      text,
      offsets: offsets.slice(skip),
      line,
      lastLine,
      heredocs,
      ...(i > before ? { body: [before + 2, lastLine] as const } : {}),
      start: first.start,
      end: lines[lastLine]?.start ?? source.length,
    });
  }
  return { instructions, escapeSign, dangling, ...(unterminated === undefined ? {} : { unterminated }) };
}

function endsHeredoc(text: string, { name, chomp }: Heredoc): boolean {
  return (chomp ? text.replace(/^\t+/, "") : text) === name;
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
