import { endsWithin } from "./domain/ends-within.ts";
import type { Log } from "./log.ts";

/** Something that was started and is to end. */
export interface Part {
  /** Stands in the log when it takes long. */
  readonly name: string;
  readonly stop: () => unknown;
  /** How long it may take, in milliseconds; ten seconds when left out. For what has limits of its own that are longer. */
  readonly patienceMs?: number;
}

const usualPatienceMs = 10_000;
/** How long what was stopped may still hold the process. */
const restMs = 3000;
/** Longer than any part takes on a machine that is well. */
const sayAfterMs = 3000;

/**
 * Stops one part after the other, each although another could not be: a database left running would hold the next start up. What does not end in its
 * time is named in the log and left to the end of the process, since a service manager kills what takes a minute or two, and nothing after that part
 * would be stopped at all. Then throws the first error that there was.
 */
export async function stopParts(parts: readonly Part[], log: Log): Promise<void> {
  const problems: unknown[] = [];
  for (const { name, stop, patienceMs = usualPatienceMs } of parts) {
    const ended = (async () => stop())().catch((error: unknown) => problems.push(error));
    const first = Math.min(sayAfterMs, patienceMs);
    if (await endsWithin(ended, first)) continue;
    log.info({ part: name }, "stopping takes long");
    if (!(await endsWithin(ended, patienceMs - first))) log.warn({ part: name, patienceMs }, "what does not stop is left behind");
  }
  if (problems.length > 0) throw problems[0];
}

/**
 * Ends the process, when nothing else does. To be called when everything is written and handed over: what was left behind, or was forgotten, must not
 * keep a stopped service until it is killed.
 */
export function endWithoutRest(log: Log): void {
  const end = setTimeout(() => {
    log.warn({ open: process.getActiveResourcesInfo() }, "what is still open ends with the process");
    process.exit();
  }, restMs);
  // Usually there is nothing, and this alone keeps nobody.
  end.unref();
}
