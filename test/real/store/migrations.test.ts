import { afterEach, beforeEach, expect, test } from "@jest/globals";
import pg from "pg";
import { silentLog } from "../../../src/log.ts";
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
