import type { BuildOutcome } from "../engine.ts";
import { failedBuild } from "./build-failure.ts";
import type { Context } from "./context.ts";
import { messageOf, statusOf } from "./docker-client.ts";

/** A build with this context, by either builder: `send` hands the stream to the daemon. Throws what packing it threw, and what `send` throws. */
export async function sendContext(archive: Context, signal: AbortSignal, send: () => Promise<BuildOutcome>): Promise<BuildOutcome> {
  try {
    return await send();
  } catch (error) {
    // An unreadable context closes the request; the reason is here and not in what the daemon makes of it.
    if (archive.stream.destroyed && !signal.aborted) await archive.written;
    if (statusOf(error) === 400) return failedBuild(messageOf(error), undefined, undefined);
    throw error;
  } finally {
    archive.stream.destroy();
    await archive.written.catch(() => {});
  }
}
