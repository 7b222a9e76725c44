import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { appError } from "../domain/errors.ts";
import type { Log } from "../log.ts";
import { isAlive } from "../programs/is-alive.ts";
import { type Placement, place, unplace } from "./embedded-placement.ts";
import { identify, withFileLock } from "./file-lock.ts";

export interface EmbeddedOptions {
  /** Made when it is missing; holds the data unless flibs runs as root, see `place`. */
  readonly directory: string;
  readonly log: Log;
  /** Most connections; a flibs takes about a dozen. Default 40. */
  readonly connections?: number;
  /** What was committed outlives a crash of the machine, and not only of the server. Default true; false is for data that nobody needs then, of tests. */
  readonly durable?: boolean;
}

export interface EmbeddedPostgres {
  readonly url: string;
  /** Ends the server if this process is its owner (it started it, or took it over from a flibs that was killed); a guest leaves it alone. */
  stop(): Promise<void>;
}

/** `connection.json`, mode 600: how the server is reached, and whose it is. */
interface Connection {
  readonly url: string;
  readonly port: number;
  readonly password: string;
  /** The postmaster. */
  readonly pid: number;
  /** The flibs that will stop it. */
  readonly owner: number;
  /** As {@link identify} calls the owner; earlier releases left it out. */
  readonly ownerIdentity?: string | undefined;
}

const startMs = 60_000;
const stopMs = 30_000;

/**
 * Small and durable: `fsync` stays on. Loopback TCP with a random password rather than a Unix socket, whose path could be too long or
 * unreachable; PostgreSQL 18's I/O workers and parallel workers would only cost memory here.
 */
const serverSettings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  shared_buffers: "32MB",
  work_mem: "4MB",
  maintenance_work_mem: "16MB",
  max_wal_size: "256MB",
  wal_level: "minimal",
  max_wal_senders: "0",
  io_method: "sync",
  max_worker_processes: "2",
  max_parallel_workers: "0",
  max_parallel_workers_per_gather: "0",
  autovacuum_max_workers: "2",
  jit: "off",
  fsync: "on",
};

/** Waiting for the disk is most of what a small commit takes. */
const forgetful = { fsync: "off", full_page_writes: "off", synchronous_commit: "off" };

/**
 * Starts the PostgreSQL of an installation, or finds it running: after a kill -9 of flibs the server lives on and is taken over; a killed
 * server recovers from its log. One directory, one server, whoever calls. Errors: `store.postgres-failed`, `store.postgres-user-missing`.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { log, connections = 40, durable = true } = options;
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  const directory = await realpath(options.directory);
  return await withFileLock(join(directory, "starting.lock"), startMs, async () => {
    const running = await findRunning(directory);
    if (running) {
      const mine = running.owner === process.pid || !(await isOwned(running));
      if (mine) await writeConnection(directory, { ...running, ...(await ownership()) });
      log.info({ server: running.pid, owner: mine }, "embedded PostgreSQL is running already");
      return { url: running.url, stop: mine ? () => stopServer(directory, running.pid) : async () => undefined };
    }
    const placement = await place(directory);
    const password = (await readConnection(directory))?.password ?? (await readPassword(directory));
    await initialise(placement, password);
    const settings = { ...serverSettings, max_connections: String(connections), ...(durable ? {} : forgetful) };
    const connection = await startServer(directory, placement, password, settings);
    log.info({ server: connection.pid, port: connection.port, data: placement.data }, "embedded PostgreSQL has started");
    return { url: connection.url, stop: () => stopServer(directory, connection.pid) };
  });
}

/** The URL of the server that runs for this directory; undefined when none does. */
export async function connectEmbedded(directory: string): Promise<string | undefined> {
  return (await findRunning(directory))?.url;
}

/** Ends the server, whoever owns it, and deletes its data, also what lies outside the directory. For demos and tests. */
export async function removeEmbeddedPostgres(directory: string): Promise<void> {
  const connection = await readConnection(directory);
  if (connection) await stopServer(directory, connection.pid);
  await unplace(directory);
}

async function findRunning(directory: string): Promise<Connection | undefined> {
  const connection = await readConnection(directory);
  return connection && isAlive(connection.pid) && (await answers(connection.url)) ? connection : undefined;
}

async function readConnection(directory: string): Promise<Connection | undefined> {
  const text = await readFile(join(directory, "connection.json"), "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Connection);
}

async function isOwned({ owner, ownerIdentity }: Connection): Promise<boolean> {
  return ownerIdentity === undefined ? isAlive(owner) : ownerIdentity === (await identify(owner));
}

async function ownership(): Promise<Pick<Connection, "owner" | "ownerIdentity">> {
  return { owner: process.pid, ownerIdentity: await identify(process.pid) };
}

/** Written aside and renamed: a reader never sees half of it. */
async function writeConnection(directory: string, connection: Connection): Promise<void> {
  const path = join(directory, "connection.json");
  await writeFile(`${path}.new`, `${JSON.stringify(connection, undefined, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** Made once and kept before the cluster exists, so that a crash in between leaves no cluster that nobody can enter. */
async function readPassword(directory: string): Promise<string> {
  const path = join(directory, "password");
  const known = await readFile(path, "utf8").catch(() => "");
  if (known !== "") return known;
  const password = randomBytes(24).toString("hex");
  await writeFile(`${path}.new`, password, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return password;
}

/** `initdb` into a directory aside, renamed when it is whole. */
async function initialise(placement: Placement, password: string): Promise<void> {
  if (
    await readFile(join(placement.data, "PG_VERSION")).then(
      () => true,
      () => false,
    )
  )
    return;
  const fresh = `${placement.data}.new`;
  const passwordFile = join(placement.home, "initial-password");
  await rm(fresh, { recursive: true, force: true });
  await writeFile(passwordFile, password, { mode: 0o600 });
  await placement.give(passwordFile);
  // Many rounds of hashing protect a password that can be guessed; of 192 random bits they only make each connection slower.
  const login = ["--username=flibs", "--auth=scram-sha-256", "--set=scram_iterations=1", `--pwfile=${passwordFile}`];
  const options = [...login, "--encoding=UTF8", "--locale=C"];
  const { code, output } = await ended(spawn(join(placement.binaries, "initdb"), [`--pgdata=${fresh}`, ...options], placement.spawn));
  await rm(passwordFile, { force: true });
  if (code !== 0) throw appError("store.postgres-failed", `initdb in ${fresh} ended with ${code}: ${lastLines(output)}`);
  await rename(fresh, placement.data);
}

async function startServer(
  directory: string,
  placement: Placement,
  password: string,
  settings: Readonly<Record<string, string>>,
): Promise<Connection> {
  await dropForeignPidFile(placement);
  const before = (await readConnection(directory))?.port;
  const port = before !== undefined && (await isFree(before)) ? before : await freePort();
  const url = `postgres://flibs:${password}@127.0.0.1:${port}/postgres`;
  const deadline = Date.now() + startMs;
  const logPath = join(directory, "postgres.log");
  for (;;) {
    const out = openSync(logPath, "a", 0o600);
    const args = Object.entries({ ...settings, port: String(port) }).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    // A session of its own: Ctrl-C and the end of flibs do not reach it, and what a killed flibs was doing is taken up again.
    const server = spawn(join(placement.binaries, "postgres"), ["-D", placement.data, ...args], {
      ...placement.spawn,
      detached: true,
      stdio: ["ignore", out, out],
    });
    closeSync(out);
    const failed = new Promise<string>((resolve) => {
      server.once("error", (error) => resolve(error.message));
      server.once("exit", (code, signal) => resolve(`it ended with ${code ?? signal}`));
    });
    const outcome = await Promise.race([failed, ready(url, deadline)]);
    if (outcome === "ready" && server.pid !== undefined) {
      server.unref();
      const connection = { url, port, password, pid: server.pid, ...(await ownership()) };
      await writeConnection(directory, connection);
      return connection;
    }
    const words = lastLines(await readFile(logPath, "utf8").catch(() => ""));
    // Children of a killed server need a moment to notice; only then is its shared memory free.
    const again = /shared memory block .* is still in use|lock file .* already exists/.test(words);
    if (outcome === "late") server.kill("SIGQUIT");
    if (!again || Date.now() > deadline)
      throw appError("store.postgres-failed", `PostgreSQL did not start in ${placement.data} (${outcome}): ${words}`);
    await delay(200);
  }
}

/** After a reboot the number in `postmaster.pid` may be some other process of today; PostgreSQL would refuse to start. */
async function dropForeignPidFile(placement: Placement): Promise<void> {
  const path = join(placement.data, "postmaster.pid");
  const pid = Number.parseInt(await readFile(path, "utf8").catch(() => ""), 10);
  if (!Number.isInteger(pid)) return;
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => undefined);
  if (command !== undefined && !command.includes("postgres")) await rm(path, { force: true });
}

/** Fast shutdown: transactions are rolled back, everything is written out. Its owner's connections must not be needed any more. */
async function stopServer(directory: string, pid: number): Promise<void> {
  const current = await readConnection(directory);
  if (current?.pid !== pid || !(await isPostgres(pid))) return;
  for (const signal of ["SIGINT", "SIGQUIT"] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    const deadline = Date.now() + stopMs;
    while (Date.now() < deadline) {
      if (!isAlive(pid)) return;
      await delay(20);
    }
  }
  throw appError("store.postgres-failed", `PostgreSQL, process ${pid}, did not stop`);
}

/** Of a number that another process has by now, one of another user for example, it is none. */
async function isPostgres(pid: number): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "postgres");
  return isAlive(pid) && command.includes("postgres");
}

async function ready(url: string, deadline: number): Promise<"ready" | "late"> {
  while (Date.now() < deadline) {
    if (await answers(url)) return "ready";
    await delay(30);
  }
  return "late";
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function isFree(port: number): Promise<boolean> {
  return listenOn(port).then(
    () => true,
    () => false,
  );
}

function freePort(): Promise<number> {
  return listenOn(0);
}

function listenOn(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}

function ended(child: ChildProcess): Promise<{ code: number | string; output: string }> {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += chunk));
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ code: error.message, output }));
    child.once("close", (code, signal) => resolve({ code: code ?? String(signal), output }));
  });
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-4).join(" | ");
}
