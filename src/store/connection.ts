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

export interface PoolOptions {
  readonly max: number;
  /** Queries are sent without waiting for the answers to those before them. */
  readonly pipeline?: boolean;
  /** How long an answer may take before its connection is given up. Default: for ever, as what waits for a lock or changes the schema needs. */
  readonly queryMs?: number;
}

/** A database whose machine vanished without a word is noticed in half a minute, and not after Linux' two hours. */
export const keptAlive = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 };

/** Far above what our statements take; a database that has not answered by then says no more on this connection. */
export const usualQueryMs = 120_000;

/** A small pool. Errors of the connection come out as `store.unavailable`, so that a run waits out a database restart. */
export function openConnection(url: string, log: Log, options: PoolOptions): Database {
  // The dialect uses only connect and end of a pool, and query and release of its clients.
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: openPool(url, log, options) as unknown as pg.Pool }) });
}

export function openPool(url: string, log: Log, { queryMs, ...options }: PoolOptions): Pool {
  const limit = queryMs === undefined ? {} : { query_timeout: queryMs };
  const usual = { connectionString: url, application_name: "flibs", connectionTimeoutMillis: 10_000, types };
  const pool = new pg.Pool({ ...usual, ...keptAlive, ...limit, ...options });
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
          if (!(answer instanceof Promise)) return answer;
          return answer.catch((error: unknown) => {
            // The driver would wait for the answer still, and for it let the queries behind it wait.
            if (isUnanswered(error)) void client.end();
            return translate(error);
          });
        },
        release: (broken = false) => client.release(broken),
      };
    },
    end: () => pool.end(),
  };
}

/** PostgreSQL's classes for "not now": connection, resources, shutdown, deadlock; and the socket's own codes. */
const passing = /^(08...|53...|57P0.|40001|40P01|55P03|ECONN.*|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)$/;

const passingWords = /connection terminated|timeout exceeded when trying to connect|client has encountered|client was closed/i;

function translate(error: unknown): never {
  const code = codeOf(error);
  const words = error instanceof Error ? error.message : String(error);
  if (passing.test(code) || passingWords.test(words) || isUnanswered(error)) {
    throw appError("store.unavailable", `the database did not answer: ${words}`, { cause: error, details: { sqlState: code } });
  }
  throw error;
}

/** The driver has no code for it. */
function isUnanswered(error: unknown): boolean {
  return error instanceof Error && error.message === "Query read timeout";
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
