import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Store } from "../../../src/store/store.ts";
import { testClock } from "../../support/clock.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";

let database: TestDatabase;
let store: Store;
const clock = testClock();

beforeAll(async () => {
  database = await testDatabase();
  store = await database.open(clock);
});
beforeEach(() => database.query("delete from approval"));
afterAll(async () => database.drop());

const head = "a".repeat(40);
const approval = { forge: "github", repository: "containers/hello", number: 3, head, approvedBy: "alice" };
const approve = (change: Partial<typeof approval> = {}) =>
  store.transaction((transaction) => store.approvals.approve({ ...approval, ...change }, transaction));
const find = (change: Partial<typeof approval> = {}) => {
  const { forge, repository, number, head: commit } = { ...approval, ...change };
  return store.approvals.findApproval(forge, repository, number, commit);
};

describe("an approval", () => {
  test("is kept with who gave it, and when", async () => {
    const before = clock.now().toISOString();
    await approve();
    const found = await find();
    expect(found).toMatchObject(approval);
    const times = [before, found?.at, clock.now().toISOString()];
    expect(times).toEqual(times.toSorted());
  });
  test.each([
    ["another head", { head: "b".repeat(40) }],
    ["another pull request", { number: 4 }],
    ["another repository", { repository: "containers/other" }],
    ["another forge", { forge: "local" }],
  ])("counts for one head of one pull request, not for %s", async (_, other) => {
    await approve();
    expect(await find(other)).toBeUndefined();
  });
  test("of a head that is approved already changes nothing", async () => {
    await approve();
    const first = await find();
    clock.advance(1000);
    await approve({ approvedBy: "bob" });
    expect(await find()).toEqual(first);
  });
  test("twice at once is one", async () => {
    await Promise.all(["alice", "bob", "carol"].map((approvedBy) => approve({ approvedBy })));
    expect(await database.query("select 1 from approval")).toHaveLength(1);
  });
  test("is not kept when what stands in the same transaction is not", async () => {
    const undone = store.transaction(async (transaction) => {
      await store.approvals.approve(approval, transaction);
      throw new Error("no");
    });
    await expect(undone).rejects.toThrow("no");
    expect(await find()).toBeUndefined();
  });
  test("by somebody whose name PostgreSQL cannot store is kept all the same", async () => {
    await approve({ approvedBy: "al\u0000ice" });
    expect((await find())?.approvedBy).toMatch(/^al.*ice$/);
  });
});
