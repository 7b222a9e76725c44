import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { access, constants, mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "./free-port.ts";
import { scratchDirectory } from "./scratch-directory.ts";

const run = promisify(execFile);

export interface DockerRegistryOptions {
  /** `basic` wants {@link registryCredential} for everything; anonymous access otherwise. */
  readonly auth?: "none" | "basic";
  /** Manifests and blobs may be deleted; true unless said otherwise. */
  readonly deleteEnabled?: boolean;
  /** Lines for docker-registry's configuration file in place of the `auth:` section (token auth, proxy, notifications). */
  readonly extraConfig?: string;
}

export interface RunningRegistry extends AsyncDisposable {
  /** `127.0.0.1:<port>`, as image references name it. */
  readonly endpoint: string;
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** Where blobs and links stand, for tests that damage them. */
  readonly storage: string;
  /** docker-registry's log, where each request is a line. */
  readonly logFile: string;
  /** Runs `garbage-collect --delete-untagged` on the storage, as an operator's timer does; returns what it printed. */
  collectGarbage(): Promise<string>;
  /** Ends the process and waits for it; nothing is left on disk. May be called twice. */
  stop(): Promise<void>;
}

/** What a registry with `auth: "basic"` lets in. docker-registry takes only bcrypt, which Node cannot make: hence one fixed pair. */
export const registryCredential = { username: "alice", password: "open-sesame" } as const;
const htpasswd = "alice:$2y$05$RO/3vsc5Nf3uwVyJnMkkF.FphdPza2SHC.WEHh3tRQ3n0s.gZ/p22\n";

/**
 * Starts the distribution's docker-registry (2.8: no referrers API, no OCI 1.1) on a free port in a directory of its own; takes about
 * 0.1 s. Throws when the program is not installed or does not answer, with its log.
 */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<RunningRegistry> {
  const program = await findRegistryProgram();
  const scratch = await scratchDirectory("registry-");
  const logFile = join(scratch.path, "log");
  const storage = join(scratch.path, "storage");
  await mkdir(storage);
  await writeFile(join(scratch.path, "htpasswd"), htpasswd);
  let problem = "";
  // Another process may take the port between looking and starting.
  for (let attempt = 0; attempt < 3; attempt++) {
    const endpoint = `127.0.0.1:${await freePort()}`;
    const configFile = join(scratch.path, "config.yml");
    await writeFile(configFile, formatConfig(scratch.path, endpoint, options));
    // Of so small a process Go collects garbage after every four megabytes otherwise, which is a fifth of its time.
    const env = { ...process.env, GOGC: "400" };
    const log = openSync(logFile, "a");
    const child = spawn(program, ["serve", configFile], { stdio: ["ignore", log, log], env });
    closeSync(log);
    if (await answers(child, endpoint)) {
      const stop = async () => {
        await end(child);
        await scratch.remove();
      };
      const collectGarbage = async () => (await run(program, ["garbage-collect", "-m", configFile], { maxBuffer: 64 * 2 ** 20 })).stdout;
      return { endpoint, url: `http://${endpoint}`, storage, logFile, collectGarbage, stop, [Symbol.asyncDispose]: stop };
    }
    await end(child);
    problem = await readFile(logFile, "utf8").catch(() => "");
  }
  await scratch.remove();
  throw new Error(`${program} does not answer: ${problem.slice(-2000)}`);
}

/** Debian calls the program docker-registry, Fedora registry. */
async function findRegistryProgram(): Promise<string> {
  for (const name of ["docker-registry", "registry"]) {
    for (const directory of (process.env.PATH ?? "").split(delimiter)) {
      const file = join(directory, name);
      const found = await access(file, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (found) return file;
    }
  }
  throw new Error("docker-registry is not installed: run scripts/setup");
}

function formatConfig(directory: string, endpoint: string, options: DockerRegistryOptions): string {
  const lines = [
    "version: 0.1",
    // What it has to say of each request besides takes as long as most requests.
    "log: { level: warn, accesslog: { disabled: false } }",
    "storage:",
    `  filesystem: { rootdirectory: ${JSON.stringify(join(directory, "storage"))} }`,
    `  delete: { enabled: ${options.deleteEnabled ?? true} }`,
    "  maintenance: { uploadpurging: { enabled: false } }",
    `http: { addr: "${endpoint}", secret: tests }`,
    ...(options.auth === "basic" ? [`auth: { htpasswd: { realm: tests, path: ${JSON.stringify(join(directory, "htpasswd"))} } }`] : []),
    ...(options.extraConfig === undefined ? [] : [options.extraConfig]),
  ];
  return `${lines.join("\n")}\n`;
}

async function answers(child: ChildProcess, endpoint: string): Promise<boolean> {
  let ended = false;
  child.once("exit", () => {
    ended = true;
  });
  child.once("error", () => {
    ended = true;
  });
  for (const until = Date.now() + 10_000; Date.now() < until && !ended; await delay(10)) {
    const status = await fetch(`http://${endpoint}/v2/`).then(
      (response) => response.status,
      () => undefined,
    );
    // 401 is an answer too: that of a registry with auth.
    if (status === 200 || status === 401) return !ended;
  }
  return false;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}
