import { crc32 } from "node:zlib";
import type { Digest } from "../domain/digest.ts";

/**
 * The archive that stands for an image in Koji, as OSBS uploads it: Koji wants a file for each image, and the image itself is in the registry.
 * The gzip stream is uncompressed, so that these are the same bytes with every release of every compressor: their checksum is written down
 * when the build is recorded, and they are made again when it is imported.
 */
export function placeholderArchive(repositories: readonly string[]): Uint8Array {
  const lines = [
    "The image of this build is not in this archive. Pull it from a registry:",
    "",
    ...repositories.map((one) => `  ${one}`),
    "",
  ];
  return gzipStored(tarOf("README", Buffer.from(lines.join("\n"))));
}

/** `docker-image-sha256:….x86_64.tar.gz` */
export function placeholderName(imageId: Digest, architecture: string): string {
  return `docker-image-${imageId}.${architecture}.tar.gz`;
}

const block = 512;

/** POSIX ustar with one file: owner 0, mode 644, time 0; ends in two blocks of zeros. */
function tarOf(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(block);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, "0")}\0`;
  header.write(name, 0);
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(content.length, 12), 124);
  header.write(octal(0, 12), 136);
  header.fill(" ", 148, 156);
  header.write("0", 156);
  header.write("ustar\0", 257);
  header.write("00", 263);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const padding = Buffer.alloc((block - (content.length % block)) % block);
  return Buffer.concat([header, content, padding, Buffer.alloc(2 * block)]);
}

const mostStored = 65_535;

/** RFC 1952 around stored blocks of RFC 1951. */
function gzipStored(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])];
  for (let at = 0; at < bytes.length; at += mostStored) {
    const part = bytes.subarray(at, at + mostStored);
    const head = Buffer.alloc(5);
    head.writeUInt8(at + mostStored >= bytes.length ? 1 : 0, 0);
    head.writeUInt16LE(part.length, 1);
    head.writeUInt16LE(~part.length & 0xffff, 3);
    parts.push(head, part);
  }
  const end = Buffer.alloc(8);
  end.writeUInt32LE(crc32(bytes), 0);
  end.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([...parts, end]);
}
