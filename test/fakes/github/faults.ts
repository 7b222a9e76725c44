import type { Data } from "./state/data.ts";

/**
 * - `502-before`, `502-after`: without the effect, and after it was committed
 * - `500-before`, `503-before`: likewise
 * - `secondary-limit`: 403 with `retry-after`; `429` with `retry-after`
 * - `hang`: never answers, nothing done; `hang-after`: done, and never answers
 * - `reset-before`, `reset-after`: the connection breaks off
 * - `stale`: answers from what was known when the fault was set
 */
export type FaultKind =
  | "502-before"
  | "502-after"
  | "500-before"
  | "503-before"
  | "secondary-limit"
  | "429"
  | "hang"
  | "hang-after"
  | "reset-before"
  | "reset-after"
  | "stale";

export interface Fault {
  readonly kind: FaultKind;
  readonly retryAfterSeconds: number;
  /** For `stale`. Git's refs and objects are not part of it. */
  readonly snapshot: Data | undefined;
}

export interface Faults {
  /** The next `times` calls of an operation (`*` = any) go wrong. */
  next(operationId: string, kind: FaultKind, options?: { readonly times?: number; readonly retryAfterSeconds?: number }): void;
  /** The fault of a call that comes in now; used up by it. */
  take(operationId: string): Fault | undefined;
  /** Faults that were set and have not happened, by operation. */
  pending(): readonly string[];
  clear(): void;
}

export function createFaults(data: Data): Faults {
  let waiting: { readonly operationId: string; readonly fault: Fault }[] = [];
  return {
    next(operationId, kind, { times = 1, retryAfterSeconds = 1 } = {}) {
      const snapshot = kind === "stale" ? structuredClone(data) : undefined;
      for (let i = 0; i < times; i += 1) waiting.push({ operationId, fault: { kind, retryAfterSeconds, snapshot } });
    },
    take(operationId) {
      const found = waiting.find((each) => each.operationId === operationId || each.operationId === "*");
      waiting = waiting.filter((each) => each !== found);
      return found?.fault;
    },
    pending: () => waiting.map(({ operationId }) => operationId),
    clear() {
      waiting = [];
    },
  };
}
