import { afterAll, beforeAll } from "@jest/globals";
import type { ProposalPlaces } from "../../../src/promotion/proposal-places.ts";
import { proposalPlacesContract } from "../../contract/proposal-places.contract.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";

let database: TestDatabase;
let places: ProposalPlaces;
let at = new Date();

beforeAll(async () => {
  database = await testDatabase();
  places = (await database.open({ now: () => at, advance: () => {} })).places;
});
afterAll(async () => database.drop());

proposalPlacesContract("places in PostgreSQL", () => ({
  places,
  setClock: (text) => {
    at = new Date(text);
  },
}));
