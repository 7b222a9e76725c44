/** A word of a command line, quotes and backslashes resolved. */
export interface Word {
  readonly text: string;
  /** Where it stands in the line, quotes included: from, to (exclusive). */
  readonly start: number;
  readonly end: number;
  /** How many letters of `text` come before the first quote or backslash: what is quoted is a value, never an option. */
  readonly bare: number;
}

export type LexedLine =
  | { readonly ok: true; readonly words: readonly Word[] }
  | { readonly ok: false; readonly fault: "unclosed-quote" | "lone-backslash"; readonly start: number; readonly end: number };

/**
 * Words as a POSIX shell parts them (IEEE 1003.1, 2.2 Quoting), and nothing else that a shell does: `'…'` is literal, in `"…"` a backslash
 * stands before `"` or `\`, elsewhere a backslash makes the next letter literal. Words are parted by white space of any kind.
 */
export function lexLine(line: string): LexedLine {
  const words: Word[] = [];
  let at = 0;
  while (at < line.length) {
    if (isBlank(line[at])) {
      at += 1;
      continue;
    }
    const read = readWord(line, at);
    if ("fault" in read) return { ok: false, ...read };
    words.push(read);
    at = read.end;
  }
  return { ok: true, words };
}

function readWord(line: string, start: number): Word | Omit<Extract<LexedLine, { ok: false }>, "ok"> {
  let text = "";
  let bare: number | undefined;
  let at = start;
  for (; at < line.length && !isBlank(line[at]); at += 1) {
    const letter = line[at] ?? "";
    if (letter !== "'" && letter !== '"' && letter !== "\\") {
      text += letter;
      continue;
    }
    bare ??= text.length;
    if (letter === "\\") {
      if (at + 1 === line.length) return { fault: "lone-backslash", start: at, end: at + 1 };
      at += 1;
      text += line[at];
      continue;
    }
    const close = endOfQuote(line, at, letter);
    if (close === undefined) return { fault: "unclosed-quote", start: at, end: line.length };
    const inside = line.slice(at + 1, close);
    text += letter === "'" ? inside : inside.replace(/\\(["\\])/g, "$1");
    at = close;
  }
  return { text, start, end: at, bare: bare ?? text.length };
}

/** Where the quote that opens at `open` is closed. */
function endOfQuote(line: string, open: number, quote: string): number | undefined {
  for (let at = open + 1; at < line.length; at += 1) {
    if (line[at] === quote) return at;
    if (quote === '"' && line[at] === "\\") at += 1;
  }
  return undefined;
}

function isBlank(letter: string | undefined): boolean {
  return letter !== undefined && /\s/.test(letter);
}

/** The text as one word that {@link lexLine} reads back, and never takes for an option. */
export function quoteWord(text: string): string {
  return /^[\w./:@%+,][\w./:@%+,-]*$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
