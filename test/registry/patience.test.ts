import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { patience } from "../../src/registry/patience.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const limits = { idleMs: 10_000, bodyMs: 30_000, leastBytesPerSecond: 1000 };

/** How long, in milliseconds, a peer lasts that moves so many bytes each time it has let us wait so long; undefined: for a day. */
function lasts(bytes: number, everyMs: number): number | undefined {
  let isOver = false;
  const peer = patience(limits, () => {
    isOver = true;
  });
  for (let at = 0; at < 86_400_000; at += everyMs) {
    peer.wait();
    jest.advanceTimersByTime(everyMs);
    if (isOver) return at + everyMs;
    peer.moved(bytes);
  }
  peer.stop();
  return undefined;
}

test.each([
  ["silence ends it", 0, 10_000, 10_000],
  ["a byte every nine seconds ends it after half a minute", 1, 9000, 36_000],
  ["half the least rate ends it after twice the allowance", 500, 1000, 60_000],
  ["the least rate goes on as long as there are bytes", 60_000, 60_000 / 10, undefined],
])("%s", (_, bytes, everyMs, expected) => {
  const found = lasts(bytes, everyMs);
  if (expected === undefined) expect(found).toBeUndefined();
  else expect(Math.abs((found ?? 0) - expected)).toBeLessThanOrEqual(1000);
});

test("time in which nobody waits does not count", () => {
  const over = jest.fn();
  const peer = patience(limits, over);
  for (let time = 0; time < 100; time++) {
    peer.wait();
    peer.wait();
    jest.advanceTimersByTime(100);
    peer.moved(0);
    jest.advanceTimersByTime(1_000_000);
  }
  expect(over).not.toHaveBeenCalled();
});
