import { splitWords } from "./dockerfile-words.ts";
import { innermost, parseList, withoutFlags } from "./instruction-arguments.ts";

/** One `<<NAME` of an instruction, as BuildKit reads it. */
export interface Heredoc {
  readonly name: string;
  /** `<<-`: tabs at the start of its lines do not count. */
  readonly chomp: boolean;
}

const takers = new Set(["RUN", "COPY", "ADD"]);
/** A word that is nothing but a here-document with a plain name; the name may be quoted. */
const plain = /^\d*<<(-?)(?:([A-Za-z_][A-Za-z0-9_.-]*)|"([A-Za-z_][A-Za-z0-9_.-]*)"|'([A-Za-z_][A-Za-z0-9_.-]*)')$/;

/**
 * Here-documents that follow an instruction, in their order. RUN, COPY and ADD take them, also behind ONBUILD; never the JSON form. BuildKit looks
 * for them with \ as escape sign, whatever `# escape=` says (`heredocsFromLine` of `frontend/dockerfile/parser`).
 */
export function findHeredocs(keyword: string, text: string): readonly Heredoc[] {
  if (!text.includes("<<")) return [];
  const inner = innerOf(keyword, text);
  if (inner === undefined) return [];
  return splitWords(inner, "\\").flatMap(({ raw }) => {
    const [, dash, bare, double, single] = plain.exec(raw) ?? [];
    const name = bare ?? double ?? single;
    return name === undefined ? [] : [{ name, chomp: dash === "-" }];
  });
}

/** Why nobody can tell whether an instruction has a here-document, and the smallest fix. */
export interface UnclearHeredoc {
  readonly message: string;
  readonly fix: string;
}

/**
 * Why `<<` in an instruction may begin a here-document for one reader and none for another. BuildKit takes any rest of the word for its name, the
 * shell only a part of it. Where its lexer finds a fault (a quote that is never closed, a substitution that it does not know) BuildKit drops the
 * fault, and all here-documents of the line with it; its releases differ in which substitutions they know, and in whether a blank may stand before
 * the name. Here-strings (`<<<`) and quoted text are clear.
 */
export function findUnclearHeredoc(keyword: string, text: string, escapeSign: string): UnclearHeredoc | undefined {
  if (!text.includes("<<")) return undefined;
  const inner = innerOf(keyword, text);
  if (inner === undefined) return undefined;
  const { bare, isClosed } = withoutQuoted(inner);
  if (!/(?<!<)<<(?!<)/.test(bare)) return undefined;
  const word = splitWords(inner, "\\").find(({ raw }) => /^\d*<<-?[^<]/.test(raw) && !plain.test(raw))?.raw;
  const parted = /(?<!<)<<-?(?:\s+\S+|$)/.exec(bare)?.[0];
  const unclear = word ?? parted;
  if (unclear !== undefined) {
    const shown = unclear.length > 120 ? `${unclear.slice(0, 120)}…` : unclear;
    const message = `"${shown}" can be read as a here-document or as something else`;
    return { message, fix: "Use a plain name with a space behind it, as in <<EOF, or write << in quotes" };
  }
  if (escapeSign !== "\\") {
    return { message: `<< can be read in two ways where ${escapeSign} is the escape sign`, fix: "Remove # escape=, or write << in quotes" };
  }
  if (!isClosed) {
    return { message: "<< can be read in two ways beside a quote that is not closed", fix: "Close the quote, or put a \\ in front of it" };
  }
  if (inner.includes("$")) {
    const fix = "Write << in quotes, or leave $ to the lines of the here-document or to a script";
    return { message: "<< can be read in two ways beside a $", fix };
  }
  // Programming languages differ in what is white space.
  if (/[^\S \t]|\u0085/.test(bare)) {
    return { message: "<< can be read in two ways beside unusual white space", fix: "Use plain blanks and tabs" };
  }
  return undefined;
}

/** The text with "" in place of each quoted part, as BuildKit reads quotes; a quote that is never closed stays with all behind it. */
function withoutQuoted(text: string): { readonly bare: string; readonly isClosed: boolean } {
  let bare = "";
  let at = 0;
  while (at < text.length) {
    const character = text[at] as string;
    if (character === "'" || character === '"') {
      const end = endOfQuoted(text, at);
      if (end === undefined) return { bare: bare + text.slice(at), isClosed: false };
      bare += '""';
      at = end;
      continue;
    }
    const length = character === "\\" ? 2 : 1;
    bare += text.slice(at, at + length);
    at += length;
  }
  return { bare, isClosed: true };
}

/** Position behind the quote that closes the one at `start`. */
function endOfQuoted(text: string, start: number): number | undefined {
  const quote = text[start];
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === quote) return at + 1;
    if (text[at] === "\\" && quote === '"') at++;
  }
  return undefined;
}

/** What may have here-documents of an instruction: behind ONBUILD the inner one's arguments. Undefined for all others and for JSON. */
function innerOf(keyword: string, text: string): string | undefined {
  const inner = innermost({ keyword, text });
  return takers.has(inner.keyword) && parseList(withoutFlags(inner.text)) === undefined ? inner.text : undefined;
}
