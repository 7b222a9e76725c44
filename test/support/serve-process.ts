import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { parse, stringify } from "yaml";

const main = join(import.meta.dirname, "../../src/main.ts");

/** A real `flibs serve`, as an operator's service manager runs it. */
export interface ServeProcess {
  readonly pid: number;
  /** All that it logged so far. */
  log(): string;
  /** Asks it to stop; the exit code, and how long it took. */
  stop(): Promise<{ readonly code: number | null; readonly ms: number }>;
  /** The power goes: no word of goodbye. */
  kill(): Promise<void>;
}

/** Throws with its log when it ends before it is ready. `program` is what Node runs when it is not the sources. */
export async function startServe(
  settingsFile: string,
  environment: Readonly<Record<string, string>> = {},
  program: readonly string[] = [main],
): Promise<ServeProcess> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...program, "--config", settingsFile, "serve"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  let said = "";
  let ready: () => void;
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.includes("flibs is ready")) ready();
    });
  }
  const ended = once(child, "close") as Promise<[number | null]>;
  const early = ended.then(() =>
    Promise.reject(new Error(`flibs serve ended with ${child.exitCode ?? child.signalCode}:\n${said.slice(-3000)}`)),
  );
  early.catch(() => {});
  await Promise.race([isReady, early]);
  return {
    pid: child.pid ?? 0,
    log: () => said,
    async stop() {
      const began = Date.now();
      if (isAlive(child)) child.kill("SIGTERM");
      const [code] = await ended;
      return { code, ms: Date.now() - began };
    },
    async kill() {
      if (isAlive(child)) child.kill("SIGKILL");
      await ended;
    },
  };
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** Changes a settings file as an operator does, and writes it under another name beside it. */
export async function changedSettings(file: string, name: string, change: (settings: SettingsText) => void): Promise<string> {
  const settings = parse(await readFile(file, "utf8")) as SettingsText;
  change(settings);
  const fresh = join(file, "..", name);
  await writeFile(fresh, stringify(settings));
  return fresh;
}

/** The parts of a settings file that tests change. */
export interface SettingsText {
  engines?: readonly Record<string, unknown>[];
  sweeps?: Record<string, unknown>;
  limits?: Record<string, unknown>;
  web?: Record<string, unknown>;
  registries: { candidate: Record<string, unknown> };
  [section: string]: unknown;
}

/** A door before a server that can be shut, as when the server is down, and opened again on the same port. */
export async function door(target: string) {
  const [host = "", port = ""] = target.split(":");
  const open = new Set<Socket>();
  const server = createServer((incoming) => {
    const outgoing = connect(Number(port), host);
    for (const socket of [incoming, outgoing]) {
      open.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        open.delete(socket);
        incoming.destroy();
        outgoing.destroy();
      });
    }
    incoming.pipe(outgoing).pipe(incoming);
  });
  const listen = (at: number) =>
    new Promise<number>((resolve, reject) => {
      server.once("error", reject);
      server.listen(at, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
    });
  const own = await listen(0);
  const shut = async () => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    for (const socket of open) socket.destroy();
    await closed;
  };
  return { endpoint: `127.0.0.1:${own}`, shut, reopen: () => listen(own) };
}
