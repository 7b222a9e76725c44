import type { InstalledRpm } from "./build-record.ts";
import { findSignatureKeyId } from "./openpgp-key-id.ts";

/**
 * One package as rpm's database holds it, all numbers big-endian: count of index entries, length of the data, entries of 16 bytes (tag, type,
 * offset, count), data (rpm's file format, `lib/header.c`). The database is the image's, so every number in it may be a lie.
 */
const tags = {
  // Of the signature header, which rpm merges into the installed one. Over header and payload: pgp, gpg; over the header: dsa, rsa, openPgp.
  sigPgp: 259,
  sigmd5: 261,
  sigGpg: 262,
  dsaHeader: 267,
  rsaHeader: 268,
  /** Since rpm 4.20 and 6: any number of signatures of any kind, in base64. */
  openPgp: 278,
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  size: 1009,
  vendor: 1011,
  license: 1014,
  arch: 1022,
  sourceRpm: 1044,
  longSize: 5009,
};
const types = { int32: 4, int64: 5, string: 6, binary: 7, stringArray: 8, i18nString: 9 };

/** rpm's own limits: 64 Ki entries, 256 MiB of data; an installed package needs far less. */
const maxEntries = 65_536;
/** What makes up a package's file name fits into one, 255 bytes; versions are compared with each other, and long ones take long. */
const maxName = 256;
const maxLicense = 4096;
/** A signature of an RSA key of 4096 bits has 600 bytes; of post-quantum algorithms a few thousand. */
const maxSignature = 16_384;
/** Everything else of a header is passed over. */
const wanted: ReadonlySet<number> = new Set(Object.values(tags));

/** Undefined for what is no package: not a header, without a name, with one beyond 256 bytes, or a `gpg-pubkey` pseudo package. Never throws. */
export function parseRpmHeader(blob: Uint8Array): InstalledRpm | undefined {
  if (blob.length < 8) return undefined;
  const view = new DataView(blob.buffer, blob.byteOffset, blob.length);
  const count = view.getUint32(0);
  const start = 8 + count * 16;
  if (count > maxEntries || start > blob.length || view.getUint32(4) > blob.length - start) return undefined;
  const data = blob.subarray(start, start + view.getUint32(4));
  const entries = new Map<number, { readonly type: number; readonly offset: number; readonly count: number }>();
  for (let at = 8; at < start; at += 16) {
    const tag = view.getUint32(at);
    if (wanted.has(tag) && !entries.has(tag))
      entries.set(tag, { type: view.getUint32(at + 4), offset: view.getUint32(at + 8), count: view.getUint32(at + 12) });
  }

  const text = (tag: number, longest = maxName): string | undefined => {
    const entry = entries.get(tag);
    if (entry === undefined || (entry.type !== types.string && entry.type !== types.i18nString) || entry.offset >= data.length)
      return undefined;
    const rest = data.subarray(entry.offset, entry.offset + longest + 1);
    const end = rest.indexOf(0);
    return end < 0 ? undefined : Buffer.from(rest.subarray(0, end)).toString("utf8");
  };
  const number = (tag: number): number | undefined => {
    const entry = entries.get(tag);
    if (entry === undefined || entry.count === 0) return undefined;
    const at = new DataView(data.buffer, data.byteOffset, data.length);
    if (entry.type === types.int32 && entry.offset <= data.length - 4) return at.getUint32(entry.offset);
    if (entry.type === types.int64 && entry.offset <= data.length - 8) return Number(at.getBigUint64(entry.offset));
    return undefined;
  };
  const md5 = (): string | undefined => {
    const entry = entries.get(tags.sigmd5);
    if (entry === undefined || entry.type !== types.binary || entry.count !== 16 || entry.offset > data.length - 16) return undefined;
    return Buffer.from(data.subarray(entry.offset, entry.offset + 16)).toString("hex");
  };

  const signature = (tag: number): string | undefined => {
    const entry = entries.get(tag);
    if (entry === undefined || entry.offset >= data.length) return undefined;
    if (entry.type === types.binary)
      return findSignatureKeyId(data.subarray(entry.offset, entry.offset + Math.min(entry.count, maxSignature)));
    if (entry.type !== types.stringArray) return undefined;
    // Of several signatures the first one's maker is told.
    const rest = data.subarray(entry.offset, entry.offset + maxSignature);
    const end = rest.indexOf(0);
    return end < 0 ? undefined : findSignatureKeyId(Buffer.from(Buffer.from(rest.subarray(0, end)).toString("latin1"), "base64"));
  };

  const name = text(tags.name);
  const version = text(tags.version);
  const release = text(tags.release);
  if (!name || version === undefined || release === undefined || name === "gpg-pubkey") return undefined;
  const vendor = text(tags.vendor);
  const keyId = [tags.openPgp, tags.rsaHeader, tags.dsaHeader, tags.sigPgp, tags.sigGpg].map(signature).find((one) => one !== undefined);
  return {
    name,
    epoch: number(tags.epoch),
    version,
    release,
    arch: text(tags.arch),
    license: text(tags.license, maxLicense),
    sourceRpm: text(tags.sourceRpm),
    sizeBytes: number(tags.longSize) ?? number(tags.size),
    sigmd5: md5(),
    ...(vendor ? { vendor } : {}),
    ...(keyId === undefined ? {} : { keyId }),
  };
}
