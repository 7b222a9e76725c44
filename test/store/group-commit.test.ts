import { expect, test } from "@jest/globals";
import { type GroupOptions, groupCommit } from "../../src/store/group-commit.ts";

function options<Item>(changes: Partial<GroupOptions<Item>> = {}): GroupOptions<Item> {
  return {
    largest: { items: 10, size: 1000 },
    sizeOf: () => 1,
    most: { size: 1000, refusal: () => new Error("full") },
    isCommon: () => false,
    ...changes,
  };
}

/** A store that keeps the groups it was given and doubles each number. */
function doubling(changes: Partial<GroupOptions<number>>) {
  const groups: (readonly number[])[] = [];
  const store = groupCommit(async (items: readonly number[]) => {
    groups.push(items);
    return items.map((item) => item * 2);
  }, options(changes));
  return { groups, store };
}

test("what comes while a commit is on its way shares the next one, in order, up to the largest", async () => {
  const { groups, store } = doubling({ largest: { items: 3, size: 1000 } });
  expect(await Promise.all([1, 2, 3, 4, 5].map(store))).toEqual([2, 4, 6, 8, 10]);
  expect(groups).toEqual([[1], [2, 3, 4], [5]]);
});

test("large items share no commit beyond its size, and one that is larger still goes alone", async () => {
  const { groups, store } = doubling({ largest: { items: 10, size: 10 }, sizeOf: (item) => item });
  await Promise.all([1, 6, 4, 1, 30, 2].map(store));
  expect(groups).toEqual([[1], [6, 4], [1], [30], [2]]);
});

test("more than may wait is refused at once, and taken again when there is room", async () => {
  const { groups, store } = doubling({ most: { size: 10, refusal: () => new Error("full") }, sizeOf: (item) => item });
  const outcomes = await Promise.allSettled([6, 5, 4].map(store));
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(await store(5)).toBe(10);
  expect(groups.flat()).toEqual([6, 4, 5]);
});

test("one that is larger than what may wait is taken when nothing waits", async () => {
  const { store } = doubling({ most: { size: 10, refusal: () => new Error("full") }, sizeOf: (item) => item });
  expect(await store(11)).toBe(22);
});

test("one bad item fails nobody else's, and the next ones are taken", async () => {
  const store = groupCommit(async (items: readonly string[]) => {
    if (items.includes("bad")) throw new Error("cannot be stored");
    return items;
  }, options());
  const outcomes = await Promise.allSettled(["a", "b", "bad", "c"].map(store));
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect(await store("d")).toBe("d");
});

test("when the database is away a whole group fails, and is not tried one by one", async () => {
  let tries = 0;
  const store = groupCommit(
    async () => {
      tries += 1;
      throw new Error("away");
    },
    options<string>({ isCommon: (error) => error instanceof Error && error.message === "away" }),
  );
  const outcomes = await Promise.allSettled(["a", "b", "c", "d"].map(store));
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected", "rejected"]);
  expect(tries).toBe(2);
});
