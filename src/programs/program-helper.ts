import type { ProgramEnd, ProgramRun } from "./program.ts";
import { runHere } from "./run-here.ts";

/** From the process that this one helps. */
export type HelperRequest = { readonly id: number; readonly run: ProgramRun } | { readonly id: number; readonly stop: true };
export interface HelperAnswer {
  readonly id: number;
  readonly end: ProgramEnd;
}

// run-program.ts holds the other end. Who ends our process group means the one that we help: it ends us, by being gone, when its programs have ended.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

const running = new Map<number, AbortController>();

process.on("message", async (request: HelperRequest) => {
  const { id } = request;
  if ("stop" in request) return running.get(id)?.abort();
  const stopping = new AbortController();
  running.set(id, stopping);
  const end = await runHere(request.run, stopping.signal);
  running.delete(id);
  // Gone: as a child of its own would, the program came to its end, and nobody hears of it.
  if (process.connected) process.send?.({ id, end } satisfies HelperAnswer, () => {});
});
