import { createContext, Script } from "node:vm";
import { RE2JS } from "re2js";

export type Found = { readonly kind: "found" | "absent" | "too-slow" } | { readonly kind: "invalid"; readonly message: string };

/**
 * Looks for an expression of Go's `regexp` anywhere in bytes that need not be text, without flags: `^` and `$` are the begin and the end of the whole, `.`
 * is no line end, as in container-structure-test. The engine needs time in proportion to the length of the bytes; times that of the expression, which
 * is why there is a limit as well.
 */
export function searchBytes(expression: string, bytes: Uint8Array, timeoutMs = 1000): Found {
  const found = withinTime(() => RE2JS.compile(expression).test(bytes), timeoutMs);
  if (found.kind !== "ended") return found;
  return { kind: found.value ? "found" : "absent" };
}

/** Why something is no expression of RE2; undefined for one that is. */
export function whyInvalid(expression: string): string | undefined {
  const compiled = withinTime(() => RE2JS.compile(expression).test(""), 500);
  if (compiled.kind === "too-slow") return "it takes too long to read it";
  return compiled.kind === "invalid" ? compiled.message : undefined;
}

type Ended<T> = { readonly kind: "ended"; readonly value: T } | { readonly kind: "too-slow" } | Extract<Found, { kind: "invalid" }>;

/** The time-out of `vm` ends whatever runs below it, ours too; nobody else's code does, so one context is enough for all. */
const below: { call: () => unknown } = { call: () => undefined };
const context = createContext(below);
const script = new Script("call()");

function withinTime<T>(call: () => T, timeoutMs: number): Ended<T> {
  below.call = call;
  try {
    const value = script.runInContext(context, { timeout: timeoutMs }) as T;
    return { kind: "ended", value };
  } catch (error) {
    if ((error as { code?: unknown }).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return { kind: "too-slow" };
    return { kind: "invalid", message: tidy(error instanceof Error ? error.message : String(error)) };
  }
}

/** "error parsing regexp: invalid escape sequence: `\Z`", with a hint for what other engines have. */
function tidy(message: string): string {
  const short = message
    .replace(/^error parsing regexp: /, "")
    .replaceAll(/\p{Cc}/gu, " ")
    .slice(0, 200);
  const foreign = /`\(\?(?:[=!>]|<[=!])|`\\[1-9]/.test(short);
  return foreign ? `${short} (RE2 has no look-around, no atomic groups and no back-references)` : short;
}
