import type { z } from "zod";
import type { ErrorReport } from "../domain/errors.ts";
import type { Step, Transaction } from "./step.ts";

export type RunStatus = "queued" | "running" | "waiting" | "done" | "failed" | "cancelled" | "superseded";

export function isFinal(status: RunStatus): boolean {
  return status === "done" || status === "failed" || status === "cancelled" || status === "superseded";
}

/** One start of a flow for one subject. */
export interface Run {
  readonly id: string;
  readonly flow: string;
  /** What at most one run at a time works on: `build containers/cockpit f40`, `release f40/cockpit`. */
  readonly subject: string;
  readonly intent: unknown;
  readonly status: RunStatus;
  /** Attempts after transient errors; a crash or a wait does not count. */
  readonly attempt: number;
  readonly waitingFor?: string;
  readonly error?: ErrorReport;
  /** How it was settled or asked that it ends; what went wrong in its last words afterwards is in `error` alone. */
  readonly ending?: Ending;
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

export interface JournalEntry {
  readonly step: string;
  readonly result: unknown;
  readonly startedAt: string;
  readonly finishedAt: string;
}

/** How a run ended, told to {@link Flow.finish}. */
export type Ending =
  | { readonly status: "done" }
  | { readonly status: "failed"; readonly error: ErrorReport }
  | { readonly status: "cancelled" | "superseded"; readonly reason: string };

/**
 * A flow that the worker can run. `finish` runs at the very end whatever happened (free what was reserved, say the last word on the
 * forge); its steps are journalled like the others, under names of their own.
 */
export interface Flow<Intent = unknown> {
  readonly name: string;
  readonly intent: z.ZodType<Intent>;
  run(step: Step, intent: Intent): Promise<void>;
  finish(step: Step, intent: Intent, ending: Ending): Promise<void>;
  /**
   * What to say while a run waits or is retried (engine unreachable, registry down); called outside the journal, may be called often.
   */
  waiting?(run: string, intent: Intent, waitingFor: string): Promise<void>;
}

export interface RunRequest {
  readonly flow: string;
  readonly subject: string;
  readonly intent: unknown;
  /** A second request with the same key returns the first one's run. */
  readonly key: string;
  /** What happens to earlier runs of the same subject: they are superseded, those that have not begun are, or this one waits its turn. */
  readonly whenBusy: "supersede" | "supersede-waiting" | "queue";
}

export interface RunFilter {
  readonly flow?: string;
  /** Exactly this one. */
  readonly subject?: string;
  readonly status?: readonly RunStatus[];
  readonly limit: number;
}

/** Starting and stopping runs; the worker behind it does the work. */
export interface Runs {
  /** Within the given transaction, so that a delivery's row and its run are one. Returns the run's id. */
  start(request: RunRequest, transaction?: Transaction): Promise<string>;
  /** Asks a run to end; returns false when it had ended already. */
  cancel(run: string, reason: string): Promise<boolean>;
  /** Takes a waiting run up at once. */
  wake(run: string): Promise<void>;
  find(run: string): Promise<Run | undefined>;
  /** Newest first. */
  list(filter: RunFilter): Promise<readonly Run[]>;
  journal(run: string): Promise<readonly JournalEntry[]>;
}
