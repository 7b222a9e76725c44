import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { ProgramEnd, ProgramRun } from "./program.ts";

/** Takes what a program writes as it comes, instead of having it collected. Must not throw. */
export type TakeOutput = (chunk: Buffer) => void;

/** Runs a program as a child of this process, which long outputs make worth it; see {@link runProgram} for others. Never rejects. */
export function runHere(run: ProgramRun, signal?: AbortSignal, takers: Readonly<Record<number, TakeOutput>> = {}): Promise<ProgramEnd> {
  const inputs = new Map<number, string | Uint8Array>([[0, ""], ...Object.entries(run.inputs ?? {}).map(numbered)]);
  const outputs = new Map(Object.entries(run.outputs).map(numbered));
  const descriptors = Math.max(...inputs.keys(), ...outputs.keys(), 2) + 1;
  const stdio = Array.from({ length: descriptors }, (_, fd) => (inputs.has(fd) || outputs.has(fd) ? "pipe" : "ignore"));
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve({ outputs: {}, ended: "stopped" });
    let child: ChildProcess;
    try {
      child = start(run, stdio);
    } catch (error) {
      // Arguments that are too long, a NUL in one of them, no memory.
      return resolve({ outputs: {}, ...notStarted(error as NodeJS.ErrnoException) });
    }
    // First of all: where the machine has no more of what a process needs, it is told by this event, of a child without pipes.
    child.on("error", (error: NodeJS.ErrnoException) => settle(notStarted(error)));
    const pipes = child.stdio ?? [];
    let ended: ProgramEnd["ended"];
    const end = (why: ProgramEnd["ended"]) => {
      ended ??= why;
      if (run.ownGroup === true) killGroup(child.pid);
      else child.kill("SIGKILL");
      // It has ended already, and what it started holds its pipes.
      if (child.exitCode !== null || child.signalCode !== null) destroy();
    };
    // What it has started itself may hold its pipes open for ever; when we have ended it, nobody wants more.
    const destroy = () => {
      for (const pipe of pipes) pipe?.destroy();
    };
    const timer = setTimeout(() => end("late"), run.timeoutMs);
    const stop = () => end("stopped");
    signal?.addEventListener("abort", stop, { once: true });
    const taken = new Map<number, Buffer[]>();
    for (const [fd, { maxBytes, beyond }] of outputs) {
      const chunks: Buffer[] = [];
      taken.set(fd, chunks);
      let left = maxBytes;
      const take = takers[fd];
      (pipes[fd] as Readable | null | undefined)?.on("data", (chunk: Buffer) => {
        if (take !== undefined) return take(chunk);
        if (left > 0) chunks.push(chunk.subarray(0, left));
        if (chunk.length > left && beyond === "end") end("too-much");
        left = Math.max(0, left - chunk.length);
      });
    }
    const result = () => Object.fromEntries([...taken].map(([fd, chunks]) => [fd, Buffer.concat(chunks)]));
    const settle = (how: Omit<ProgramEnd, "outputs" | "ended">) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      resolve({ ...how, outputs: result(), ...(ended === undefined ? {} : { ended }) });
    };
    child.on("exit", () => {
      if (ended !== undefined) destroy();
    });
    child.on("close", (exitCode, killedBy) =>
      settle({ ...(exitCode === null ? {} : { exitCode }), ...(killedBy === null ? {} : { signal: killedBy }) }),
    );
    for (const [fd, input] of inputs) {
      const pipe = pipes[fd] as Writable | null | undefined;
      // A program that ends early closes its input; how it ended tells why.
      pipe?.on("error", () => {});
      pipe?.end(input);
    }
  });
}

function numbered<T>([fd, value]: [string, T]): [number, T] {
  return [Number(fd), value];
}

function start(run: ProgramRun, stdio: StdioOptions): ChildProcess {
  return spawn(run.program, run.args, {
    env: run.env,
    stdio,
    detached: run.ownGroup === true,
    ...(run.directory === undefined ? {} : { cwd: run.directory }),
  });
}

function notStarted({ code = "", message }: NodeJS.ErrnoException): Pick<ProgramEnd, "notStarted"> {
  return { notStarted: { code, message } };
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Ended by itself meanwhile.
  }
}
