import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { streamConcurrently } from "../../src/promotion/stream-concurrently.ts";

const turns = async (count: number) => {
  for (let i = 0; i < count; i += 1) await null;
};

test("each item is worked on once, never more at a time than allowed, and none is taken before there is room", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 20 })), fc.integer({ min: 1, max: 5 }), async (waits, most) => {
      let [running, highest, taken, given] = [0, 0, 0, 0];
      function* source() {
        for (const item of waits.entries()) {
          taken += 1;
          // What was taken and not yet given on is at most what may run.
          expect(taken - given).toBeLessThanOrEqual(most + 1);
          yield item;
        }
      }
      const work = async ([index, wait]: [number, number]) => {
        running += 1;
        highest = Math.max(highest, running);
        await turns(wait);
        running -= 1;
        return index;
      };
      const results: number[] = [];
      for await (const one of streamConcurrently(source(), most, work)) {
        given += 1;
        results.push(one);
      }
      expect(results.sort((a, b) => a - b)).toEqual(waits.map((_, index) => index));
      expect(highest).toBeLessThanOrEqual(most);
    }),
  );
});

test("a failure ends it once what had begun has ended, also while the reader is busy", async () => {
  const ended: number[] = [];
  const work = async (item: number) => {
    await turns(item * 10);
    ended.push(item);
    if (item === 1) throw new Error("one");
    return item;
  };
  const read = async () => {
    for await (const _ of streamConcurrently([0, 1, 2, 3, 4], 3, work)) await turns(1000);
  };
  await expect(read()).rejects.toThrow("one");
  expect(ended.sort()).toEqual([0, 1, 2, 3]);
});

test("a reader that stops leaves nothing running", async () => {
  let running = 0;
  const work = async (item: number) => {
    running += 1;
    await turns(item);
    running -= 1;
    return item;
  };
  for await (const one of streamConcurrently([1, 200, 200], 3, work)) {
    expect(one).toBe(1);
    break;
  }
  expect(running).toBe(0);
});
