import { stat } from "node:fs/promises";
import { places } from "../../domain/places.ts";
import { oneAtATime } from "../one-at-a-time.ts";
import { type GitSession, type Limits, openSession, type Question, type Reply } from "./session.ts";

/** Git processes that stay for the next question, since starting one costs the starting process more than the question costs git. */
export interface GitSessions {
  /** Asks the process of this command in this repository, one question after another. */
  ask<T>(repository: string, command: readonly string[], question: Question<T>, limits?: Limits): Promise<Reply<T>>;
  /** Ends all processes that nothing is asked of now, and others after their answer. */
  close(): void;
}

export interface SessionsOptions {
  readonly program: string;
  readonly env: () => Readonly<Record<string, string>>;
  /** Processes at the same time; who comes later waits. */
  readonly most?: number;
  /** A process that nothing was asked of for so long is ended. */
  readonly idleMs?: number;
  /** An older process is not asked any more: what it remembers of the repository, and what it takes for that, stays bounded. */
  readonly longestMs?: number;
}

interface Kept {
  readonly session: GitSession;
  /** The directory that it was started in. */
  readonly stamp: string;
  readonly startedAt: number;
  idle?: NodeJS.Timeout;
}

export function openSessions({ program, env, most = 8, idleMs = 5_000, longestMs = 60_000 }: SessionsOptions): GitSessions {
  const inTurn = oneAtATime();
  const place = places(most);
  /** Those that nothing is asked of, the longest first. */
  const idle = new Map<string, Kept>();
  let asked = 0;
  let closed = false;

  function take(key: string, repository: string, command: readonly string[], stamp: string): Kept {
    const kept = idle.get(key);
    idle.delete(key);
    clearTimeout(kept?.idle);
    const isYoung = kept !== undefined && performance.now() - kept.startedAt < longestMs;
    if (kept?.session.isOpen() && isYoung && kept.stamp === stamp) return kept;
    kept?.session.end();
    const [oldest] = idle;
    if (oldest !== undefined && idle.size + asked > most) release(...oldest);
    const args = ["--git-dir", repository, ...command];
    return { session: openSession(program, args, env(), `git ${command[0] ?? ""}`), stamp, startedAt: performance.now() };
  }
  function release(key: string, kept: Kept): void {
    if (idle.get(key) === kept) idle.delete(key);
    clearTimeout(kept.idle);
    kept.session.end();
  }
  function keep(key: string, kept: Kept): void {
    if (closed) kept.session.end();
    if (!kept.session.isOpen()) return;
    kept.idle = setTimeout(() => release(key, kept), idleMs);
    kept.idle.unref();
    idle.set(key, kept);
  }

  async function ask<T>(repository: string, command: readonly string[], question: Question<T>, limits: Limits): Promise<Reply<T>> {
    const key = keyOf(repository, command);
    const stamp = await stampOf(repository);
    if (stamp === undefined) return { ended: 128, said: `fatal: not a git repository: '${repository}'`, isSilent: true };
    limits.signal?.throwIfAborted();
    const isUsed = idle.has(key);
    const kept = take(key, repository, command, stamp);
    const reply = await kept.session.ask(question, limits);
    keep(key, kept);
    // It had been ended by somebody else's hand before it heard the question: another one is asked.
    const isUnheard = isUsed && "ended" in reply && reply.isSilent && reply.said === "";
    return isUnheard ? ask(repository, command, question, limits) : reply;
  }

  return {
    ask: (repository, command, question, limits = {}) =>
      inTurn(keyOf(repository, command), () =>
        place(async () => {
          asked += 1;
          try {
            return await ask(repository, command, question, limits);
          } finally {
            asked -= 1;
          }
        }),
      ),
    close() {
      closed = true;
      for (const [key, kept] of idle) release(key, kept);
    },
  };
}

const keyOf = (repository: string, command: readonly string[]) => `${command.join(" ")}\0${repository}`;

/** A directory that was made anew under the same name is another one: a process would go on telling of the packs of the old one. */
async function stampOf(repository: string): Promise<string | undefined> {
  const found = await stat(repository, { bigint: true }).catch(() => undefined);
  return found && `${found.dev}:${found.ino}:${found.birthtimeNs}`;
}
