import { createContext, Script } from "node:vm";

export type Match = { readonly kind: "found" | "absent" | "too-slow" } | { readonly kind: "invalid"; readonly message: string };

/**
 * Looks for a regular expression that whoever opened the pull request has written, in text that their image has printed: both may be made so that
 * matching takes for ever. The time-out of `vm` stops V8's matcher too; no globals of ours are in reach and only strings go in.
 */
export function matchOutput(pattern: string, output: string, timeoutMs: number): Match {
  try {
    new RegExp(pattern, "mu");
  } catch (error) {
    return { kind: "invalid", message: error instanceof Error ? error.message : String(error) };
  }
  const sandbox = createContext(Object.assign(Object.create(null), { pattern, output }), {
    codeGeneration: { strings: false, wasm: false },
  });
  try {
    const found = new Script('new RegExp(pattern, "mu").test(output)').runInContext(sandbox, { timeout: timeoutMs });
    return { kind: found === true ? "found" : "absent" };
  } catch (error) {
    if ((error as { code?: unknown }).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return { kind: "too-slow" };
    return { kind: "invalid", message: error instanceof Error ? error.message : String(error) };
  }
}
