import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const main = join(import.meta.dirname, "../src/main.ts");

export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs any program to its end; never through a shell. */
export async function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Record<string, string>; readonly live?: (text: string) => void } = {},
): Promise<CommandResult> {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    options.live?.(text);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    options.live?.(text);
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code: code ?? 1, out, err };
}

/** Like {@link run}, but an exit code other than 0 ends the demo with what the program said. */
export async function must(program: string, args: readonly string[], options: Parameters<typeof run>[2] = {}): Promise<string> {
  const result = await run(program, args, options);
  if (result.code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${result.code}:\n${result.err || result.out}`);
  return result.out;
}

/** The `flibs` command of this checkout, on one installation. */
export function flibsCommand(settings: string) {
  const words = (args: readonly string[]) => ["--disable-warning=ExperimentalWarning", main, "--config", settings, ...args];
  return {
    must: (...args: string[]) => must(process.execPath, words(args)),
    run: (...args: string[]) => run(process.execPath, words(args)),
    live: (live: (text: string) => void, ...args: string[]) => run(process.execPath, words(args), { live }),
    json: async <T>(...args: string[]) => JSON.parse(await must(process.execPath, words([...args, "--json"]))) as T,
    serve: (log: string) => startServe(words(["serve"]), log),
  };
}

export type FlibsCommand = ReturnType<typeof flibsCommand>;

export interface ServeProcess {
  readonly pid: number;
  /** Asks the service to stop and waits until it has. */
  stop(): Promise<void>;
}

async function startServe(args: readonly string[], log: string): Promise<ServeProcess> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const file = createWriteStream(log);
  child.stdout.pipe(file);
  child.stderr.pipe(file);
  child.stdout.setEncoding("utf8");
  let said = "";
  const ready = new Promise<void>((done) => {
    child.stdout.on("data", (text: string) => {
      said += text;
      if (/flibs is ready/.test(said)) done();
    });
  });
  const ended = once(child, "exit").then(() => {
    throw new Error(`flibs serve ended early, see ${log}:\n${said.slice(-2000)}`);
  });
  // What is not awaited any more may still fail when the demo stops the service.
  ended.catch(() => {});
  await Promise.race([ready, ended]);
  return { pid: child.pid ?? 0, stop: () => stopProcess(child, log) };
}

/** More than the service gives to what is under way. Killed, it leaves its database and its gpg-agent running. */
const stopMs = 90_000;

/** Rejects when it had to be killed, with the end of its log. */
async function stopProcess(child: ChildProcess, log: string): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit").then(() => true);
  child.kill("SIGTERM");
  if (await Promise.race([ended, delay(stopMs, false, { ref: false })])) return;
  child.kill("SIGKILL");
  await ended;
  const last = (await readFile(log, "utf8")).trimEnd().split("\n").slice(-10).join("\n");
  throw new Error(
    `flibs serve did not stop within ${stopMs / 1000} s and was killed: its PostgreSQL and its gpg-agent may still run. Its log ends with:\n${last}`,
  );
}

/** Asks until there is an answer; the demo's patience ends after a minute and a half. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, everyMs = 300): Promise<T> {
  for (const end = Date.now() + 90_000; Date.now() < end; await delay(everyMs)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
  }
  throw new Error(`waited in vain for ${what}`);
}
