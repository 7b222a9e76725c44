import type { Digest } from "../../domain/digest.ts";
import { parseDigest } from "../../domain/digest.ts";
import { type AppError, appError } from "../../domain/errors.ts";
import { formatImageReference, type ImageReference, parseImageReference } from "../../domain/image-reference.ts";
import type { Log } from "../../log.ts";
import { type JudgedSignature, judgeSignature } from "../found-signature.ts";
import { formatPayload } from "../payload.ts";
import type { SignatureChecker } from "../signature-source.ts";
import type { Signable, Signer } from "../signer.ts";
import type { GnupgHome, GpgResult } from "./gnupg-home.ts";
import { openGpgChecker } from "./gpg-checker.ts";
import { openLookasideDirectory } from "./lookaside-directory.ts";
import { readSigningKey } from "./signing-key.ts";

export interface OpenpgpSignerOptions {
  readonly stage: string;
  /** Shared by the signers of all stages; the caller closes it after them. */
  readonly gnupgHome: GnupgHome;
  /** Of the primary key, 40 hexadecimal digits. */
  readonly fingerprint: string;
  /** This stage's own directory. */
  readonly lookaside: string;
  /** Name and version that stand in the signature. */
  readonly creator: string;
  readonly timeoutMs: number;
  readonly log: Log;
  readonly now: () => Date;
  /** Only for keys that no agent unlocks. */
  readonly passphrase?: string;
}

const keyCheckEveryMs = 3_600_000;
const warnBeforeMs = 30 * 86_400_000;

/** Atomic OpenPGP signatures made by a gpg subprocess, so that agents, cards and HSMs work and the key stays outside flibs. */
export function openpgpSigner(options: OpenpgpSignerOptions): Signer & { close(): Promise<void> } {
  const { gnupgHome, log, now } = options;
  const fingerprint = options.fingerprint.toUpperCase();
  const directory = openLookasideDirectory(options.lookaside);
  let checker: Promise<SignatureChecker & { close(): Promise<void> }> | undefined;
  let keyCheckedAt = Number.NEGATIVE_INFINITY;

  async function ensureKey(): Promise<void> {
    const at = now().getTime();
    if (at - keyCheckedAt < keyCheckEveryMs) return;
    const key = await readSigningKey(gnupgHome, fingerprint, at);
    if (key.expiresAt !== undefined && key.expiresAt - at < warnBeforeMs) {
      log.warn({ stage: options.stage, fingerprint, expiresAt: new Date(key.expiresAt).toISOString() }, "signing key expires soon");
    }
    keyCheckedAt = at;
  }

  function openChecker() {
    checker ??= exportKey(gnupgHome, fingerprint).then((publicKey) =>
      openGpgChecker({ publicKey, fingerprint, timeoutMs: options.timeoutMs }),
    );
    // A failure is not remembered: the key may be there the next time.
    checker.catch(() => {
      checker = undefined;
    });
    return checker;
  }

  async function judge(repository: string, digest: Digest): Promise<readonly JudgedSignature[]> {
    const stored = await directory.listStored(repository, digest);
    if (stored.length === 0) return [];
    const opened = await openChecker();
    const found = await Promise.all(stored.map((one) => judgeSignature(opened, one, digest)));
    for (const { location, blocking, why } of found) {
      if (blocking) log.warn({ location, why }, "a file in the lookaside keeps clients from pulling the image");
    }
    return found;
  }

  async function sign(name: string, digest: Digest, signal: AbortSignal): Promise<Buffer> {
    const text = formatPayload({ publicName: name, digest, creator: options.creator, timestamp: now().getTime() / 1000 });
    const passphrase = options.passphrase === undefined ? {} : { passphrase: options.passphrase };
    // "!" forces the primary key: clients refuse a subkey's signature.
    const args = ["--local-user", `${fingerprint}!`, "--compress-algo", "none", "--sign"];
    const result = await gnupgHome.run({ args, input: text, signal, ...passphrase });
    if (result.exitCode !== 0 || !madeBy(result, fingerprint)) throw translate(result, fingerprint);
    return result.output;
  }

  /** Returns how many it added to one digest of one repository. */
  async function ensureNames(repository: string, digest: Digest, names: readonly string[], signal: AbortSignal): Promise<number> {
    return await directory.change(repository, digest, async (writer) => {
      const stray = await directory.listStray(repository, digest);
      if (stray.length > 0) log.warn({ repository, digest, stray: stray.slice(0, 20) }, "unknown files in the lookaside");
      const found = await judge(repository, digest);
      const signed = new Set(found.filter((one) => one.verdict === "valid").map((one) => one.publicName));
      const missing = names.filter((name) => !signed.has(name));
      const made = await Promise.all(missing.map((name) => sign(name, digest, signal)));
      for (const bytes of made) await writer.append(bytes);
      return made.length;
    });
  }

  return {
    stage: options.stage,
    fingerprint: () => Promise.resolve(fingerprint),
    async ensureSigned(signables, signal) {
      signal.throwIfAborted();
      const work = groupByDigest(signables);
      await ensureKey();
      const added = await Promise.allSettled(work.map(({ repository, digest, names }) => ensureNames(repository, digest, names, signal)));
      const failed = added.find((one) => one.status === "rejected");
      if (failed) throw failed.reason;
      return added.reduce((sum, one) => sum + (one.status === "fulfilled" ? one.value : 0), 0);
    },
    async listSignatures(repository, digest) {
      const found = await judge(parseImageReference(repository).repository, parseDigest(digest));
      return found.map(({ blocking: _blocking, why: _why, ...signature }) => signature);
    },
    async removeSignatures({ publicName, digest }) {
      const { repository } = tagged(publicName);
      return await directory.change(repository, parseDigest(digest), async (writer) => {
        const found = await judge(repository, digest);
        const numbers = found.flatMap((one, index) => (one.publicName === publicName ? [index + 1] : []));
        await writer.remove(numbers);
        return numbers.length;
      });
    },
    async close() {
      const opened = await checker?.catch(() => undefined);
      checker = undefined;
      await opened?.close();
    },
  };
}

/** The public key as consumers get it: binary, without other people's signatures on it. Throws `signing.key-missing`. */
export async function exportKey(gnupgHome: GnupgHome, fingerprint: string): Promise<Uint8Array> {
  const exported = await gnupgHome.run({ args: ["--export-options", "export-minimal", "--export", fingerprint] });
  if (exported.output.length > 0) return exported.output;
  throw appError("signing.key-missing", `no public key ${fingerprint} in the GnuPG home directory`);
}

function groupByDigest(signables: readonly Signable[]): readonly { repository: string; digest: Digest; names: readonly string[] }[] {
  const groups = new Map<string, { repository: string; digest: Digest; names: Set<string> }>();
  for (const { digest, publicName } of signables) {
    const { repository } = tagged(publicName);
    const key = `${repository}@${parseDigest(digest)}`;
    const group = groups.get(key) ?? { repository, digest, names: new Set<string>() };
    groups.set(key, group);
    group.names.add(publicName);
  }
  return [...groups.values()].map((group) => ({ ...group, names: [...group.names] }));
}

/** A name that may be signed has a tag and no digest, and is written in exactly one way. */
function tagged(publicName: string): ImageReference {
  const reference = parseImageReference(publicName);
  if (reference.tag !== undefined && reference.digest === undefined && formatImageReference(reference) === publicName) return reference;
  throw appError("domain.reference-invalid", `"${publicName.slice(0, 300)}" is no registry/repository:tag`);
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
      hint: "Unlock it in its gpg-agent (gpg-preset-passphrase), or use a key on a card or HSM",
      details,
    });
  }
  return appError("signing.signer-unavailable", `gpg --sign ended with exit code ${result.exitCode}`, {
    hint: "Sign something by hand with the same GnuPG home directory to see what is wrong",
    details,
  });
}
