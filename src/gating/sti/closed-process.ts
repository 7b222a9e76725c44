import { spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { closedCommand } from "./closed-command.ts";
import { findDiskProblem } from "./look-at-disk.ts";
import { seccompFilter } from "./seccomp-filter.ts";
import { watchUsage } from "./watch-usage.ts";

export interface ClosedRun {
  /** Directory on this machine, `/workspace` inside; its owner is who the process is. */
  readonly workspace: string;
  readonly program: string;
  readonly args: readonly string[];
  /** All of the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Gets standard output and standard error, as they come. */
  readonly take: (bytes: Uint8Array) => void;
}

export type ClosedEnd =
  | { readonly kind: "exited"; readonly exitCode: number }
  /** It took more than `closedLimits`, or its signal aborted. */
  | { readonly kind: "stopped"; readonly problem: string };

/** Runs a program as {@link closedCommand} tells, until it ends by itself or is ended. When this returns, none of its processes is left. */
export async function runClosed({ workspace, program, args, env, take }: ClosedRun, signal: AbortSignal): Promise<ClosedEnd> {
  const filter = seccompFilter(process.arch);
  if (filter === undefined)
    return { kind: "stopped", problem: `flibs knows no filter of system calls for a machine of kind ${process.arch}` };
  const isRoot = process.getuid?.() === 0;
  const [command, ...rest] = closedCommand({ workspace, program, args, isRoot });
  const child = spawn(command, rest, { env: { ...env }, cwd: "/", stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"] });
  const over = new AbortController();
  let problem: string | undefined;
  let inner: number | "not yet" | undefined = "not yet";
  const stop = (why: string) => {
    problem ??= why;
    // Without the process outside, the one inside could wait for ever to be let go; it is told of in a moment.
    if (inner === "not yet") return;
    // The first process of the namespace takes all others along, and bubblewrap waits for it before it ends itself.
    if (inner === undefined || !end(inner)) child.kill("SIGKILL");
  };
  const cancel = () => stop("it was stopped");
  const calls = child.stdio[4] as Writable;
  // What ends before it has read this tells more by its exit code.
  calls.on("error", () => {});
  calls.end(filter);
  child.stdout?.on("data", take);
  child.stderr?.on("data", take);
  const watching = readChildPid(child.stdio[3] as Readable).then(async (pid) => {
    inner = pid;
    if (problem !== undefined) stop(problem);
    // What is not watched must not run.
    if (pid !== undefined) await watchUsage(pid, workspace, over.signal, stop).catch(() => stop("it could not be watched"));
  });
  signal.addEventListener("abort", cancel);
  if (signal.aborted) cancel();
  try {
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, killedBy) => resolve(code ?? (killedBy === null ? 1 : 137)));
    });
    // Its number may be somebody else's from now on.
    over.abort();
    // What it wrote since the last look; it may all have been in the last moment.
    problem ??= await findDiskProblem(workspace).catch(() => "it could not be watched");
    return problem === undefined ? { kind: "exited", exitCode } : { kind: "stopped", problem };
  } finally {
    signal.removeEventListener("abort", cancel);
    over.abort();
    await watching;
  }
}

/** False when there is no such process any more. */
function end(pid: number): boolean {
  try {
    return process.kill(pid, "SIGKILL");
  } catch {
    return false;
  }
}

/** Undefined when bubblewrap ended before it told. The rest is read, too: bubblewrap would die of a pipe that nobody reads. */
function readChildPid(information: Readable): Promise<number | undefined> {
  return new Promise((resolve) => {
    let text = "";
    information.on("data", (part: Buffer) => {
      text = (text + part.toString()).slice(0, 10_000);
      const found = /"child-pid":\s*(\d+)\D/.exec(text)?.[1];
      if (found !== undefined) resolve(Number(found));
    });
    information.once("close", () => resolve(undefined));
    information.once("error", () => resolve(undefined));
  });
}
