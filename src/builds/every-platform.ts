import { appError, isAppError } from "../domain/errors.ts";
import type { Platform } from "../domain/platform.ts";

/**
 * All platforms at once. When one fails for good the others are cancelled: nobody needs them any more, and their slots are others'. When one fails
 * in a way that is tried again, or waits, the others come to their end first, so that the next attempt finds their results. Throws what came first.
 */
export async function everyPlatform<T>(
  platforms: readonly Platform[],
  work: (platform: Platform, cancelled: AbortSignal) => Promise<T>,
): Promise<readonly T[]> {
  const others = new AbortController();
  let first: { readonly error: unknown } | undefined;
  const guarded = async (platform: Platform): Promise<T> => {
    try {
      return await work(platform, others.signal);
    } catch (error) {
      first ??= { error };
      if (isFinal(error) && !others.signal.aborted) {
        first = { error };
        others.abort(appError("workflow.cancelled", `cancelled, since ${platform} failed`));
      }
      throw error;
    }
  };
  const ended = await Promise.allSettled(platforms.map(guarded));
  if (first !== undefined) throw first.error;
  return ended.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
}

/** Trying again would not help. What is no error of ours may be a worker that stops, or a crash: nothing is cancelled for that. */
function isFinal(error: unknown): boolean {
  return isAppError(error) && error.kind !== "transient" && error.code !== "workflow.cancelled";
}
