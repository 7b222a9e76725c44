import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { silentLog } from "../../../src/log.ts";
import { openConnection, openPool } from "../../../src/store/connection.ts";
import { inboxStore } from "../../../src/store/inbox.ts";
import { pgBossJobs } from "../../../src/store/jobs.ts";
import { openPresence } from "../../../src/store/presence.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import { type FreezingProxy, startFreezingProxy } from "../../support/freezing-proxy.ts";

/** The machine of the database has lost its power, and another has taken its address over: what was connected hears nothing any more. */

let database: TestDatabase;
let proxy: FreezingProxy;
/** Through the proxy. */
let url: string;

beforeAll(async () => {
  database = await testDatabase();
});
beforeEach(async () => {
  proxy = await startFreezingProxy(Number(new URL(database.url).port));
  const through = new URL(database.url);
  through.port = String(proxy.port);
  url = through.href;
});
afterEach(async () => proxy[Symbol.asyncDispose]());
afterAll(() => database.drop());

test("a worker shows the database that it lives, also when the one it had told says no more", async () => {
  const presence = await openPresence(url, silentLog, 100);
  const sessions = () =>
    database.query("select pid from pg_locks where locktype = 'advisory' and granted and objid = $1", [presence.holder]);
  try {
    expect(await sessions()).toHaveLength(1);
    proxy.freeze();
    // Here the first session lives on behind the proxy; its lock must not be in the way.
    while ((await sessions()).length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  } finally {
    await presence.close();
  }
}, 30_000);

test("a delivery whose commit is never answered is refused, and the next one is stored", async () => {
  const direct = openConnection(database.url, silentLog, { max: 2 });
  const jobs = pgBossJobs(database.url, silentLog);
  const pool = openPool(url, silentLog, { max: 1, pipeline: true, queryMs: 300 });
  const inbox = inboxStore(direct, pool, jobs, () => new Date());
  const store = (deliveryId: string) => inbox.store({ forge: "github", deliveryId, headers: {}, body: Buffer.from("{}") });
  try {
    expect(await store("before")).toBe("stored");
    proxy.freeze();
    const [one, another] = await Promise.allSettled([store("lost 1"), store("lost 2")]);
    expect([one, another]).toMatchObject([{ reason: { code: "store.unavailable" } }, { value: "stored" }]);
    expect(await store("after")).toBe("stored");
  } finally {
    await Promise.all([pool.end(), jobs.stop(), direct.destroy()]);
  }
}, 30_000);

test("a query that is never answered ends with its connection, in a transaction too", async () => {
  const connection = openConnection(url, silentLog, { max: 1, queryMs: 300 });
  const ask = () => sql<{ one: number }>`select 1 as one`.execute(connection);
  try {
    await ask();
    proxy.freeze();
    await expect(ask()).rejects.toMatchObject({ code: "store.unavailable" });
    expect((await ask()).rows).toEqual([{ one: 1 }]);
    const inTransaction = connection.transaction().execute(async (transaction) => {
      proxy.freeze();
      await sql`select 1`.execute(transaction);
    });
    await expect(inTransaction).rejects.toMatchObject({ code: "store.unavailable" });
    expect((await ask()).rows).toEqual([{ one: 1 }]);
  } finally {
    await connection.destroy();
  }
}, 30_000);
