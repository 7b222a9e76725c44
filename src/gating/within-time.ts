import { createContext, Script } from "node:vm";

export type Ended<T> =
  | { readonly kind: "ended"; readonly value: T }
  | { readonly kind: "too-slow" }
  | { readonly kind: "threw"; readonly error: unknown };

/** The time-out of `vm` ends whatever runs below it, ours too; nobody else's code does, so one context is enough for all. */
const below: { call: () => unknown } = { call: () => undefined };
const context = createContext(below);
const script = new Script("call()");

/** Stops a call on this thread after so many milliseconds, wherever it is: it must not keep anything that others see in between. */
export function withinTime<T>(call: () => T, timeoutMs: number): Ended<T> {
  below.call = call;
  try {
    return { kind: "ended", value: script.runInContext(context, { timeout: timeoutMs }) as T };
  } catch (error) {
    return (error as { code?: unknown }).code === "ERR_SCRIPT_EXECUTION_TIMEOUT" ? { kind: "too-slow" } : { kind: "threw", error };
  }
}
