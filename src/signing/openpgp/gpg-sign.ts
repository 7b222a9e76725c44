import { type AppError, appError } from "../../domain/errors.ts";
import type { GnupgHome, GpgResult } from "./gnupg-home.ts";

export interface GpgSigning {
  readonly text: string;
  /** Of the primary key, 40 upper-case hexadecimal digits. */
  readonly fingerprint: string;
  readonly passphrase?: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * One binary signed message, made by exactly the primary key. Throws `signing.key-missing`, `signing.key-expired` and
 * `signing.signer-unavailable`.
 */
export async function gpgSign(gnupgHome: GnupgHome, { text, fingerprint, passphrase, signal }: GpgSigning): Promise<Buffer> {
  // "!" forces the primary key: clients refuse a subkey's signature.
  const args = ["--local-user", `${fingerprint}!`, "--compress-algo", "none", "--sign"];
  const result = await gnupgHome.run({ args, input: text, signal, ...(passphrase === undefined ? {} : { passphrase }) });
  if (result.exitCode !== 0 || !madeBy(result, fingerprint)) throw translate(result, fingerprint);
  return result.output;
}

/** The public key as consumers get it: binary, without other people's signatures on it. Throws `signing.key-missing`. */
export async function exportKey(gnupgHome: GnupgHome, fingerprint: string): Promise<Uint8Array> {
  const exported = await gnupgHome.run({ args: ["--export-options", "export-minimal", "--export", fingerprint] });
  if (exported.output.length > 0) return exported.output;
  throw appError("signing.key-missing", `no public key ${fingerprint} in the GnuPG home directory`);
}

/** Several keys one after the other are a keyring: whoever reads it takes a signature of any of them. */
export async function exportKeyring(gnupgHome: GnupgHome, fingerprints: readonly string[]): Promise<Uint8Array> {
  const keys: Uint8Array[] = [];
  for (const fingerprint of fingerprints) keys.push(await exportKey(gnupgHome, fingerprint));
  return Buffer.concat(keys);
}

function madeBy(result: GpgResult, fingerprint: string): boolean {
  const made = result.status.filter((line) => line.startsWith("SIG_CREATED "));
  return made.length === 1 && made[0]?.split(" ")[6] === fingerprint && ((result.output[0] ?? 0) & 0x80) !== 0;
}

/** gpg speaks English to us (LC_ALL=C); what it says is cut and kept for operators, never shown on a pull request. */
function translate(result: GpgResult, fingerprint: string): AppError {
  const details = { said: result.said.slice(0, 500), exitCode: result.exitCode };
  if (/secret key not available|No secret key|Unusable secret key/i.test(result.said)) {
    return appError("signing.key-missing", `gpg has no usable secret key ${fingerprint}`, { details });
  }
  if (/expired/i.test(result.said)) return appError("signing.key-expired", `key ${fingerprint} has expired`, { details });
  if (/pinentry|Inappropriate ioctl|passphrase|Operation cancelled/i.test(result.said)) {
    return appError("signing.signer-unavailable", "the signing key is locked", {
      hint: "Unlock it in its gpg-agent (gpg-preset-passphrase), name its passphrase in the settings, or use a key on a card or HSM",
      details,
    });
  }
  return appError("signing.signer-unavailable", `gpg --sign ended with exit code ${result.exitCode}`, {
    hint: "Sign something by hand with the same GnuPG home directory to see what is wrong",
    details,
  });
}
