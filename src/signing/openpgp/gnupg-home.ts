import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { appError } from "../../domain/errors.ts";
import { places } from "../../domain/places.ts";
import { isAlive } from "../../programs/is-alive.ts";
import type { ProgramEnd } from "../../programs/program.ts";
import { runProgram } from "../../programs/run-program.ts";

/** One GnuPG home directory and the gpg processes that work in it. */
export interface GnupgHome {
  run(request: GpgRequest): Promise<GpgResult>;
  /** Waits for running gpg processes, and ends the agent unless it is the one that was there before the first of them. */
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
/** An agent that was told to end does so when those that talk to it have done. */
const agentEndMs = 2000;

/**
 * Opens a home for use by any number of signers. Nothing is started before it is needed. Errors of `run`: `signing.signer-unavailable` when
 * gpg cannot be started, hangs or is stopped; an exit code other than 0 is the caller's to translate.
 */
export function openGnupgHome(options: GnupgHomeOptions): GnupgHome {
  const directory = resolve(options.directory);
  const slot = places(options.parallel ?? 4);
  const running = new Set<Promise<unknown>>();
  let short: Promise<{ path: string; temporary?: string }> | undefined;
  /** Process id of the agent that is not ours. */
  let foundAgent: Promise<string | undefined> | undefined;

  async function run(request: GpgRequest): Promise<GpgResult> {
    short ??= shortPath(directory);
    const { path } = await short;
    if (options.agent) foundAgent = foundAgent?.then((agent) => stillFound(path, agent)) ?? findAgent(path);
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
      const { path, temporary } = (await short) ?? { path: directory };
      if (foundAgent !== undefined) await endAgent(path, await foundAgent);
      if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
      short = undefined;
      foundAgent = undefined;
    },
  };
}

async function runGpg(options: GnupgHomeOptions, home: string, request: GpgRequest): Promise<GpgResult> {
  // --no-options: what stands in a gpg.conf (comments, armour, other digests) must not change what consumers get.
  const fixed = ["--homedir", home, "--no-options", "--batch", "--no-tty", "--quiet", "--no-permission-warning"];
  const trust = ["--no-auto-check-trustdb", "--trust-model", "always", "--status-fd", "3", "--display-charset", "utf-8"];
  const agent = options.agent ? [] : ["--no-autostart"];
  const secret = request.passphrase === undefined ? [] : ["--pinentry-mode", "loopback", "--passphrase-fd", "4"];
  const gpg = options.gpg ?? "gpg";
  request.signal?.throwIfAborted();
  const end = await runProgram(
    {
      program: gpg,
      args: [...fixed, ...trust, ...agent, ...secret, ...request.args],
      // Nothing of our environment (tokens, DISPLAY, GNUPGHOME) reaches gpg or the agent that it may start.
      env: { ...(process.env.PATH === undefined ? {} : { PATH: process.env.PATH }), LC_ALL: "C" },
      inputs: { 0: request.input ?? "", 4: request.passphrase === undefined ? "" : `${request.passphrase}\n` },
      outputs: {
        1: { maxBytes: outputLimit, beyond: "end" },
        2: { maxBytes: 4096, beyond: "drop" },
        3: { maxBytes: 65_536, beyond: "drop" },
      },
      timeoutMs: options.timeoutMs,
    },
    request.signal,
  );
  if (end.notStarted !== undefined) {
    const cause = new Error(end.notStarted.message);
    throw appError("signing.signer-unavailable", `${gpg} could not be started`, { cause, hint: "Install gnupg" });
  }
  if (end.isLost) throw appError("signing.signer-unavailable", `what started ${gpg} was ended from outside`);
  if (end.ended !== undefined) {
    const hint = "Ask gpg on that machine by hand: is its agent or card answering?";
    throw appError("signing.signer-unavailable", `gpg ${whyEnded(end.ended, options.timeoutMs)}`, { hint });
  }
  const text = (fd: number) => Buffer.from(end.outputs[fd] ?? []).toString("utf8");
  const status = text(3)
    .split("\n")
    .flatMap((line) => (line.startsWith("[GNUPG:] ") ? [line.slice(9)] : []));
  return { exitCode: end.exitCode ?? -1, output: Buffer.from(end.outputs[1] ?? []), status, said: text(2) };
}

function whyEnded(ended: NonNullable<ProgramEnd["ended"]>, timeoutMs: number): string {
  if (ended === "late") return `did not answer within ${timeoutMs} ms`;
  return ended === "stopped" ? "was stopped" : "wrote more than any signature has";
}

/** A long home is entered through a short symbolic link; all links to one home reach the same socket. */
async function shortPath(directory: string): Promise<{ path: string; temporary?: string }> {
  if (Buffer.byteLength(directory) <= longestHome) return { path: directory };
  const temporary = await mkdtemp(join(tmpdir(), "flibs-gpg-"));
  const path = join(temporary, "h");
  await symlink(directory, path);
  return { path, temporary };
}

/** gpg-connect-agent ends with 0 also when nobody is there; only an answer counts. */
async function findAgent(home: string): Promise<string | undefined> {
  const said = await quietly("gpg-connect-agent", ["--homedir", home, "--no-autostart", "GETINFO pid", "/bye"]);
  return /^D (\d+)$/m.exec(said)?.[1];
}

/**
 * Somebody else's agent may end. When none is there before gpg runs again, gpg starts one that nobody else ends; when another one is, somebody has
 * started it, and may have unlocked its keys.
 */
async function stillFound(home: string, agent: string | undefined): Promise<string | undefined> {
  return agent === undefined || isAlive(Number(agent)) ? agent : await findAgent(home);
}

/** Resolves when it is gone, since whoever opens the home next must not take it for one that stays. */
async function endAgent(home: string, found: string | undefined): Promise<void> {
  const ours = await findAgent(home);
  if (ours === undefined || ours === found) return;
  await quietly("gpgconf", ["--homedir", home, "--kill", "gpg-agent"]);
  for (const end = Date.now() + agentEndMs; Date.now() < end && (await findAgent(home)) === ours; ) await delay(20);
}

/** What a program says; nothing when it cannot be run. */
async function quietly(program: string, args: readonly string[]): Promise<string> {
  const env = { ...(process.env.PATH === undefined ? {} : { PATH: process.env.PATH }), LC_ALL: "C" };
  const end = await runProgram({ program, args, env, outputs: { 1: { maxBytes: 65_536, beyond: "drop" } }, timeoutMs: 10_000 });
  return Buffer.from(end.outputs[1] ?? []).toString("utf8");
}
