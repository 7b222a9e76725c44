import { parseIpv4 } from "../../domain/ipv4.ts";

/** Where a name stands; undefined for a name that is not answered. */
export type FindName = (name: string) => readonly string[] | undefined;

/** Short, so that a build notices when an address has moved on. */
const ttlSeconds = 30;
/** So many fit into the 512 bytes of an answer beside the longest name. */
const mostAddresses = 14;

const refused = 5;
const noSuchName = 3;
const formatError = 1;
const notImplemented = 4;

/**
 * The answer to one DNS packet (RFC 1035): addresses of the names that are found, "no such name" for all others, from nothing but what is known here.
 * Nothing is ever asked elsewhere for a build: a name in a question would carry whatever a build wants to tell. Undefined for what is no question.
 */
export function answerDns(packet: Uint8Array, find: FindName): Uint8Array | undefined {
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength);
  // An answer to an answer could go round for ever.
  if (bytes.length < 12 || (bytes.readUInt16BE(2) & 0x8000) !== 0) return undefined;
  const operation = (bytes.readUInt16BE(2) >> 11) & 0xf;
  if (operation !== 0) return reply(bytes, notImplemented, undefined, []);
  const question = bytes.readUInt16BE(4) === 1 ? readQuestion(bytes) : undefined;
  if (question === undefined) return reply(bytes, formatError, undefined, []);
  const section = bytes.subarray(12, question.end);
  if (question.group !== 1) return reply(bytes, refused, section, []);
  const addresses = find(question.name);
  if (addresses === undefined) return reply(bytes, noSuchName, section, []);
  return reply(bytes, 0, section, question.type === 1 ? addresses : []);
}

interface Question {
  /** In lower case. */
  readonly name: string;
  /** 1 is A. */
  readonly type: number;
  /** 1 is IN. */
  readonly group: number;
  readonly end: number;
}

function readQuestion(bytes: Buffer): Question | undefined {
  const labels: string[] = [];
  let at = 12;
  for (;;) {
    const length = bytes[at];
    // From 64 on it is a pointer, which a question has no use for.
    if (length === undefined || length > 63 || at + length - 12 > 254) return undefined;
    at++;
    if (length === 0) break;
    labels.push(bytes.toString("latin1", at, at + length));
    at += length;
  }
  if (at + 4 > bytes.length) return undefined;
  return { name: labels.join(".").toLowerCase(), type: bytes.readUInt16BE(at), group: bytes.readUInt16BE(at + 2), end: at + 4 };
}

function reply(request: Buffer, code: number, question: Uint8Array | undefined, addresses: readonly string[]): Uint8Array {
  const known = addresses.flatMap((text) => parseIpv4(text) ?? []).slice(0, mostAddresses);
  const header = Buffer.alloc(12);
  request.copy(header, 0, 0, 2);
  // A response, with authority, recursion available (or clients look for another server); operation and "recursion desired" as asked.
  header.writeUInt16BE(0x8480 | (request.readUInt16BE(2) & 0x7900) | code, 2);
  header.writeUInt16BE(question === undefined ? 0 : 1, 4);
  header.writeUInt16BE(known.length, 6);
  return Buffer.concat([header, question ?? Buffer.alloc(0), ...known.map(addressRecord)]);
}

function addressRecord(address: number): Buffer {
  const record = Buffer.alloc(16);
  // The name is the one at byte 12.
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(1, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(ttlSeconds, 6);
  record.writeUInt16BE(4, 10);
  record.writeUInt32BE(address, 12);
  return record;
}
