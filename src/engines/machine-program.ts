import { type Platform, platformArchitecture } from "../domain/platform.ts";

/** What differs between the kernel's machines (System V ABI, "Object Files"). */
interface Machine {
  /** `e_machine` of the ELF header. */
  readonly id: number;
  readonly flags?: number;
  readonly bigEndian?: true;
}

const machines: Readonly<Record<string, Machine>> = {
  amd64: { id: 62 },
  arm64: { id: 183 },
  ppc64le: { id: 21, flags: 2 },
  s390x: { id: 22, bigEndian: true },
  riscv64: { id: 243, flags: 4 },
};

/**
 * An executable that needs nothing of an image: no library, no shell. `codes` are instructions in hexadecimal digits by architecture, which may stand
 * anywhere in memory; undefined for a platform that has none.
 */
export function machineProgram(platform: Platform, codes: Readonly<Record<string, string>>): Uint8Array | undefined {
  const architecture = platformArchitecture(platform);
  const machine = machines[architecture];
  const code = codes[architecture];
  return platform.startsWith("linux/") && machine !== undefined && code !== undefined ? elf(machine, code) : undefined;
}

const base = 0x40_0000;
const headerBytes = 64;
const segmentBytes = 56;

/** A 64 bit executable of one segment that holds the whole file (System V ABI, "Object Files"). */
function elf({ id, flags = 0, bigEndian }: Machine, code: string): Uint8Array {
  const instructions = Buffer.from(code, "hex");
  const start = headerBytes + segmentBytes;
  const size = start + instructions.length;
  const little = bigEndian !== true;
  const bytes = Buffer.alloc(size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  // Magic, 64 bits, byte order, version.
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, little ? 1 : 2, 1]);
  const half = (at: number, value: number) => view.setUint16(at, value, little);
  const word = (at: number, value: number) => view.setUint32(at, value, little);
  const long = (at: number, value: number) => view.setBigUint64(at, BigInt(value), little);
  half(16, 2);
  half(18, id);
  word(20, 1);
  long(24, base + start);
  long(32, headerBytes);
  word(48, flags);
  half(52, headerBytes);
  half(54, segmentBytes);
  half(56, 1);
  // A loadable segment, to be read and executed.
  word(headerBytes, 1);
  word(headerBytes + 4, 5);
  long(headerBytes + 16, base);
  long(headerBytes + 24, base);
  long(headerBytes + 32, size);
  long(headerBytes + 40, size);
  long(headerBytes + 48, 0x1000);
  bytes.set(instructions, start);
  return bytes;
}
