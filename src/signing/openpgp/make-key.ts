import { appError } from "../../domain/errors.ts";
import type { GnupgHome } from "./gnupg-home.ts";

/**
 * Makes an unprotected RSA-3072 primary key that signs, for an installation that has no keys of its own yet, and returns its fingerprint;
 * a key of that name that is there already is taken. RSA, since some clients refuse Ed25519. Throws `signing.signer-unavailable`.
 */
export async function ensureKey(home: GnupgHome, name: string): Promise<string> {
  const listed = await home.run({ args: ["--with-colons", "--list-secret-keys", `=${name}`] });
  const present = fingerprintOf(listed.output.toString("utf8"));
  if (present) return present;
  const batch = [
    "%no-protection",
    "Key-Type: RSA",
    "Key-Length: 3072",
    "Key-Usage: sign",
    `Name-Real: ${name}`,
    "Expire-Date: 0",
    "%commit",
    "",
  ];
  const made = await home.run({ args: ["--gen-key"], input: batch.join("\n") });
  const again = await home.run({ args: ["--with-colons", "--list-secret-keys", `=${name}`] });
  const fingerprint = fingerprintOf(again.output.toString("utf8"));
  if (fingerprint) return fingerprint;
  throw appError("signing.signer-unavailable", `gpg made no key "${name}": ${made.said.trim().slice(0, 300)}`);
}

function fingerprintOf(colons: string): string | undefined {
  return /^fpr:{9}([0-9A-F]{40}):/m.exec(colons)?.[1];
}
