import { afterAll, beforeAll } from "@jest/globals";
import type { Store } from "../../../src/store/store.ts";
import { waiverStoreContract } from "../../contract/waiver-store.contract.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";

let database: TestDatabase;
let store: Store;
let at = new Date();

beforeAll(async () => {
  database = await testDatabase();
  store = await database.open({ now: () => at, advance: () => {} });
});
afterAll(async () => database.drop());

waiverStoreContract("waivers in PostgreSQL", () => ({
  waivers: store.waivers,
  setClock: (text) => {
    at = new Date(text);
  },
  transaction: (change) => store.transaction(change),
}));
