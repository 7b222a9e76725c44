import { RE2JS } from "re2js";
import { withinTime } from "./within-time.ts";

export type Found = { readonly kind: "found" | "absent" | "too-slow" } | { readonly kind: "invalid"; readonly message: string };

/** What is left for searching, of all tests of a suite: it is work of this process, in which nothing else is done. */
export interface SearchBudget {
  leftMs: number;
}

export function searchBudget(): SearchBudget {
  return { leftMs: 3000 };
}

/**
 * Looks for an expression of Go's `regexp` anywhere in bytes that need not be text, without flags: `^` and `$` are the begin and the end of the whole, `.`
 * is no line end, as in container-structure-test. The engine needs time in proportion to the length of the bytes; times that of the expression, which
 * is why there is a limit as well.
 */
export function searchBytes(expression: string, bytes: Uint8Array, timeoutMs: number): Found {
  const found = withinTime(() => RE2JS.compile(expression).test(bytes), timeoutMs);
  if (found.kind === "threw") return { kind: "invalid", message: tidy(found.error) };
  if (found.kind === "too-slow") return found;
  return { kind: found.value ? "found" : "absent" };
}

/** Why something is no expression of RE2; undefined for one that is. */
export function whyInvalid(expression: string): string | undefined {
  const compiled = withinTime(() => RE2JS.compile(expression).test(""), 500);
  if (compiled.kind === "too-slow") return "it takes too long to read it";
  return compiled.kind === "threw" ? tidy(compiled.error) : undefined;
}

/** "error parsing regexp: invalid escape sequence: `\Z`", with a hint for what other engines have. */
function tidy(error: unknown): string {
  const short = (error instanceof Error ? error.message : String(error))
    .replace(/^error parsing regexp: /, "")
    .replaceAll(/\p{Cc}/gu, " ")
    .slice(0, 200);
  const foreign = /`\(\?(?:[=!>]|<[=!])|`\\[1-9]/.test(short);
  return foreign ? `${short} (RE2 has no look-around, no atomic groups and no back-references)` : short;
}
