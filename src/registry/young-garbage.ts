import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** A tenth of a second at the speed of a local network; collecting takes a millisecond. */
const collectedEach = 8 * 1024 * 1024;

type Collect = (options: { readonly type: "minor" }) => void;

let collect: Collect | undefined;
let passed = 0;

/**
 * To be told of bytes of a long stream that have passed. Each read of a socket is garbage of its size a moment later. It is young, but holds almost no place
 * where V8 counts young objects, so it is taken for old: V8 then looks through its whole heap for each dozen of megabytes, a third of all that copying a
 * blob costs. Collecting what is young now and then leaves nothing of it. Source: Node's documentation of `--expose-gc`.
 */
export function passedBytes(count: number): void {
  passed += count;
  if (passed < collectedEach) return;
  passed = 0;
  collect ??= exposedCollector();
  collect({ type: "minor" });
}

/** The function is given to contexts that are made after the flag was set, and nobody else sees it. */
function exposedCollector(): Collect {
  setFlagsFromString("--expose-gc");
  const found: unknown = runInNewContext("gc");
  setFlagsFromString("--no-expose-gc");
  return typeof found === "function" ? (found as Collect) : () => {};
}
