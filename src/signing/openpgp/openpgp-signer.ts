import type { Digest } from "../../domain/digest.ts";
import { parseDigest } from "../../domain/digest.ts";
import { appError } from "../../domain/errors.ts";
import { parseImageReference } from "../../domain/image-reference.ts";
import type { Log } from "../../log.ts";
import { type JudgedSignature, judgeSignature } from "../found-signature.ts";
import { groupSignables, parsePublicName, type SignableGroup, sumOverGroups } from "../group-signables.ts";
import { formatPayload } from "../payload.ts";
import { rememberedChecks } from "../remembered-checks.ts";
import type { OwnSignatureChecker, SignatureChecker } from "../signature-source.ts";
import { missingKeys, type Signer, type SignerKey } from "../signer.ts";
import { earlySignatures, type WantedSignature } from "./early-signatures.ts";
import type { GnupgHome } from "./gnupg-home.ts";
import { openGpgChecker } from "./gpg-checker.ts";
import { exportKeyring, gpgSign } from "./gpg-sign.ts";
import { type LookasideWriter, openLookasideDirectory } from "./lookaside-directory.ts";
import { readSigningKey } from "./signing-key.ts";

/** A primary key in the GnuPG home directory; the public part is enough for one that is only accepted. */
export interface OpenpgpKey {
  /** 40 hexadecimal digits. */
  readonly fingerprint: string;
  readonly use: "sign" | "accept";
  /** Only for a key that no agent unlocks. */
  readonly passphrase?: string | undefined;
}

export interface OpenpgpSignerOptions {
  readonly stage: string;
  /** Shared by the signers of all registries; the caller closes it after them. */
  readonly gnupgHome: GnupgHome;
  readonly keys: readonly OpenpgpKey[];
  /** This registry's own directory. */
  readonly lookaside: string;
  /** Name and version that stand in the signature. */
  readonly creator: string;
  readonly timeoutMs: number;
  readonly log: Log;
  readonly now: () => Date;
}

const keyCheckEveryMs = 3_600_000;

/** Atomic OpenPGP signatures made by a gpg subprocess, so that agents, cards and HSMs work and the key stays outside flibs. */
export function openpgpSigner(options: OpenpgpSignerOptions): Signer & { close(): Promise<void> } {
  const { gnupgHome, log, now } = options;
  const secrets = options.keys.map((key) => ({ ...key, fingerprint: key.fingerprint.toUpperCase() }));
  const keys: readonly SignerKey[] = secrets.map(({ fingerprint, use }) => ({ kind: "openpgp", id: fingerprint, use }));
  const directory = openLookasideDirectory(options.lookaside);
  let checker: Promise<OwnSignatureChecker & { close(): Promise<void> }> | undefined;
  let keysCheckedAt = Number.NEGATIVE_INFINITY;

  async function checkKeys(): Promise<void> {
    const at = now().getTime();
    if (at - keysCheckedAt < keyCheckEveryMs) return;
    for (const { fingerprint } of secrets.filter((key) => key.use === "sign")) {
      await readSigningKey(gnupgHome, fingerprint, at);
    }
    keysCheckedAt = at;
  }

  function openChecker() {
    const fingerprints = secrets.map((key) => key.fingerprint);
    checker ??= exportKeyring(gnupgHome, fingerprints).then(async (publicKeys) => {
      const { close, ...opened } = await openGpgChecker({ publicKeys, fingerprints, timeoutMs: options.timeoutMs });
      return { ...rememberedChecks(opened), close };
    });
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

  /** Judged before anybody can see it: what a consumer would refuse is never written. */
  async function sign(wanted: readonly WantedSignature[], signal: AbortSignal): Promise<readonly Buffer[]> {
    if (wanted.length === 0) return [];
    const made = await Promise.all(wanted.map(async (one) => ({ wanted: one, bytes: await signOne(one, signal) })));
    const opened = await openChecker();
    // By one process of gpg; what is valid is only looked up after that.
    await opened.findValid(made.map(({ bytes }) => bytes));
    return await Promise.all(made.map((one) => demandGood(opened, one.wanted, one.bytes)));
  }

  function signOne({ publicName, digest, fingerprint }: WantedSignature, signal: AbortSignal): Promise<Buffer> {
    const text = formatPayload({ publicName, digest, creator: options.creator, timestamp: now().getTime() / 1000 });
    const passphrase = secrets.find((key) => key.fingerprint === fingerprint)?.passphrase;
    return gpgSign(gnupgHome, { text, fingerprint, passphrase, signal });
  }

  async function demandGood(
    checkedBy: SignatureChecker,
    { publicName, digest, fingerprint }: WantedSignature,
    bytes: Buffer,
  ): Promise<Buffer> {
    const made = await judgeSignature(checkedBy, { location: "a new signature", bytes }, digest);
    if (made.verdict === "valid" && made.publicName === publicName && made.fingerprint === fingerprint) return bytes;
    throw appError("signing.signature-bad", `gpg made a signature of ${publicName} that is ${made.verdict}: ${made.why ?? ""}`);
  }

  const early = earlySignatures(sign);

  /** Those that were begun early, and the others. */
  async function signMissing(wanted: readonly WantedSignature[], signal: AbortSignal): Promise<readonly Buffer[]> {
    const begun = await Promise.all(wanted.map((one) => early.take(one)));
    const rest = await sign(
      wanted.filter((_, index) => begun[index] === undefined),
      signal,
    );
    return [...begun.filter((one) => one !== undefined), ...rest];
  }

  async function append(writer: LookasideWriter, made: readonly Buffer[], { repository, digest }: SignableGroup): Promise<void> {
    for (const bytes of made) await writer.append(bytes);
    const stored = await directory.listStored(repository, digest);
    const isStored = (bytes: Buffer) => stored.some((one) => one.bytes !== undefined && bytes.equals(one.bytes));
    if (made.every(isStored)) return;
    throw appError("signing.lookaside-unwritable", `a signature of ${repository}@${digest} does not read back as it was written`, {
      hint: "Look at the disk of the lookaside directory, and at what else writes into it",
    });
  }

  /** Returns how many it added to one digest of one repository. */
  async function ensureNames(group: SignableGroup, signal: AbortSignal): Promise<number> {
    const { repository, digest, names } = group;
    return await directory.change(repository, digest, async (writer) => {
      const stray = await directory.listStray(repository, digest);
      if (stray.length > 0) log.warn({ repository, digest, stray: stray.slice(0, 20) }, "unknown files in the lookaside");
      const found = await setBadAside(writer, repository, digest);
      const missing = names.flatMap((publicName) =>
        missingKeys(keys, found, publicName).map((key) => ({ publicName, digest, fingerprint: key.id })),
      );
      const made = await signMissing(missing, signal);
      if (made.length > 0) await append(writer, made, group);
      return made.length;
    });
  }

  /** What keeps clients from pulling the image makes place for what does not; returns the signatures that are left. */
  async function setBadAside(writer: LookasideWriter, repository: string, digest: Digest): Promise<readonly JudgedSignature[]> {
    const found = await judge(repository, digest);
    const bad = found.flatMap((one, index) => (isBad(one) ? [index + 1] : []));
    if (bad.length === 0) return found;
    const places = await writer.setAside(bad);
    log.warn({ repository, digest, places }, "files in the lookaside that no client can use are set aside");
    return await judge(repository, digest);
  }

  return {
    stage: options.stage,
    keys,
    async prepare(signables, signal) {
      const groups = await checkKeys()
        .then(() => groupSignables(signables))
        .catch(() => []);
      const signing = keys.filter((key) => key.use === "sign");
      const wanted = groups.flatMap(({ digest, names }) =>
        names.flatMap((publicName) => signing.map(({ id }) => ({ digest, publicName, fingerprint: id }))),
      );
      if (!signal.aborted) await early.begin(wanted, signal);
    },
    async ensureSigned(signables, signal) {
      signal.throwIfAborted();
      const groups = groupSignables(signables);
      await checkKeys();
      return await sumOverGroups(groups, (group) => ensureNames(group, signal));
    },
    async listSignatures(repository, digest) {
      const found = await judge(parseImageReference(repository).repository, parseDigest(digest));
      return found.map(({ why: _why, ...signature }) => signature);
    },
    async removeSignatures({ publicName, digest }) {
      const { repository } = parsePublicName(publicName);
      return await directory.change(repository, parseDigest(digest), async (writer) => {
        const found = await judge(repository, digest);
        const numbers = found.flatMap((one, index) => (one.publicName === publicName ? [index + 1] : []));
        await writer.remove(numbers);
        return numbers.length;
      });
    },
    async close() {
      await early.ended();
      const opened = await checker?.catch(() => undefined);
      checker = undefined;
      await opened?.close();
    },
  };
}

/** Nobody but a signer writes there, and no signer writes this: somebody or something else did. */
function isBad({ verdict }: JudgedSignature): boolean {
  return verdict === "unreadable" || verdict === "wrong-digest";
}
