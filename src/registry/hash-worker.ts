import { createHash, type Hash } from "node:crypto";
import { parentPort } from "node:worker_threads";
import type { HashReply, HashRequest } from "./hash-threads.ts";

// hash-threads.ts holds the other end.
interface Begun {
  readonly hash: Hash;
  readonly memory: Uint8Array;
}
const hashes = new Map<number, Begun>();

parentPort?.on("message", (request: HashRequest) => {
  const { id } = request;
  if ("memory" in request) {
    hashes.set(id, { hash: createHash("sha256"), memory: new Uint8Array(request.memory) });
    return;
  }
  const begun = hashes.get(id);
  if (begun === undefined) return;
  if ("end" in request) {
    hashes.delete(id);
    parentPort?.postMessage({ id, hex: request.end === "digest" ? begun.hash.digest("hex") : "" } satisfies HashReply);
    return;
  }
  begun.hash.update(begun.memory.subarray(request.at, request.at + request.bytes));
  parentPort?.postMessage({ id } satisfies HashReply);
});
