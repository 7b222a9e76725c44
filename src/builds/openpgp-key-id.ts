/**
 * Who made an OpenPGP signature, by its own word: nothing is verified here. The bytes are an image's, so every length in them may be a lie.
 * RFC 9580: packets 4.2, signatures 5.2 (version 3 of RFC 4880), subpackets 5.2.3.5 and 5.2.3.35. Undefined for what is no signature or
 * names nobody; never throws.
 */
export function findSignatureKeyId(bytes: Uint8Array): string | undefined {
  const body = signaturePacket(bytes);
  if (body === undefined) return undefined;
  switch (body[0]) {
    case 3:
      return hex(body, 7, 8);
    case 4:
      return issuerOf(body, 2);
    case 6:
      return issuerOf(body, 4);
    default:
      return undefined;
  }
}

const signatureTag = 2;
const issuer = 16;
const issuerFingerprint = 33;

/** The first packet's body when it is a signature; its length is what is there, whatever it says. */
function signaturePacket(bytes: Uint8Array): Uint8Array | undefined {
  const head = bytes[0] ?? 0;
  const first = bytes[1] ?? 0;
  if ((head & 0x80) === 0) return undefined;
  if ((head & 0x40) !== 0) {
    if ((head & 0x3f) !== signatureTag || (first >= 224 && first < 255)) return undefined;
    return bytes.subarray(first < 192 ? 2 : first < 224 ? 3 : 6);
  }
  if (((head >> 2) & 0x0f) !== signatureTag) return undefined;
  return bytes.subarray([2, 3, 5, 1][head & 3]);
}

/** The issuer in the hashed part, else in the other one; `width` is that of the two parts' lengths. */
function issuerOf(body: Uint8Array, width: 2 | 4): string | undefined {
  const hashedEnd = 4 + width + numberAt(body, 4, width);
  const otherEnd = hashedEnd + width + numberAt(body, hashedEnd, width);
  return issuerAmong(body.subarray(4 + width, hashedEnd)) ?? issuerAmong(body.subarray(hashedEnd + width, otherEnd));
}

function issuerAmong(area: Uint8Array): string | undefined {
  let found: string | undefined;
  for (let at = 0; at < area.length; ) {
    const first = area[at] ?? 0;
    const width = first < 192 ? 1 : first < 255 ? 2 : 5;
    const length = width === 1 ? first : width === 2 ? ((first - 192) << 8) + (area[at + 1] ?? 0) + 192 : numberAt(area, at + 1, 4);
    const start = at + width;
    const type = (area[start] ?? 0) & 0x7f;
    if (type === issuerFingerprint) return fingerprintKeyId(area.subarray(start + 1, start + length));
    if (type === issuer && length === 9) found ??= hex(area, start + 1, 8);
    // An empty subpacket has not even a type; without this step such an area would be read for ever.
    at = start + Math.max(1, length);
  }
  return found;
}

/** Version 4: the last eight bytes; since version 5 the first. */
function fingerprintKeyId(value: Uint8Array): string | undefined {
  if (value[0] === 4) return value.length === 21 ? hex(value, 13, 8) : undefined;
  return value.length === 33 ? hex(value, 1, 8) : undefined;
}

function numberAt(bytes: Uint8Array, at: number, width: 2 | 4): number {
  let value = 0;
  for (let i = 0; i < width; i++) value = value * 256 + (bytes[at + i] ?? 0);
  return value;
}

function hex(bytes: Uint8Array, at: number, length: number): string | undefined {
  return at + length <= bytes.length ? Buffer.from(bytes.subarray(at, at + length)).toString("hex") : undefined;
}
