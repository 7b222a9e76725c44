import { CompiledQuery, Kysely, PostgresDialect, type RawBuilder, sql } from "kysely";
import pg from "pg";
import { appError } from "../domain/errors.ts";
import type { Log } from "../log.ts";
import { codeOf } from "./error-code.ts";
import type { Tables } from "./tables.ts";

export type Database = Kysely<Tables>;

/** int8 columns are counters far below 2^53; the driver's default of a string would leak into every room. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (id, format) => (id === 20 ? Number : pg.types.getTypeParser(id, format)),
};

/** A client in use. Errors of its connection come out as `store.unavailable`. */
export interface Connection {
  // biome-ignore lint/suspicious/noExplicitAny: the driver's own overloads (text, configuration or cursor) pass through unchanged
  query(...args: [any, any?]): any;
  /** Gives it back; `broken` closes it instead, so that nobody gets a connection in the middle of something. */
  release(broken?: boolean): void;
}

export interface Pool {
  connect(): Promise<Connection>;
  end(): Promise<void>;
}

/** A small pool. Errors of the connection come out as `store.unavailable`, so that a run waits out a database restart. */
export function openConnection(url: string, log: Log, max: number): Database {
  // The dialect uses only connect and end of a pool, and query and release of its clients.
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: openPool(url, log, { max }) as unknown as pg.Pool }) });
}

/** With `pipeline` queries are sent without waiting for the answers to those before them. */
export function openPool(url: string, log: Log, options: { readonly max: number; readonly pipeline?: boolean }): Pool {
  const pool = new pg.Pool({ connectionString: url, application_name: "flibs", connectionTimeoutMillis: 10_000, types, ...options });
  pool.on("error", (error) => log.warn({ error: error.message }, "an idle database connection was lost"));
  return {
    async connect() {
      const client = await pool.connect().catch(translate);
      // Without a listener an error on a connection in use would end the process; the query in flight rejects with it as well.
      if (client.listenerCount("error") === 0)
        client.on("error", (error) => log.warn({ error: error.message }, "a database connection was lost"));
      return {
        query: (...args) => {
          const answer = client.query(...(args as [string, unknown[]])) as unknown;
          return answer instanceof Promise ? answer.catch(translate) : answer;
        },
        release: (broken = false) => client.release(broken),
      };
    },
    end: () => pool.end(),
  };
}

/** PostgreSQL's classes for "not now": connection, resources, shutdown, deadlock; and the socket's own codes. */
const passing = /^(08...|53...|57P0.|40001|40P01|55P03|ECONN.*|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)$/;

function translate(error: unknown): never {
  const code = codeOf(error);
  const words = error instanceof Error ? error.message : String(error);
  if (passing.test(code) || /connection terminated|timeout exceeded when trying to connect|client has encountered/i.test(words)) {
    throw appError("store.unavailable", `the database did not answer: ${words}`, { cause: error, details: { sqlState: code } });
  }
  throw error;
}

/** True for an insert or update that a unique index refused. */
export function isUniqueViolation(error: unknown): boolean {
  return codeOf(error) === "23505";
}

/** Serialises transactions that name the same thing, until their end; the name is hashed, so a rare collision only waits. */
export function lockName(database: Database, name: string): Promise<unknown> {
  return database.executeQuery(CompiledQuery.raw("select pg_advisory_xact_lock(hashtextextended($1, 0))", [name]));
}

/** A JSON parameter. PostgreSQL's jsonb refuses NUL and lone surrogates, which an image's labels may well have. */
export function jsonb<T>(value: T): RawBuilder<T> {
  return sql<T>`${jsonText(value)}::jsonb`;
}

/** The text of such a parameter. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value);
  // Only these escapes can be what PostgreSQL refuses; most values have none, and need not be gone through.
  return /\\u(0000|d[89a-f])/i.test(text) ? JSON.stringify(storable(value)) : text;
}

/** Text that PostgreSQL can hold. */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\uFFFD");
}

function storable(value: unknown): unknown {
  if (typeof value === "string") return storableText(value);
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== "object" || value === null) return value;
  if ("toJSON" in value && typeof value.toJSON === "function") return storable(value.toJSON());
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [storableText(key), storable(member)]));
}
