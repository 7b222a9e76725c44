import type { z } from "zod";

/** An open database transaction; only `store/` can look inside. */
export interface Transaction {
  readonly opaque: unique symbol;
}

/**
 * Given to a flow: does each named thing once. A step with a recorded result gives it back without running again, so a flow is an ordinary
 * function that may be started over at any time. Names are unique in a run and stable across releases; in loops they carry the item
 * (`push linux/amd64`). A second use of a name throws `workflow.step-repeated`.
 */
export interface Step {
  /**
   * An effect outside the database: happens at least once, so it looks before it acts. `key` is the same on each attempt
   * (`<run>/<step>`); `signal` aborts on cancel, lost lease and shutdown. The result is small JSON and is read back through `schema`.
   */
  <T>(name: string, schema: z.ZodType<T>, effect: (key: string, signal: AbortSignal) => Promise<T>): Promise<T>;
  /** A change in the database: happens exactly once, in the same transaction as its journal entry. */
  write<T>(name: string, schema: z.ZodType<T>, change: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** The run's id: what log lines, statuses, pages and messages are joined by. */
  readonly run: string;
}

/** Thrown by a flow that cannot go on yet: no failure. The run is taken up again after `retryAfterMs`, or when something wakes it. */
export class Suspended extends Error {
  readonly waitingFor: string;
  readonly retryAfterMs: number;

  constructor(waitingFor: string, retryAfterMs: number) {
    super(`waiting for ${waitingFor}`);
    this.name = "Suspended";
    this.waitingFor = waitingFor;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Works across test realms. */
export function isSuspended(error: unknown): error is Suspended {
  return error instanceof Error && error.name === "Suspended" && "waitingFor" in error;
}
