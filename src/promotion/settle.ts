import { errorKind } from "../domain/errors.ts";
import { isSuspended } from "../workflow/step.ts";

/** What is worth another try is thrown for the runner; what is final becomes a result, so that other tags go on. */
export async function settle<T>(signal: AbortSignal, work: () => Promise<T>): Promise<{ value: T } | { failed: string }> {
  try {
    return { value: await work() };
  } catch (error) {
    if (signal.aborted || isSuspended(error) || errorKind(error) === "transient" || errorKind(error) === "stale") throw error;
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}
