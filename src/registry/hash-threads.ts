import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { appError } from "../domain/errors.ts";

/** To the thread: a hash begins, over memory that both see; so many bytes stand there; its value is wanted, or nobody wants it any more. */
export type HashRequest =
  | { readonly id: number; readonly memory: SharedArrayBuffer }
  | { readonly id: number; readonly at: number; readonly bytes: number }
  | { readonly id: number; readonly end: "digest" | "abandoned" };

/** From the thread: these bytes may be written over, or the end, which is the last that is heard of a hash. */
export interface HashReply {
  readonly id: number;
  /** SHA-256 in hexadecimal digits; empty for a hash that nobody wants. */
  readonly hex?: string;
}

/** One hash in a thread. */
export interface ThreadHash {
  /** Takes the bytes, which may be written over afterwards. The promise says when there is room for more: until then nothing may be given. */
  update(chunk: Uint8Array): Promise<void> | undefined;
  /** SHA-256 in hexadecimal digits. Rejects when the thread has died. */
  digest(): Promise<string>;
  /** Nobody wants the value any more. */
  abandon(): void;
}

/** What the thread is told of at a time: a message costs as much as hashing a few kilobytes. */
export const blockBytes = 128 * 1024;
/** Enough for it never to wait, and all the memory that a hash takes. */
const blocks = 8;
const idleMs = 10_000;

/** One thread that computes any number of hashes, a block of each at a time. */
export class HashThread {
  readonly #worker: Worker;
  readonly #hashes = new Map<number, Hash>();
  /** Memory of hashes that have ended. New buffers for each would be garbage by the megabyte, and make V8 look through everything for it. */
  readonly #memories: SharedArrayBuffer[] = [];
  readonly #gone: () => void;
  #broken: Error | undefined;
  #nextId = 0;
  #idle: NodeJS.Timeout | undefined;

  /** `gone` hears that it takes no more: it has died, or had nothing to do for ten seconds. */
  constructor(gone: () => void, worker = new Worker(join(import.meta.dirname, "hash-worker.ts"), { env: {} })) {
    this.#gone = gone;
    this.#worker = worker;
    this.#worker.on("message", (reply: HashReply) => this.#hear(reply));
    this.#worker.on("error", (error) => this.#break(lostThread(error)));
    this.#worker.on("exit", () => this.#break(lostThread()));
  }

  get load(): number {
    return this.#hashes.size;
  }

  begin(): ThreadHash {
    const id = this.#nextId++;
    const memory = this.#memories.pop() ?? new SharedArrayBuffer(blocks * blockBytes);
    const hash = new Hash(memory, (request) => {
      if (this.#broken === undefined) this.#worker.postMessage({ id, ...request });
    });
    clearTimeout(this.#idle);
    // While somebody waits for a hash the process must not end.
    this.#worker.ref();
    if (this.#broken === undefined) this.#hashes.set(id, hash);
    else hash.break(this.#broken);
    this.#worker.postMessage({ id, memory } satisfies HashRequest);
    return hash;
  }

  #hear({ id, hex }: HashReply): void {
    const hash = this.#hashes.get(id);
    if (hash === undefined) return;
    if (hex === undefined) {
      hash.blockDone();
      return;
    }
    hash.ended(hex);
    this.#hashes.delete(id);
    // Only now: of an abandoned hash the thread may have been reading until here.
    if (this.#memories.length < blocks) this.#memories.push(hash.memory);
    if (this.#hashes.size > 0) return;
    this.#worker.unref();
    this.#idle = setTimeout(() => {
      this.#gone();
      void this.#worker.terminate();
    }, idleMs).unref();
  }

  #break(error: Error): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    this.#gone();
    clearTimeout(this.#idle);
    for (const hash of this.#hashes.values()) hash.break(error);
    this.#hashes.clear();
  }
}

/** Says nothing about the blob: whoever was at it tries again, and gets another thread. */
function lostThread(cause?: Error): Error {
  return appError("registry.unreachable", "the thread that hashes what comes from a registry has ended", { cause });
}

type Tell = (request: { readonly at: number; readonly bytes: number } | { readonly end: "digest" | "abandoned" }) => void;

/** Our end of a hash: a ring of blocks, of which the thread holds some. */
class Hash implements ThreadHash {
  readonly memory: SharedArrayBuffer;
  readonly #bytes: Uint8Array;
  readonly #tell: Tell;
  /** Block that is being filled, and how far. */
  #block = 0;
  #filled = 0;
  #withThread = 0;
  #isEnding = false;
  #broken: Error | undefined;
  #room: ReturnType<typeof Promise.withResolvers<void>> | undefined;
  #value: ReturnType<typeof Promise.withResolvers<string>> | undefined;

  constructor(memory: SharedArrayBuffer, tell: Tell) {
    this.memory = memory;
    this.#bytes = new Uint8Array(memory);
    this.#tell = tell;
  }

  update(chunk: Uint8Array): Promise<void> | undefined {
    return this.#take(chunk, 0);
  }

  /** From `start` on, as far as there is room; what is left is taken when there is room again. */
  #take(chunk: Uint8Array, start: number): Promise<void> | undefined {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    for (let at = start; at < chunk.length; ) {
      if (this.#withThread === blocks - 1 && this.#filled === blockBytes) return this.#waitForRoom().then(() => this.#take(chunk, at));
      if (this.#filled === blockBytes) this.#handOver();
      const part = chunk.subarray(at, at + blockBytes - this.#filled);
      this.#bytes.set(part, this.#block * blockBytes + this.#filled);
      this.#filled += part.length;
      at += part.length;
    }
    return undefined;
  }

  #waitForRoom(): Promise<void> {
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  #handOver(): void {
    this.#withThread += 1;
    this.#tell({ at: this.#block * blockBytes, bytes: this.#filled });
    this.#block = (this.#block + 1) % blocks;
    this.#filled = 0;
  }

  digest(): Promise<string> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    this.#isEnding = true;
    this.#value = Promise.withResolvers<string>();
    if (this.#filled > 0) this.#handOver();
    this.#tell({ end: "digest" });
    return this.#value.promise;
  }

  abandon(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#tell({ end: "abandoned" });
  }

  blockDone(): void {
    this.#withThread -= 1;
    // Half of the ring, so that the thread has something to do until more comes.
    if (this.#room === undefined || this.#withThread > blocks / 2) return;
    const room = this.#room;
    this.#room = undefined;
    room.resolve();
  }

  ended(hex: string): void {
    this.#value?.resolve(hex);
  }

  break(error: Error): void {
    this.#broken = error;
    this.#room?.reject(error);
    this.#value?.reject(error);
  }
}

// Of this process: they belong to its processors, not to who hashes. Started when first wanted, ended after ten seconds without work.
const threads = new Set<HashThread>();

/** Begins a hash in the thread that has least to do; one thread fewer than there are processors, since reading and writing want one. */
export function beginInThread(): ThreadHash {
  const most = Math.min(4, Math.max(1, availableParallelism() - 1));
  const [idlest] = [...threads].sort((one, other) => one.load - other.load);
  if (idlest !== undefined && (idlest.load === 0 || threads.size >= most)) return idlest.begin();
  const thread: HashThread = new HashThread(() => threads.delete(thread));
  threads.add(thread);
  return thread.begin();
}
