import { appError } from "../../domain/errors.ts";
import type { GnupgHome } from "./gnupg-home.ts";

/** A primary key that consumers of every containers/image build accept. */
export interface SigningKey {
  readonly fingerprint: string;
  /** Unix time in milliseconds; undefined = never. */
  readonly expiresAt: number | undefined;
}

/**
 * Looks the key up (its public part alone where another process signs) and refuses what consumers would refuse later, when it is too late: subkeys, Ed25519 and small RSA keys, revoked and
 * expired ones. Throws `signing.key-missing`, `signing.key-unusable`, `signing.key-expired`.
 */
export async function readSigningKey(
  home: GnupgHome,
  fingerprint: string,
  now: number,
  part: "secret" | "public" = "secret",
): Promise<SigningKey> {
  const list = part === "secret" ? "--list-secret-keys" : "--list-keys";
  const listed = await home.run({ args: ["--with-colons", "--fixed-list-mode", list, fingerprint] });
  const records = listed.output.toString("utf8").split("\n");
  return checkSigningKey(
    records.map((line) => line.split(":")),
    fingerprint,
    now,
    part,
  );
}

/** The rules, over the records of `gpg --with-colons` (GnuPG `doc/DETAILS`). */
export function checkSigningKey(
  records: readonly (readonly string[])[],
  fingerprint: string,
  now: number,
  part: "secret" | "public" = "secret",
): SigningKey {
  const primary = records.findIndex((record) => record[0] === (part === "secret" ? "sec" : "pub"));
  const key = records[primary];
  if (key === undefined) {
    throw appError("signing.key-missing", `no ${part} key ${fingerprint} in the GnuPG home directory`, {
      hint: "Import the key, or correct its fingerprint in the settings (gpg --list-secret-keys)",
    });
  }
  const unusable = (why: string, hint: string) => appError("signing.key-unusable", `key ${fingerprint} ${why}`, { hint });
  const primaryFingerprint = records.slice(primary).find((record) => record[0] === "fpr")?.[9];
  if (primaryFingerprint !== fingerprint) {
    throw unusable("is a subkey, whose signatures podman and skopeo refuse", `Write the primary key's fingerprint ${primaryFingerprint}`);
  }
  const [, validity = "", length = "0", algorithm, , , expires = "", , , , , capabilities = ""] = key;
  if (validity === "r") throw unusable("is revoked", "Make a new key and publish it before you use it");
  const curve = key[16] ?? "";
  const strong = algorithm === "1" ? Number(length) >= 3072 : algorithm === "19" && curve === "nistp256";
  if (!strong) {
    const what = algorithm === "1" ? `RSA with ${length} bits` : curve || `algorithm ${algorithm}`;
    throw unusable(`is ${what}, which some clients refuse`, "Use an RSA key of at least 3072 bits or NIST P-256");
  }
  if (!capabilities.includes("s")) throw unusable("may not sign: its primary key only certifies", "Make a primary key with usage sign");
  const expiresAt = expires === "" || expires === "0" ? undefined : Number(expires) * 1000;
  if (validity === "e" || (expiresAt !== undefined && expiresAt <= now)) {
    throw appError("signing.key-expired", `key ${fingerprint} has expired`, {
      hint: "Extend it (gpg --quick-set-expire) and publish the public key again",
    });
  }
  return { fingerprint, expiresAt };
}
