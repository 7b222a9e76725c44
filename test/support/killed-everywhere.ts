import type { Flow } from "../../src/workflow/run.ts";
import { Crash, type memoryJournal } from "./memory-journal.ts";

/**
 * Runs a flow to its end while it is killed before and after each step's effect, once each, and taken up again every time. Nobody lists the
 * steps: a new one is a new point. Returns the points, in order.
 */
export async function killedEverywhere<Intent>(
  journal: ReturnType<typeof memoryJournal>,
  flow: Flow<Intent>,
  id: string,
  intent: Intent,
): Promise<{ readonly points: readonly string[]; readonly outcome: unknown }> {
  const points = new Set<string>();
  const run = journal.runOf(id);
  const pass = (point: string) => {
    if (points.has(point)) return;
    points.add(point);
    throw new Crash(point);
  };
  run.before = (step) => pass(`before ${step}`);
  run.after = (step) => pass(`after ${step}`);
  for (;;) {
    const outcome = await journal.attempt(flow, id, intent);
    if (!(outcome instanceof Crash)) return { points: [...points], outcome };
  }
}
