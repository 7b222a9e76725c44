import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

/** To the thread: the first `bytes` of a block; the last block of a hash asks for its value, or says that nobody wants it any more. */
export interface HashRequest {
  readonly id: number;
  readonly block: Uint8Array;
  readonly bytes: number;
  readonly last?: "digest" | "abandoned";
}

/** From the thread: the block, to be filled again. */
export interface HashReply {
  readonly id: number;
  readonly block: Uint8Array;
  /** SHA-256 in hexadecimal digits. */
  readonly hex?: string;
}

/** One hash in a thread. */
export interface ThreadHash {
  /** An empty block to be filled and given to `push`. */
  takeBlock(): Uint8Array;
  /** Hands a filled block over. The promise says when the thread has caught up: until then nothing more should be pushed. */
  push(block: Uint8Array, bytes: number): Promise<void> | undefined;
  /** SHA-256 in hexadecimal digits of all blocks and this one. Rejects when the thread has died. */
  end(block: Uint8Array, bytes: number): Promise<string>;
  /** Nobody wants the value any more. */
  abandon(): void;
}

export const blockBytes = 256 * 1024;
/** Blocks of one hash on the way to the thread: enough for it never to wait, and all the memory that a hash takes. */
const mostOnTheWay = 8;
const idleMs = 10_000;

interface Waiting {
  onTheWay: number;
  caughtUp?: { readonly promise: Promise<void>; resolve(): void; reject(error: Error): void };
  end?: { resolve(hex: string): void; reject(error: Error): void };
}

/** One thread that computes any number of hashes, a block of each at a time. */
export class HashThread {
  readonly #worker: Worker;
  readonly #hashes = new Map<number, Waiting>();
  readonly #blocks: Uint8Array[] = [];
  readonly #gone: () => void;
  #broken: Error | undefined;
  #nextId = 0;
  #idle: NodeJS.Timeout | undefined;

  /** `gone` hears that it takes no more: it has died, or had nothing to do for ten seconds. */
  constructor(gone: () => void, worker = new Worker(join(import.meta.dirname, "hash-worker.ts"), { env: {} })) {
    this.#gone = gone;
    this.#worker = worker;
    this.#worker.on("message", (reply: HashReply) => this.#hear(reply));
    this.#worker.on("error", (error) => this.#break(error));
    this.#worker.on("exit", () => this.#break(new Error("the thread that hashes has ended")));
  }

  get load(): number {
    return this.#hashes.size;
  }

  begin(): ThreadHash {
    const id = this.#nextId++;
    const waiting: Waiting = { onTheWay: 0 };
    this.#hashes.set(id, waiting);
    clearTimeout(this.#idle);
    // While somebody waits for a hash the process must not end.
    this.#worker.ref();
    return {
      takeBlock: () => this.#blocks.pop() ?? new Uint8Array(blockBytes),
      push: (block, bytes) => {
        this.#send({ id, block, bytes }, waiting);
        if (this.#broken !== undefined) return Promise.reject(this.#broken);
        if (waiting.onTheWay < mostOnTheWay) return undefined;
        waiting.caughtUp ??= Promise.withResolvers<void>();
        return waiting.caughtUp.promise;
      },
      end: (block, bytes) =>
        new Promise((resolve, reject) => {
          waiting.end = { resolve, reject };
          this.#send({ id, block, bytes, last: "digest" }, waiting);
          if (this.#broken !== undefined) reject(this.#broken);
        }),
      abandon: () => {
        if (!this.#hashes.has(id) || waiting.end !== undefined) return;
        this.#send({ id, block: new Uint8Array(), bytes: 0, last: "abandoned" }, waiting);
        this.#forget(id);
      },
    };
  }

  #send(request: HashRequest, waiting: Waiting): void {
    if (this.#broken !== undefined) return;
    waiting.onTheWay += 1;
    this.#worker.postMessage(request, [request.block.buffer as ArrayBuffer]);
  }

  #hear({ id, block, hex }: HashReply): void {
    if (this.#blocks.length < mostOnTheWay) this.#blocks.push(block);
    const waiting = this.#hashes.get(id);
    if (waiting === undefined) return;
    waiting.onTheWay -= 1;
    // Half of the way, so that the thread has something to do until more comes.
    if (waiting.caughtUp !== undefined && waiting.onTheWay <= mostOnTheWay / 2) {
      waiting.caughtUp.resolve();
      delete waiting.caughtUp;
    }
    if (hex === undefined) return;
    waiting.end?.resolve(hex);
    this.#forget(id);
  }

  #forget(id: number): void {
    this.#hashes.delete(id);
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
    for (const { caughtUp, end } of this.#hashes.values()) {
      caughtUp?.reject(error);
      end?.reject(error);
    }
    this.#hashes.clear();
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
