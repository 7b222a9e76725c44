import { isAppError } from "../domain/errors.ts";
import { Suspended } from "../workflow/step.ts";

/** How long a run sleeps before it asks the engine again. */
const engineRetryMs = 15_000;

/** The engine, or the Greenwave that decides, is away: the run waits and says so, however long it takes, and no attempt is used up. */
export async function waitForEngine(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (isAppError(error) && (error.code as string) === "engine.unreachable")
      throw new Suspended(`the engine: ${error.message}`, engineRetryMs);
    if (isAppError(error) && error.code === "gating.greenwave-unavailable")
      throw new Suspended(`the site's Greenwave: ${error.message}`, engineRetryMs);
    throw error;
  }
}
