import { deflateRawSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import pg from "pg";
import { silentLog } from "../../../src/log.ts";
import { migrations } from "../../../src/store/migrate.ts";
import { openStore, type Store } from "../../../src/store/store.ts";
import { emptyDatabase } from "../../support/database.ts";

let database: Awaited<ReturnType<typeof emptyDatabase>>;
const stores: Store[] = [];

beforeEach(async () => {
  database = await emptyDatabase();
});

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  await database.drop();
});

async function open(): Promise<Store> {
  const store = await openStore({ url: database.url, log: silentLog });
  stores.push(store);
  return store;
}

test("four replicas that start at once on an empty database all get through", async () => {
  const all = await Promise.all([open(), open(), open(), open()]);
  await Promise.all(all.map((store) => store.migrate()));
  for (const store of all) expect(await store.builds.list({ limit: 1 })).toEqual([]);
});

test("migrating again does nothing", async () => {
  const store = await open();
  expect(await store.migrate()).toEqual([]);
  expect(await store.migrate()).toEqual([]);
});

test("an older release refuses a newer one's database", async () => {
  await open();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query("insert into migration (number, name) values (99, 'from the future')");
  await client.end();
  await expect(open()).rejects.toMatchObject({ code: "store.schema-newer", kind: "input" });
});

test("a database that does not answer is transient", async () => {
  await expect(openStore({ url: "postgres://flibs@127.0.0.1:1/none", log: silentLog })).rejects.toMatchObject({
    code: "store.unavailable",
    kind: "transient",
  });
});

test("deliveries that a release stored before bodies were packed together are still read", async () => {
  await migrateUpTo("findings");
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const text = "insert into delivery (id, forge, delivery_id, headers, packing, body) values ($1, 'github', $1, '{}', $2, $3)";
  await client.query(text, ["plain", "none", Buffer.from("as it was")]);
  await client.query(text, ["packed", "deflate", deflateRawSync(Buffer.from("as it was, packed"))]);
  await client.end();
  const { inbox, deliveries } = await open();
  expect(Buffer.from((await inbox.find("plain"))?.body ?? []).toString()).toBe("as it was");
  expect(Buffer.from((await deliveries.claim("packed", 1000))?.delivery.body ?? []).toString()).toBe("as it was, packed");
  expect(await inbox.store({ forge: "github", deliveryId: "packed", headers: {}, body: Buffer.from("again") })).toBe("duplicate");
});

/** As the release that had `last` as its last migration left an empty database. */
async function migrateUpTo(last: string): Promise<void> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(
    "create table migration (number integer primary key, name text not null, applied_at timestamptz not null default now())",
  );
  for (const [n, { name, statements }] of migrations.entries()) {
    for (const statement of statements) await client.query(statement);
    await client.query("insert into migration (number, name) values ($1, $2)", [n + 1, name]);
    if (name === last) break;
  }
  await client.end();
}
