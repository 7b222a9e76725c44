import { type ChildProcess, fork } from "node:child_process";
import { getCompileCacheDir } from "node:module";
import { dirname, join } from "node:path";
import type { ProgramEnd, ProgramRun } from "./program.ts";
import type { HelperAnswer, HelperRequest } from "./program-helper.ts";
import { runHere } from "./run-here.ts";

/** Commands that end at once run a handful of programs; a helper takes as long to start as these together. */
const runsWithoutHelper = 10;

let runs = 0;
let helper: Helper | undefined;

/**
 * Runs a program to its end. Never rejects.
 *
 * To start a process Node copies its own (fork), a page table of everything it holds, with all its threads of JavaScript standing still: 3 ms for a small
 * process, 10 to 100 for one that has worked for a while, in which a service answers nobody. So a process that starts many programs has them started by
 * a small one that does nothing else. It is started when it is first worth it, ends with the process that it helps, and lets what runs come to
 * its end, as children of a process that was killed do.
 */
export async function runProgram(run: ProgramRun, signal?: AbortSignal): Promise<ProgramEnd> {
  runs += 1;
  if (runs <= runsWithoutHelper) return runHere(run, signal);
  if (signal?.aborted) return { outputs: {}, ended: "stopped" };
  try {
    helper ??= new Helper(() => {
      helper = undefined;
    });
  } catch {
    // Whether the program itself can be started, the attempt tells.
    return runHere(run, signal);
  }
  return helper.run(run, signal);
}

function compileCache(): Record<string, string> {
  const ofThisNode = getCompileCacheDir();
  return ofThisNode === undefined ? {} : { NODE_COMPILE_CACHE: dirname(ofThisNode) };
}

class Helper {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (end: ProgramEnd) => void>();
  #nextId = 0;

  constructor(gone: () => void) {
    this.#child = fork(join(import.meta.dirname, "program-helper.ts"), [], {
      // Each program is told its own environment; the cache, which is this process's, makes the helper's own start shorter by half.
      env: compileCache(),
      // The less it holds, the faster it starts others.
      execArgv: ["--disable-warning=ExperimentalWarning", "--max-semi-space-size=1"],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#child.on("message", ({ id, end }: HelperAnswer) => this.#settle(id, end));
    const lost = (why: ProgramEnd) => {
      gone();
      for (const id of this.#waiting.keys()) this.#settle(id, why);
    };
    this.#child.on("error", ({ message }) =>
      lost({ outputs: {}, notStarted: { code: "", message: `its helper could not be started: ${message}` } }),
    );
    this.#child.on("exit", () => lost({ outputs: {}, isLost: true }));
    this.#rest();
  }

  run(run: ProgramRun, signal: AbortSignal | undefined): Promise<ProgramEnd> {
    const id = this.#nextId++;
    const stop = () => this.#send({ id, stop: true });
    signal?.addEventListener("abort", stop, { once: true });
    return new Promise((resolve) => {
      this.#waiting.set(id, (end) => {
        signal?.removeEventListener("abort", stop);
        resolve(end);
      });
      // While somebody waits for a program the process must not end.
      this.#child.ref();
      this.#child.channel?.ref();
      this.#send({ id, run });
    });
  }

  #send(request: HelperRequest): void {
    // That it is gone comes as its exit.
    if (this.#child.connected) this.#child.send(request, () => {});
  }

  #settle(id: number, end: ProgramEnd): void {
    this.#waiting.get(id)?.(end);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#rest();
  }

  #rest(): void {
    this.#child.unref();
    this.#child.channel?.unref();
  }
}
