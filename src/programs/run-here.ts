import { spawn } from "node:child_process";
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
    const child = spawn(run.program, run.args, {
      env: run.env,
      stdio,
      detached: run.ownGroup === true,
      ...(run.directory === undefined ? {} : { cwd: run.directory }),
    });
    let ended: ProgramEnd["ended"];
    const end = (why: ProgramEnd["ended"]) => {
      ended ??= why;
      kill(child.pid, run.ownGroup === true);
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
      (child.stdio[fd] as Readable | null)?.on("data", (chunk: Buffer) => {
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
    // What it has started itself may hold its pipes open for ever; when we have ended it, nobody wants more.
    child.on("exit", () => {
      if (ended !== undefined) for (const pipe of child.stdio) pipe?.destroy();
    });
    child.on("error", (error: NodeJS.ErrnoException) => settle({ notStarted: { code: error.code ?? "", message: error.message } }));
    child.on("close", (exitCode, killedBy) =>
      settle({ ...(exitCode === null ? {} : { exitCode }), ...(killedBy === null ? {} : { signal: killedBy }) }),
    );
    for (const [fd, input] of inputs) {
      const pipe = child.stdio[fd] as Writable | null;
      // A program that ends early closes its input; how it ended tells why.
      pipe?.on("error", () => {});
      pipe?.end(input);
    }
  });
}

function numbered<T>([fd, value]: [string, T]): [number, T] {
  return [Number(fd), value];
}

function kill(pid: number | undefined, group: boolean): void {
  if (pid === undefined) return;
  try {
    process.kill(group ? -pid : pid, "SIGKILL");
  } catch {
    // Ended by itself meanwhile.
  }
}
