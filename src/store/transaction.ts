import type { Transaction } from "../workflow/step.ts";
import type { Database } from "./connection.ts";

/** What hides behind {@link Transaction}: the open database transaction, and what is to be done once it has been committed. */
interface Open {
  readonly database: Database;
  readonly committed: (() => void)[];
}

/** Keyed by the token itself, so that nobody can make a transaction up, and a finished one is forgotten. */
const open = new WeakMap<Transaction, Open>();

/** Runs `change` in one transaction: all of it, or nothing when it throws. */
export async function inTransaction<T>(database: Database, change: (transaction: Transaction) => Promise<T>): Promise<T> {
  const committed: (() => void)[] = [];
  const result = await database.transaction().execute(async (own) => {
    const token = Object.freeze({}) as Transaction;
    open.set(token, { database: own, committed });
    try {
      return await change(token);
    } finally {
      open.delete(token);
    }
  });
  for (const action of committed) action();
  return result;
}

/** The database inside; throws when the transaction has ended, since the write would then stand alone. */
export function unwrap(transaction: Transaction): Database {
  return find(transaction).database;
}

/** Calls `action` after the commit, never when the transaction is rolled back. A hint only: the process may die in between. */
export function afterCommit(transaction: Transaction, action: () => void): void {
  find(transaction).committed.push(action);
}

function find(transaction: Transaction): Open {
  const found = open.get(transaction);
  if (!found) throw new Error("a database transaction was used after its end");
  return found;
}
