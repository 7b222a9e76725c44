import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** A real `probot`, as the documentation has it called in a checkout of flibs. */
export interface ProbotProcess {
  /** All that it said so far. */
  said(): string;
  /** Resolves when it has said this; rejects with all that it said when it ends before. */
  until(words: string): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** The exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
}

export function startProbot(args: readonly string[], environment: Readonly<Record<string, string | undefined>>): ProbotProcess {
  const { FLIBS_TEST_POSTGRES: _, NODE_OPTIONS: _options, ...outer } = process.env;
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "node_modules/.bin/probot", ...args, "./src/index.ts"], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...outer, NODE_ENV: "production", LOG_FORMAT: "json", ...environment },
  });
  let said = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      for (const listener of listeners) listener();
    });
  }
  const ended = (once(child, "close") as Promise<[number | null]>).then(([code]) => code);
  return {
    said: () => said,
    ended,
    signal: (name) => void child.kill(name),
    until: (words) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (said.includes(words)) resolve();
        };
        listeners.add(look);
        look();
        void ended.then((code) => reject(new Error(`probot ended with ${code}:\n${said.slice(-3000)}`)));
      }),
  };
}
