import { createHash, type Hash } from "node:crypto";
import { parentPort } from "node:worker_threads";
import type { HashReply, HashRequest } from "./hash-threads.ts";

// hash-threads.ts holds the other end.
const hashes = new Map<number, Hash>();

parentPort?.on("message", ({ id, block, bytes, last }: HashRequest) => {
  const hash = hashes.get(id) ?? createHash("sha256");
  if (last === "abandoned") {
    hashes.delete(id);
    return;
  }
  hash.update(block.subarray(0, bytes));
  if (last === undefined) hashes.set(id, hash);
  else hashes.delete(id);
  const reply: HashReply = last === undefined ? { id, block } : { id, block, hex: hash.digest("hex") };
  // The block goes back and is filled again: nothing is allocated for each of thousands.
  parentPort?.postMessage(reply, [block.buffer as ArrayBuffer]);
});
