import { expect, test } from "@jest/globals";
import { groupCommit } from "../../src/store/group-commit.ts";

test("what comes while a commit is on its way shares the next one, in order, up to the largest", async () => {
  const groups: (readonly number[])[] = [];
  const store = groupCommit(
    async (items: readonly number[]) => {
      groups.push(items);
      return items.map((item) => item * 2);
    },
    { largest: 3 },
  );
  expect(await Promise.all([1, 2, 3, 4, 5].map(store))).toEqual([2, 4, 6, 8, 10]);
  expect(groups).toEqual([[1], [2, 3, 4], [5]]);
});

test("one bad item fails nobody else's, and the next ones are taken", async () => {
  const store = groupCommit(
    async (items: readonly string[]) => {
      if (items.includes("bad")) throw new Error("cannot be stored");
      return items;
    },
    { largest: 10 },
  );
  const outcomes = await Promise.allSettled(["a", "b", "bad", "c"].map(store));
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect(await store("d")).toBe("d");
});
