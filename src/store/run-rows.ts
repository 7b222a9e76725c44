import type { Selectable } from "kysely";
import { isFinal, type JournalEntry, type Run } from "../workflow/run.ts";
import type { RunTable } from "./tables.ts";

/** A row to the run that rooms know. */
export function assembleRun(row: Selectable<RunTable>): Run {
  return {
    id: row.id,
    flow: row.flow,
    subject: row.subject,
    intent: row.intent,
    status: row.status,
    attempt: row.attempt,
    ...(row.waiting_for === null || isFinal(row.status) ? {} : { waitingFor: row.waiting_for }),
    ...(row.error === null ? {} : { error: row.error }),
    ...(row.ending === null ? {} : { ending: row.ending }),
    createdAt: row.created_at.toISOString(),
    ...(row.started_at === null ? {} : { startedAt: row.started_at.toISOString() }),
    ...(row.finished_at === null ? {} : { finishedAt: row.finished_at.toISOString() }),
  };
}

/** SQL null is a step without a result, which JSON null is not. */
export function assembleEntry(row: { step: string; result: unknown; absent: boolean; started_at: Date; finished_at: Date }): JournalEntry {
  return {
    step: row.step,
    result: row.absent ? undefined : row.result,
    startedAt: row.started_at.toISOString(),
    finishedAt: row.finished_at.toISOString(),
  };
}
