import { randomBytes } from "node:crypto";
import pg from "pg";
import { silentLog } from "../../src/log.ts";
import { startEmbeddedPostgres } from "../../src/store/embedded-postgres.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import type { TestClock } from "./clock.ts";

const template = "flibs_template";

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  /** A store on it, closed with the database. */
  open(clock?: TestClock): Promise<Store>;
  /** Runs one statement as an onlooker. */
  query<Row>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  drop(): Promise<void>;
}

/**
 * A database of a test file's own, cloned from a migrated template in the PostgreSQL that a whole jest run shares (a second of starting
 * is paid once). Drop it in `afterAll`.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const directory = process.env.FLIBS_TEST_POSTGRES;
  if (directory === undefined) throw new Error("jest's global set-up has not run: FLIBS_TEST_POSTGRES is not set");
  // Never stopped here: the process that happened to start it ends before others are through. The global tear-down does it.
  const { url: server } = await startEmbeddedPostgres({ directory, log: silentLog, connections: 200, durable: false });
  const name = `test_${randomBytes(6).toString("hex")}`;
  await onServer(server, async (client) => {
    // One at a time: a template must not be in use while it is cloned.
    await client.query("select pg_advisory_lock(hashtext($1))", [template]);
    const { rowCount } = await client.query("select 1 from pg_database where datname = $1 and datistemplate", [template]);
    if (rowCount === 0) await makeTemplate(client, server);
    await client.query(`create database ${name} template ${template}`);
  });
  const url = within(server, name);
  const stores: Store[] = [];
  const drop = async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    await onServer(server, (client) => client.query(`drop database if exists ${name} with (force)`));
  };
  return {
    url,
    async open(clock) {
      const store = await openStore({ url, log: silentLog, ...(clock ? { now: clock.now } : {}) });
      stores.push(store);
      return store;
    },
    query: (text, values) => onServer(url, async (client) => (await client.query(text, values as unknown[])).rows),
    drop,
    [Symbol.asyncDispose]: drop,
  };
}

/** An empty database, not even migrated. */
export async function emptyDatabase(): Promise<{ readonly url: string; drop(): Promise<void> }> {
  const directory = process.env.FLIBS_TEST_POSTGRES ?? "";
  const { url: server } = await startEmbeddedPostgres({ directory, log: silentLog, connections: 200, durable: false });
  const name = `empty_${randomBytes(6).toString("hex")}`;
  await onServer(server, (client) => client.query(`create database ${name}`));
  return {
    url: within(server, name),
    drop: async () => void (await onServer(server, (client) => client.query(`drop database if exists ${name} with (force)`))),
  };
}

async function makeTemplate(client: pg.Client, server: string): Promise<void> {
  await client.query(`drop database if exists ${template} with (force)`);
  await client.query(`create database ${template}`);
  const store = await openStore({ url: within(server, template), log: silentLog });
  await store.migrate();
  await store.close();
  // Only now a template: a run that was killed in the middle of the migrations leaves none behind.
  await client.query(`alter database ${template} is_template true`);
}

async function onServer<T>(url: string, act: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await act(client);
  } finally {
    await client.end();
  }
}

function within(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}
