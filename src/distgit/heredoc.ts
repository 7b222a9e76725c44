import { splitWords, type Word } from "./dockerfile-words.ts";

/** One `<<NAME` of an instruction, as BuildKit reads it. */
export interface Heredoc {
  readonly name: string;
  /** `<<-`: tabs at the start of its lines do not count. */
  readonly chomp: boolean;
}

const takers = new Set(["RUN", "COPY", "ADD"]);
/** A word that is nothing but a here-document with a plain name; the name may be quoted. */
const plain = /^\d*<<(-?)(?:([A-Za-z_][A-Za-z0-9_.-]*)|"([A-Za-z_][A-Za-z0-9_.-]*)"|'([A-Za-z_][A-Za-z0-9_.-]*)')$/;

/** Here-documents that follow an instruction, in their order. RUN, COPY and ADD take them, also behind ONBUILD; never the JSON form. */
export function findHeredocs(keyword: string, text: string, escapeSign: string): readonly Heredoc[] {
  if (!text.includes("<<")) return [];
  const inner = innerOf(keyword, text);
  if (inner === undefined) return [];
  return splitWords(inner, escapeSign).flatMap(({ raw }) => {
    const [, dash, bare, double, single] = plain.exec(raw) ?? [];
    const name = bare ?? double ?? single;
    return name === undefined ? [] : [{ name, chomp: dash === "-" }];
  });
}

/**
 * The first word with `<<` of which nobody can tell whether it begins a here-document: BuildKit takes any rest of the word for its name, the shell
 * only a part of it, and both may find other words where there are braces and parentheses. Here-strings (`<<<`) and quoted text are clear.
 */
export function findUnclearHeredoc(keyword: string, text: string, escapeSign: string): string | undefined {
  if (!text.includes("<<")) return undefined;
  const inner = innerOf(keyword, text);
  if (inner === undefined) return undefined;
  const words = splitWords(inner, escapeSign);
  const found = words.find(({ raw }) => /^\d*<<-?[^<]/.test(raw) && !plain.test(raw));
  if (found !== undefined) return found.raw;
  // Braces hold words together for BuildKit, and cut them here.
  return words.some(({ raw }) => plain.test(raw)) ? wordWithOpenBrace(words) : undefined;
}

function wordWithOpenBrace(words: readonly Word[]): string | undefined {
  return words.find(({ raw }) => raw.lastIndexOf("${") > raw.lastIndexOf("}"))?.raw;
}

/** What may have here-documents of an instruction: behind ONBUILD the inner one's arguments. Undefined for all others and for JSON. */
function innerOf(keyword: string, text: string): string | undefined {
  const onBuild = keyword === "ONBUILD" ? /^(\S+)\s+/.exec(text) : null;
  const inner = onBuild === null ? keyword : (onBuild[1] ?? "").toUpperCase();
  const rest = onBuild === null ? text : text.slice(onBuild[0].length);
  return takers.has(inner) && !isJsonList(rest) ? rest : undefined;
}

function isJsonList(text: string): boolean {
  const list = text.replace(/^(?:--\S+\s+)+/, "");
  if (!list.startsWith("[")) return false;
  try {
    const parsed: unknown = JSON.parse(list);
    return Array.isArray(parsed) && parsed.every((one) => typeof one === "string");
  } catch {
    return false;
  }
}
