import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A network namespace of a test's own: interfaces, routes and firewall in it are nobody else's, and go with it. Needs root and iproute2. */
export interface Namespace extends AsyncDisposable {
  readonly name: string;
  run(program: string, ...words: string[]): Promise<string>;
  /** Ends with a code other than 0 as well. */
  try(program: string, ...words: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }>;
  feed(input: string, program: string, ...words: string[]): Promise<void>;
  /** A script in a process of its own, spoken to by messages. */
  start(script: string, options: object): Promise<Worker>;
}

export interface Worker extends AsyncDisposable {
  call<T>(method: string, ...args: readonly unknown[]): Promise<T>;
}

const env = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` };

export async function namespace(name: string): Promise<Namespace> {
  if (process.getuid?.() !== 0) throw new Error("network namespaces need root: run the tests as root, as .ci/run does");
  await run("ip", ["netns", "add", name], { env });
  const words = (program: string, rest: readonly string[]) => [`--net=/run/netns/${name}`, program, ...rest];
  const workers: AsyncDisposable[] = [];
  return {
    name,
    run: async (program, ...rest) => (await run("nsenter", words(program, rest), { env })).stdout,
    try: (program, ...rest) =>
      new Promise((resolve) => {
        execFile("nsenter", words(program, rest), { env }, (error, out, err) => {
          resolve({ code: error === null ? 0 : Number(error.code), out, err });
        });
      }),
    async feed(input, program, ...rest) {
      const child = execFile("nsenter", words(program, rest), { env });
      child.stdin?.end(input);
      const [code] = await once(child, "exit");
      if (code !== 0) throw new Error(`${program} ended with ${code}`);
    },
    async start(script, options) {
      // nsenter becomes the program, so that the process is our child, and the channel for messages is inherited.
      const child = spawn("nsenter", words(process.execPath, [script, JSON.stringify(options)]), {
        env,
        stdio: ["ignore", "inherit", "inherit", "ipc"],
      });
      const worker = workerOf(child);
      workers.push(worker);
      await worker.call("ready");
      return worker;
    },
    async [Symbol.asyncDispose]() {
      for (const worker of workers.reverse()) await worker[Symbol.asyncDispose]();
      await run("ip", ["netns", "delete", name], { env });
    },
  };
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string; readonly code?: string; readonly hint?: string };
}

function workerOf(child: ChildProcess): Worker {
  const waiting = new Map<number, (answer: Answer) => void>();
  let last = 0;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.on("message", (answer: Answer) => waiting.get(answer.id)?.(answer));
  void ended.then(() => {
    for (const answer of waiting.values()) answer({ id: 0, error: { message: "the worker has ended" } });
  });
  return {
    async call<T>(method: string, ...args: readonly unknown[]) {
      const id = ++last;
      const answered = new Promise<Answer>((resolve) => waiting.set(id, resolve));
      child.send({ id, method, args });
      const { result, error } = await answered;
      waiting.delete(id);
      if (error) throw Object.assign(new Error(error.message), error);
      return result as T;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await ended;
    },
  };
}

/** The other side of {@link Worker}, in the process itself. */
export function serveCalls(methods: Readonly<Record<string, (...args: never[]) => unknown>>): void {
  const answer = async ({ id, method, args }: { id: number; method: string; args: never[] }) => {
    try {
      process.send?.({ id, result: method === "ready" ? null : await methods[method]?.(...args) });
    } catch (error) {
      const { message, code, hint } = error as Error & { code?: string; hint?: string };
      process.send?.({ id, error: { message, code, hint } });
    }
  };
  process.on("message", (call: Parameters<typeof answer>[0]) => void answer(call));
  process.on("disconnect", () => process.exit(0));
}
