import { createHash } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { isOnTurn } from "../setup/turns.js";

/** Where the points are kept, and which of them a process dies at. */
export interface CrashPlan {
  /** A file with a line for each point that a process has come to. */
  readonly visited: string;
  /** Points that it does not match are passed unharmed. */
  readonly only: RegExp;
  /** See test/setup/turns.js; without one, each point. */
  readonly turn: number | undefined;
  /** Called before the death. */
  lastly(): void;
}

/**
 * Kills this process at the first point it passes that no process before it was killed at. A point is before or after a journal write,
 * or before or after an effect: a call of a port's method whose name does not promise that it only looks (`find…`, `read…`, `list…`).
 * So nobody keeps a list of points: a new step or a new effect is a new point, and the chain of restarts goes through all of them.
 *
 * Right before an effect that follows another one the world is as it was right after that one, at which a process has died already: such a
 * point is passed, and only noted. So is one that another turn dies at.
 */
export interface CrashPoints {
  /** A port whose effects are crash points. */
  wrap<T extends object>(name: string, port: T): T;
  /** A point by name. */
  pass(point: string): void;
}

/** Method names that promise to change nothing (house style, "Verbs carry promises"). */
const looks =
  /^(find|read|list|has|is|may|parse|verify|named|platforms|changesSince|capabilities|diff|fileHistory|fingerprint|journal|permission|inspect$|sourceUrl$|compareUrl$)/;

export function crashPoints({ visited, only, turn, lastly }: CrashPlan): CrashPoints {
  const known = new Set(existsSync(visited) ? readFileSync(visited, "utf8").split("\n") : []);

  // Where the process before this one died, then what this one passed.
  let last = [...known].findLast((line) => line !== "") ?? "";

  function pass(point: string): void {
    const isSameState = point.startsWith("before ") && last.startsWith("after ") && known.has(last);
    last = point;
    if (known.has(point) || !only.test(point)) return;
    const isOfTurn = isOnTurn(turn, turnName(point, known));
    known.add(point);
    const file = openSync(visited, "a");
    writeSync(file, `${point}\n`);
    fsyncSync(file);
    closeSync(file);
    if (isSameState || !isOfTurn) return;
    lastly();
    process.kill(process.pid, "SIGKILL");
  }

  function wrap<T extends object>(name: string, port: T): T {
    return new Proxy(port, {
      get(target, property, receiver) {
        const value: unknown = Reflect.get(target, property, receiver);
        if (typeof value !== "function" || typeof property !== "string") return value;
        const call = value as (...args: unknown[]) => unknown;
        if (looks.test(property)) return call.bind(target);
        return async (...args: unknown[]) => {
          const point = `${name}.${property}(${describe(args, written.test(property))})`;
          pass(`before ${point}`);
          const result = await call.apply(target, args);
          pass(`after ${point}`);
          return result;
        };
      },
    });
  }
  return { wrap, pass };
}

/**
 * A name that a point has in each run, so that each turn makes the same choice: what is called, and the how-many-th of its calls this is. Ids of runs,
 * digests and times differ from run to run.
 */
function turnName(point: string, known: ReadonlySet<string>): string {
  const called = (one: string) => one.replace(/\(.*$/s, "").replace(/ \S*\d{8}-\w{7}\S*/, "");
  const name = called(point);
  return `${name} ${[...known].filter((one) => called(one) === name).length}`;
}

/** What is written may hold a signature, and no two signatures of ECDSA are the same: with their digests each try would be a point of its own. */
const written = /^(put|attach|ensureAttached)/;

/** Arguments as a stable, short text: the same effect after a restart is the same point. */
function describe(args: readonly unknown[], isWritten: boolean): string {
  const all = JSON.stringify(args, (key, value: unknown) => {
    // What is left of a time limit differs from try to try.
    if (value instanceof AbortSignal || key === "timeoutMs") return undefined;
    const bytes = bytesOf(value);
    if (bytes === undefined) return value;
    return isWritten ? "bytes" : `${bytes.length} bytes ${createHash("sha256").update(bytes).digest("hex").slice(0, 8)}`;
  });
  const text = isWritten ? all.replaceAll(/sha256[:-][0-9a-f]{64}|"size":\d+/g, "…") : all;
  return text.length <= 120 ? text : `${text.slice(0, 80)}… ${createHash("sha256").update(text).digest("hex").slice(0, 12)}`;
}

/** A Buffer has become a plain object with its bytes before it is looked at. */
function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  const { type, data } = (value ?? {}) as { readonly type?: unknown; readonly data?: unknown };
  return type === "Buffer" && Array.isArray(data) ? Buffer.from(data) : undefined;
}
