import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { appError } from "../../domain/errors.ts";

/** One GnuPG home directory and the gpg processes that work in it. */
export interface GnupgHome {
  run(request: GpgRequest): Promise<GpgResult>;
  /** Ends the agent when it was started from here, and waits for running gpg processes. */
  close(): Promise<void>;
}

export interface GpgRequest {
  readonly args: readonly string[];
  readonly input?: Uint8Array | string;
  /** Goes to gpg through file descriptor 4, never through arguments or the environment. */
  readonly passphrase?: string;
  readonly signal?: AbortSignal;
}

export interface GpgResult {
  readonly exitCode: number;
  readonly output: Buffer;
  /** `[GNUPG:]` lines without that word. */
  readonly status: readonly string[];
  /** What gpg said to people, in English, at most a few kilobytes. */
  readonly said: string;
}

export interface GnupgHomeOptions {
  readonly directory: string;
  readonly timeoutMs: number;
  /** gpg processes at a time; signing is CPU work, so a few more than cores are enough to keep the agent busy. */
  readonly parallel?: number;
  /** False for homes that only verify: no agent is ever started. */
  readonly agent: boolean;
  readonly gpg?: string;
}

/** gpg puts its agent's socket into the home directory, and a socket's path has room for 107 bytes. */
const longestHome = 80;
const outputLimit = 8 * 2 ** 20;

/**
 * Opens a home for use by any number of signers. Nothing is started before it is needed. Errors of `run`: `signing.signer-unavailable` when
 * gpg cannot be started, hangs or is stopped; an exit code other than 0 is the caller's to translate.
 */
export function openGnupgHome(options: GnupgHomeOptions): GnupgHome {
  const directory = resolve(options.directory);
  const slot = slots(options.parallel ?? 4);
  const running = new Set<Promise<unknown>>();
  let short: Promise<{ path: string; temporary?: string }> | undefined;
  let foundAgent: Promise<boolean> | undefined;

  async function run(request: GpgRequest): Promise<GpgResult> {
    short ??= shortPath(directory);
    const { path } = await short;
    if (options.agent) foundAgent ??= agentRuns(path);
    await foundAgent;
    return slot(() => runGpg(options, path, request));
  }
  return {
    run(request) {
      const work = run(request).finally(() => running.delete(work));
      running.add(work);
      return work;
    },
    async close() {
      await Promise.allSettled(running);
      if (foundAgent !== undefined && !(await foundAgent))
        await quietly("gpgconf", ["--homedir", (await short)?.path ?? directory, "--kill", "gpg-agent"]);
      const temporary = (await short)?.temporary;
      if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
      short = undefined;
      foundAgent = undefined;
    },
  };
}

function runGpg(options: GnupgHomeOptions, home: string, request: GpgRequest): Promise<GpgResult> {
  // --no-options: what stands in a gpg.conf (comments, armour, other digests) must not change what consumers get.
  const fixed = ["--homedir", home, "--no-options", "--batch", "--no-tty", "--quiet", "--no-permission-warning"];
  const trust = ["--no-auto-check-trustdb", "--trust-model", "always", "--status-fd", "3", "--display-charset", "utf-8"];
  const agent = options.agent ? [] : ["--no-autostart"];
  const secret = request.passphrase === undefined ? [] : ["--pinentry-mode", "loopback", "--passphrase-fd", "4"];
  const gpg = options.gpg ?? "gpg";
  return new Promise((done, fail) => {
    request.signal?.throwIfAborted();
    const child = spawn(gpg, [...fixed, ...trust, ...agent, ...secret, ...request.args], {
      stdio: ["pipe", "pipe", "pipe", "pipe", "pipe"],
      // Nothing of our environment (tokens, DISPLAY, GNUPGHOME) reaches gpg or the agent that it may start.
      env: { PATH: process.env.PATH, LC_ALL: "C" },
    });
    const [stdin, stdout, stderr, status, passphrase] = child.stdio as unknown as [Writable, Readable, Readable, Readable, Writable];
    const output: Buffer[] = [];
    let bytes = 0;
    let said = "";
    let statusText = "";
    const stop = (why: string) => {
      child.kill("SIGKILL");
      fail(
        appError("signing.signer-unavailable", `gpg ${why}`, { hint: "Ask gpg on that machine by hand: is its agent or card answering?" }),
      );
    };
    const timer = setTimeout(() => stop(`did not answer within ${options.timeoutMs} ms`), options.timeoutMs);
    const abort = () => stop("was stopped");
    request.signal?.addEventListener("abort", abort, { once: true });
    stdout.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > outputLimit) stop("wrote more than any signature has");
      else output.push(chunk);
    });
    stderr.on("data", (chunk: Buffer) => {
      if (said.length < 4096) said += chunk.toString();
    });
    status.on("data", (chunk: Buffer) => {
      if (statusText.length < 65_536) statusText += chunk.toString();
    });
    // gpg may end before it has read everything (unknown key): its exit code says more than our broken pipe.
    for (const pipe of [stdin, passphrase]) pipe.on("error", () => {});
    child.on("error", (cause) => {
      clearTimeout(timer);
      fail(appError("signing.signer-unavailable", `${gpg} could not be started`, { cause, hint: "Install gnupg" }));
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      request.signal?.removeEventListener("abort", abort);
      const lines = statusText.split("\n").flatMap((line) => (line.startsWith("[GNUPG:] ") ? [line.slice(9)] : []));
      done({ exitCode: code ?? -1, output: Buffer.concat(output), status: lines, said: said.slice(0, 4096) });
    });
    stdin.end(request.input ?? "");
    passphrase.end(request.passphrase === undefined ? "" : `${request.passphrase}\n`);
  });
}

type Writable = NodeJS.WritableStream;
type Readable = NodeJS.ReadableStream;

/** A long home is entered through a short symbolic link; all links to one home reach the same socket. */
async function shortPath(directory: string): Promise<{ path: string; temporary?: string }> {
  if (Buffer.byteLength(directory) <= longestHome) return { path: directory };
  const temporary = await mkdtemp(join(tmpdir(), "flibs-gpg-"));
  const path = join(temporary, "h");
  await symlink(directory, path);
  return { path, temporary };
}

/** gpg-connect-agent ends with 0 also when nobody is there; only an answer counts. */
async function agentRuns(home: string): Promise<boolean> {
  return /^D \d+$/m.test(await quietly("gpg-connect-agent", ["--homedir", home, "--no-autostart", "GETINFO pid", "/bye"]));
}

/** What a program says; nothing when it cannot be run. */
function quietly(program: string, args: readonly string[]): Promise<string> {
  return new Promise((done) => {
    const options = { env: { PATH: process.env.PATH, LC_ALL: "C" }, timeout: 10_000 };
    execFile(program, args, options, (_error, stdout) => done(stdout));
  });
}

function slots(size: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = size;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((go) => waiting.push(go));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}
