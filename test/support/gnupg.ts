import { randomUUID } from "node:crypto";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "./skopeo.ts";

export interface GnupgHome extends AsyncDisposable {
  /** GNUPGHOME: mode 700, short enough for the agent's socket (about 100 bytes). */
  readonly path: string;
  /** Ends the agent, then removes the directory; may be called twice. */
  remove(): Promise<void>;
}

/** An empty GnuPG home of a test's own. Always `remove()` it: an agent that outlives its directory stays for ever. */
export async function gnupgHome(): Promise<GnupgHome> {
  const path = await mkdtemp(join(tmpdir(), "gpg-"));
  await chmod(path, 0o700);
  const remove = async () => {
    await endAgent(path);
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  };
  return { path, remove, [Symbol.asyncDispose]: remove };
}

/**
 * Makes an unprotected RSA-3072 signing key (what Fedora's consumers still accept everywhere) in the GnuPG home and returns the full
 * fingerprint of its primary key. Takes 0.1 to 1 s: share keys in a test file.
 */
export async function makeKey(home: string, name: string): Promise<string> {
  const address = `${name.toLowerCase().replaceAll(/[^a-z0-9]/g, "-")}@example.test`;
  return generateKey(home, ["Key-Type: RSA", "Key-Length: 3072", `Name-Real: ${name}`, `Name-Email: ${address}`]);
}

/** The same on the curve P-256, which is made and signs in a few milliseconds: for whole stories, where it does not matter what the key is. */
export async function makeFastKey(home: string, name: string): Promise<string> {
  return generateKey(home, ["Key-Type: ECDSA", "Key-Curve: nistp256", `Name-Real: ${name}`]);
}

async function generateKey(home: string, lines: readonly string[]): Promise<string> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const batch = join(home, `${randomUUID()}.batch`);
  await writeFile(batch, ["%no-protection", ...lines, "Key-Usage: sign", "Expire-Date: 0", "%commit", ""].join("\n"));
  const made = await gpg(home, ["--status-fd", "1", "--gen-key", batch]);
  await rm(batch, { force: true });
  const fingerprint = /KEY_CREATED \S+ ([0-9A-F]{40})/.exec(made)?.[1];
  if (fingerprint === undefined) throw new Error(`gpg made no key: ${made}`);
  return fingerprint;
}

/** The public key as users get it, ASCII armoured. */
export async function exportPublicKey(home: string, fingerprint: string): Promise<string> {
  return gpg(home, ["--armor", "--export", fingerprint]);
}

/** Ends the gpg-agent of a home, if one runs. */
export async function endAgent(home: string): Promise<void> {
  await runProgram("gpgconf", ["--homedir", home, "--kill", "gpg-agent"]);
}

async function gpg(home: string, args: readonly string[]): Promise<string> {
  const result = await runProgram("gpg", ["--batch", "--no-tty", "--homedir", home, ...args]);
  if (result.exitCode !== 0) throw new Error(`gpg ${args.join(" ")} ended with ${result.exitCode}: ${result.stderr}`);
  return result.stdout;
}
