import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { appError } from "../../domain/errors.ts";
import type { CheckedSignature, OwnSignatureChecker } from "../signature-source.ts";
import { maxSignatureBytes } from "../signature-source.ts";
import { type GnupgHome, type GpgResult, openGnupgHome } from "./gnupg-home.ts";

/**
 * Judges signature messages by the keys of one registry alone: gpg works in a throw-away home that holds these and nothing else, so that
 * neither other keys nor a person's trust settings have a say. `publicKeys` is a keyring. `close` removes the home.
 * Throws `signing.key-missing` when the keyring does not hold exactly the primary keys `fingerprints` (upper case).
 */
export async function openGpgChecker(options: {
  readonly publicKeys: Uint8Array;
  readonly fingerprints: readonly string[];
  readonly timeoutMs: number;
}): Promise<OwnSignatureChecker & { close(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "flibs-key-"));
  await chmod(directory, 0o700);
  const home = openGnupgHome({ directory, timeoutMs: options.timeoutMs, agent: false });
  const close = async () => {
    await home.close();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await importOnly(home, options.publicKeys, options.fingerprints);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    fingerprints: options.fingerprints,
    async check(bytes) {
      const refusal = refuseForm(bytes);
      if (refusal !== undefined) return { verdict: "unreadable", blocking: true, why: refusal };
      const result = await home.run({ args: ["--decrypt"], input: bytes });
      demandEnd(result);
      return judge(result, options.fingerprints);
    },
    async findValid(signatures) {
      const found: (CheckedSignature | undefined)[] = [];
      for (let first = 0; first < signatures.length; first += filesAtOnce) {
        const files = await decryptFiles(home, directory, signatures.slice(first, first + filesAtOnce));
        const judged = files.map((one) => judge(one, options.fingerprints));
        found.push(...judged.map((one) => (one.verdict === "valid" ? one : undefined)));
      }
      return found;
    },
    close,
  };
}

/** Killed, as by a machine without memory: that says nothing about the signature. */
function demandEnd({ exitCode }: GpgResult): void {
  if (exitCode < 0) throw appError("signing.signer-unavailable", "gpg ended before it had checked a signature");
}

/** What gpg says of one file. */
type Decrypted = Pick<GpgResult, "output" | "status">;

/** Each has not a kilobyte of status lines, of which so many are read. */
const filesAtOnce = 32;

/** By one process, which stops at the first bad signature. What each says goes into a file beside it, without a limit: only for messages that were made here. */
async function decryptFiles(home: GnupgHome, parent: string, messages: readonly Uint8Array[]): Promise<readonly Decrypted[]> {
  const directory = await mkdtemp(join(parent, "own-"));
  try {
    const paths = messages.map((_, index) => join(directory, String(index)));
    await Promise.all(messages.map((bytes, index) => writeFile(`${paths[index]}.gpg`, bytes)));
    const result = await home.run({ args: ["--multifile", "--decrypt", ...paths.map((path) => `${path}.gpg`)] });
    demandEnd(result);
    return await Promise.all(
      paths.map(async (path) => ({
        // Absent when gpg found no text; its status lines say so, too.
        output: await readFile(path).catch(() => Buffer.alloc(0)),
        status: statusOfFile(result.status, `${path}.gpg`),
      })),
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The lines between `FILE_START 3 <path>` and the next `FILE_DONE` (GnuPG `doc/DETAILS`); none for a file that gpg did not come to. */
function statusOfFile(status: readonly string[], path: string): readonly string[] {
  const start = status.indexOf(`FILE_START 3 ${path}`);
  const end = status.indexOf("FILE_DONE", start);
  return start < 0 || end < 0 ? [] : status.slice(start + 1, end);
}

async function importOnly(home: GnupgHome, publicKey: Uint8Array, fingerprints: readonly string[]): Promise<void> {
  await home.run({ args: ["--import-options", "import-minimal", "--import"], input: publicKey });
  const listed = await home.run({ args: ["--with-colons", "--fixed-list-mode", "--list-keys"] });
  const records = listed.output.toString("utf8").split("\n");
  const primaries = records.flatMap((line, i) => (line.startsWith("pub:") ? [fingerprintAfter(records, i)] : []));
  if (primaries.toSorted().join() === fingerprints.toSorted().join()) return;
  const found = primaries.length === 0 ? "no key" : primaries.join(", ");
  throw appError("signing.key-missing", `the public key file holds ${found}, expected ${fingerprints.join(", ")} alone`, {
    hint: `Export with: gpg --export ${fingerprints.join(" ")}`,
  });
}

function fingerprintAfter(records: readonly string[], index: number): string {
  return (
    records
      .slice(index)
      .find((line) => line.startsWith("fpr:"))
      ?.split(":")[9] ?? ""
  );
}

/** What containers/image refuses by its first byte, before any cryptography; one such file makes it give the whole image up. */
function refuseForm(bytes: Uint8Array): string | undefined {
  const first = bytes[0];
  if (first === undefined) return "it is empty";
  if ((first & 0x80) === 0) return `it starts with byte 0x${first.toString(16).padStart(2, "0")}, no binary OpenPGP message does`;
  return bytes.length > maxSignatureBytes ? "it is too large" : undefined;
}

/** Exactly one signature, over text inside the message, by a primary key itself (GnuPG `doc/DETAILS`, status lines). */
function judge(result: Decrypted, wanted: readonly string[]): CheckedSignature {
  const found = (word: string) => result.status.filter((line) => line.startsWith(`${word} `) || line === word);
  const unreadable = (why: string): CheckedSignature => ({ verdict: "unreadable", blocking: false, why });
  if (found("NEWSIG").length !== 1) return unreadable("it holds no signature, or more than one");
  if (found("PLAINTEXT").length !== 1) return unreadable("it holds no signed text, or more than one");
  if (found("BADSIG").length > 0) return unreadable("the signature does not fit the text");
  const text = result.output.toString("utf8");
  const missing = found("ERRSIG")[0]?.split(" ");
  if (missing !== undefined) {
    const known = missing[7] !== undefined && missing[7] !== "-" ? missing[7] : missing[1];
    return { verdict: "wrong-key", text, fingerprint: known ?? "unknown" };
  }
  const [, signer = "", , signedAt] = found("VALIDSIG")[0]?.split(" ") ?? [];
  if (signer === "") return unreadable("gpg could not check it");
  const when = /^\d+$/.test(signedAt ?? "") ? { signedAt: new Date(Number(signedAt) * 1000).toISOString() } : {};
  // A subkey's own fingerprint stands here: clients compare exactly this one with the primary keys', and so do we.
  if (!wanted.includes(signer)) return { verdict: "wrong-key", text, fingerprint: signer, ...when };
  if (found("REVKEYSIG").length > 0) return { verdict: "wrong-key", text, fingerprint: signer, ...when };
  if (found("EXPSIG").length > 0 || found("EXPKEYSIG").length > 0) return { verdict: "expired", text, fingerprint: signer, ...when };
  return found("GOODSIG").length === 1 ? { verdict: "valid", text, fingerprint: signer, ...when } : unreadable("gpg could not check it");
}
