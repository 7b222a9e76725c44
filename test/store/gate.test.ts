import { expect, test } from "@jest/globals";
import { gate } from "../../src/store/gate.ts";

test("so many run, some wait, more are refused, and places are handed on", async () => {
  const enter = gate({ running: 2, waiting: 3 }, () => new Error("full"));
  const ends: (() => void)[] = [];
  let running = 0;
  let most = 0;
  const work = async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => ends.push(resolve));
    running -= 1;
  };
  const all = Promise.allSettled(Array.from({ length: 8 }, () => enter(work)));
  const failing = expect(enter(() => Promise.reject(new Error("own")))).rejects.toThrow("full");
  await failing;
  for (let ended = 0; ended < 5; ) {
    for (const end of ends.splice(0)) {
      ended += 1;
      end();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  const settled = await all;
  expect(settled.map(({ status }) => status)).toEqual([...Array(5).fill("fulfilled"), ...Array(3).fill("rejected")]);
  expect(most).toBe(2);
  await expect(enter(() => Promise.reject(new Error("own")))).rejects.toThrow("own");
  expect(await enter(async () => 1)).toBe(1);
});
