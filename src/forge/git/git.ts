import { type AppError, appError } from "../../domain/errors.ts";
import type { ProgramEnd, ProgramRun } from "../../programs/program.ts";
import { runHere } from "../../programs/run-here.ts";
import { runProgram } from "../../programs/run-program.ts";
import type { Limits, Question, Reply } from "./session.ts";
import { openSessions } from "./sessions.ts";

/** How the git program is called; one for all repositories. */
export interface Git {
  /** Runs git in a bare repository. Throws `forge.git-failed`, `forge.git-ended`, `forge.git-slow` or `forge.output-too-large`. */
  run(repository: string, args: readonly string[], options?: GitOptions): Promise<GitResult>;
  /**
   * As `run`, for a question whose answer can't change, since it names commits by their full ids. A short answer is remembered, so whoever asks must
   * not rely on the commits still being there, nor on what git wrote in order to answer.
   */
  recall(repository: string, args: readonly string[], options?: Pick<GitOptions, "exits" | "maxBytes">): Promise<GitResult>;
  /**
   * Asks a git that stays for the next question: what is small and frequent. Throws `forge.git-failed`, `forge.git-slow` and what the signal was
   * aborted with.
   */
  ask<T>(repository: string, command: readonly string[], question: Question<T>, limits?: Limits): Promise<Reply<T>>;
  /** Ends the processes that stay. What is asked afterwards is answered all the same. */
  close(): void;
}

export interface GitOptions {
  readonly input?: string | Uint8Array;
  /** Exit codes that are answers; others throw. Only 0 when left out. */
  readonly exits?: readonly number[];
  /** Most bytes of output; 64 MiB when left out. */
  readonly maxBytes?: number;
  /** More output than `maxBytes` is cut off instead of an error. */
  readonly cut?: boolean;
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Takes the output as it comes, instead of collecting it. */
  readonly onOutput?: (chunk: Buffer) => void;
  readonly signal?: AbortSignal;
  /** Settings besides the fixed ones, a later one wins; they stand in the environment, so a secret may be among them. */
  readonly config?: readonly (readonly [key: string, value: string])[];
  /** Program and arguments that become git by exec, for example `flock` and `prlimit`. What git starts itself is ended with it. */
  readonly launcher?: readonly string[];
}

export interface GitResult {
  readonly exitCode: number;
  readonly output: Buffer;
  readonly text: string;
  readonly said: string;
}

/** Nothing of the machine's or a person's git configuration reaches git, no hook runs, no protocol and no filter is open. */
const config: readonly (readonly [string, string])[] = [
  ["safe.directory", "*"],
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.attributesFile", "/dev/null"],
  ["core.quotePath", "false"],
  ["protocol.allow", "never"],
  ["gc.auto", "0"],
  ["core.fsync", "committed,reference"],
];

export function gitEnvironment(more: NonNullable<GitOptions["config"]> = []): Record<string, string> {
  const settings = [...config, ...more];
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? "/usr/bin:/bin",
    HOME: "/nonexistent",
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_LITERAL_PATHSPECS: "1",
    GIT_ATTR_NOSYSTEM: "1",
    // What ref-files.ts reads; gits that make tables by default know this variable.
    GIT_DEFAULT_REF_FORMAT: "files",
    GIT_CONFIG_COUNT: String(settings.length),
  };
  for (const [i, [key, value]] of settings.entries()) {
    env[`GIT_CONFIG_KEY_${i}`] = key;
    env[`GIT_CONFIG_VALUE_${i}`] = value;
  }
  return env;
}

/** Never a shell; arguments are checked by `names.ts` before they come here. `binary` is the git program, 2.38 or newer. */
export function createGit(binary = "git"): Git {
  const run: Git["run"] = (repository, args, options = {}) => runGit(binary, repository, args, options);
  return { run, recall: recalling(run), ...openSessions({ program: binary, env: gitEnvironment }) };
}

/** Longest answer that is remembered, in bytes, and how many are. */
const longestRecalled = 8192;
const mostRecalled = 500;

function recalling(run: Git["run"]): Git["recall"] {
  const known = new Map<string, GitResult>();
  return async (repository, args, options) => {
    const key = [repository, ...args].join("\0");
    const result = known.get(key) ?? (await run(repository, args, options));
    // The one that was asked for last stands last.
    known.delete(key);
    // 0 and 1 are answers; everything else says that git could not tell.
    if (result.exitCode <= 1 && result.exitCode >= 0 && result.output.length <= longestRecalled) known.set(key, inOwnMemory(result));
    const [oldest] = known.keys();
    if (known.size > mostRecalled && oldest !== undefined) known.delete(oldest);
    return result;
  };
}

/** Bytes from the helper are a view of all that came with them, which may be megabytes of other answers. */
function inOwnMemory(result: GitResult): GitResult {
  return { ...result, output: Buffer.from(new Uint8Array(result.output).buffer) };
}

async function runGit(binary: string, repository: string, args: readonly string[], options: GitOptions): Promise<GitResult> {
  const { signal, launcher, onOutput, maxBytes = 64 * 2 ** 20, timeoutMs = 60_000 } = options;
  const what = `git ${args[0] ?? ""}`;
  signal?.throwIfAborted();
  const [program = binary, ...more] = [...(launcher ?? []), binary, "--git-dir", repository, ...args];
  const run: ProgramRun = {
    program,
    args: more,
    env: { ...gitEnvironment(options.config), ...options.env },
    inputs: { 0: options.input ?? "" },
    outputs: { 1: { maxBytes, beyond: "end" }, 2: { maxBytes: 4096, beyond: "drop" } },
    timeoutMs,
    // A transfer that hangs is not in git itself but in a program that it started.
    ownGroup: launcher !== undefined,
  };
  const { outputs, ...end } = onOutput === undefined ? await runProgram(run, signal) : await runStreaming(what, run, onOutput, signal);
  signal?.throwIfAborted();
  if (end.notStarted !== undefined) throw appError("forge.git-failed", `${what} could not be run: ${end.notStarted.message}`);
  // By whoever: the machine had no memory left, somebody was tidying up.
  const isEndedFromOutside = end.isLost || (end.signal !== undefined && end.ended === undefined);
  if (isEndedFromOutside) throw appError("forge.git-ended", `${what} was ended from outside${end.signal ? ` by ${end.signal}` : ""}`);
  if (end.ended === "late") throw appError("forge.git-slow", `${what} took longer than ${timeoutMs} ms`);
  const isCut = end.ended === "too-much";
  if (isCut && !options.cut) throw appError("forge.output-too-large", `${what} gave more than ${maxBytes} bytes`);
  const exitCode = isCut ? 0 : (end.exitCode ?? -1);
  const said = textOf(outputs[2]).trim();
  if (!(options.exits ?? [0]).includes(exitCode)) {
    throw appError("forge.git-failed", `${what} ended with ${exitCode}: ${said.slice(0, 500)}`, { details: { exitCode } });
  }
  const output = bufferOf(outputs[1]);
  return { exitCode, output, text: output.toString("utf8"), said };
}

/** As a child of this process: what is long enough to be taken piece by piece is not sent through another one. */
async function runStreaming(
  what: string,
  run: ProgramRun,
  onOutput: (chunk: Buffer) => void,
  signal: AbortSignal | undefined,
): Promise<ProgramEnd> {
  const broken = new AbortController();
  let fault: AppError | undefined;
  const take = (chunk: Buffer) => {
    if (fault !== undefined) return;
    try {
      onOutput(chunk);
    } catch (error) {
      fault = appError("forge.git-failed", `the output of ${what} could not be taken: ${String(error)}`, { cause: error });
      broken.abort();
    }
  };
  const end = await runHere(run, signal === undefined ? broken.signal : AbortSignal.any([signal, broken.signal]), { 1: take });
  if (fault !== undefined) throw fault;
  return end;
}

function bufferOf(bytes: Uint8Array = new Uint8Array()): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function textOf(bytes: Uint8Array | undefined): string {
  return bufferOf(bytes).toString("utf8");
}
