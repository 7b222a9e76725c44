import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { type AppError, appError } from "../../domain/errors.ts";

/** What is said to a git process that goes on afterwards, and how its reply is read. */
export interface Question<T> {
  readonly say: string | Uint8Array;
  /** Takes the reply as it comes; gives the answer with the last piece. Throws for what no git says, such as more than was asked. */
  readonly take: (piece: Buffer) => { readonly answer: T } | undefined;
}

export interface Limits {
  /** 60 seconds when left out. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** `ended`: git ended instead of answering. */
export type Reply<T> = { readonly answer: T } | { readonly ended: number; readonly said: string; readonly isSilent: boolean };

/** Throws `forge.git-failed` when git ended instead of answering. */
export function answerOf<T>(reply: Reply<T>, what: string): T {
  if ("answer" in reply) return reply.answer;
  const { ended, said } = reply;
  throw appError("forge.git-failed", `${what} ended with ${ended}: ${said.slice(0, 500)}`, { details: { exitCode: ended } });
}

/** A question whose reply is so many lines. */
export function lineQuestion(say: string, count: number): Question<readonly string[]> {
  let text = "";
  return {
    say,
    take(piece) {
      text += piece.toString("latin1");
      const lines = text.split("\n");
      if (lines.length > count + 1 || (lines.length === count + 1 && lines[count] !== ""))
        throw new Error("git said more than it was asked");
      return lines.length > count ? { answer: lines.slice(0, count) } : undefined;
    },
  };
}

/** One git process that answers questions one after the other. */
export interface GitSession {
  /** Is there a process that may be asked? */
  isOpen(): boolean;
  /** Only after the answer to the question before, and with a signal that is not aborted yet. Throws `forge.git-failed`, `forge.git-slow`, and what the signal was aborted with. */
  ask<T>(question: Question<T>, limits?: Limits): Promise<Reply<T>>;
  /** Ends a process that nothing is asked of: such a one holds no lock. */
  end(): void;
}

interface Listener {
  take(piece: Buffer): void;
  ended(exitCode: number): void;
  failed(error: Error): void;
}

/**
 * Starts the process. It keeps nobody's process from ending, and ends itself when its input closes, so it outlives nobody; while it is asked, the
 * time limit of the question keeps the asking process there.
 */
export function openSession(program: string, args: readonly string[], env: Readonly<Record<string, string>>, what: string): GitSession {
  let open = true;
  let said = "";
  let listener: Listener | undefined;
  const child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"] });
  // First of all: where no process can be started, it is told by this event alone, of a child without pipes.
  child.on("error", (error) => {
    open = false;
    listener?.failed(appError("forge.git-failed", `${what} could not be run: ${error.message}`, { cause: error }));
  });
  child.unref();
  const { stdin, stdout, stderr } = child as Partial<typeof child>;
  for (const stream of [stdin, stdout, stderr]) (stream as unknown as Socket | undefined)?.unref();

  function end(): void {
    open = false;
    child.kill("SIGKILL");
  }
  // A git that ends early closes its input; how it ended tells why.
  stdin?.on("error", () => {});
  stdout?.on("data", (piece: Buffer) => (listener ? listener.take(piece) : end()));
  stderr?.on("data", (piece: Buffer) => {
    if (said.length < 4096) said += piece.toString();
  });
  child.on("exit", () => {
    open = false;
  });
  child.on("close", (code) => listener?.ended(code ?? -1));

  return {
    isOpen: () => open,
    end,
    ask: ({ say, take }, { timeoutMs = 60_000, signal } = {}) =>
      new Promise((resolve, reject) => {
        let isSilent = true;
        said = "";
        const settle = (): void => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", abort);
          listener = undefined;
        };
        const fail = (error: unknown): void => {
          settle();
          end();
          reject(error);
        };
        const abort = (): void => fail(signal?.reason);
        const slow = (): AppError => appError("forge.git-slow", `${what} took longer than ${timeoutMs} ms`);
        const timer = setTimeout(() => fail(slow()), timeoutMs);
        signal?.addEventListener("abort", abort, { once: true });
        listener = {
          take(piece) {
            isSilent = false;
            try {
              const heard = take(piece);
              if (heard === undefined) return;
              settle();
              resolve(heard);
            } catch (error) {
              fail(appError("forge.git-failed", `the reply of ${what} could not be taken: ${String(error)}`, { cause: error }));
            }
          },
          ended(exitCode) {
            settle();
            resolve({ ended: exitCode, said: said.trim(), isSilent });
          },
          failed: fail,
        };
        stdin?.write(say);
      }),
  };
}
