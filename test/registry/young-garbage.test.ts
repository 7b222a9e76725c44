import { expect, test } from "@jest/globals";
import { passedBytes } from "../../src/registry/young-garbage.ts";

test("garbage of a stream is gone soon after it has passed, and nobody gets a collector of his own", () => {
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  for (let read = 0; read < 2000; read += 1) {
    // As a socket's read: a buffer of its own.
    const chunk = new Uint8Array(64 * 1024);
    passedBytes(chunk.length);
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  // Of 125 MiB.
  expect(most).toBeLessThan(40 * 2 ** 20);
  expect("gc" in globalThis).toBe(false);
});
