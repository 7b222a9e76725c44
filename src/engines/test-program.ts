import { type Platform, platformArchitecture } from "../domain/platform.ts";

/**
 * The smallest program of a platform: an ELF file of a few instructions that ends with exit code 0. With it an engine is asked whether it can run
 * programs of a platform at all, natively or by emulation, without an image from anywhere. Undefined for a platform that nobody has written it for.
 */
export function testProgram(platform: Platform): Uint8Array | undefined {
  const machine = machines[platformArchitecture(platform)];
  return platform.startsWith("linux/") && machine !== undefined ? elf(machine) : undefined;
}

interface Machine {
  /** `e_machine` of the ELF header. */
  readonly id: number;
  readonly flags?: number;
  readonly bigEndian?: true;
  /** `exit(0)` as the kernel's system call, in hexadecimal digits. */
  readonly code: string;
}

const machines: Readonly<Record<string, Machine>> = {
  // xor edi, edi; mov eax, 60; syscall
  amd64: { id: 62, code: "31ffb83c0000000f05" },
  // mov x0, #0; mov x8, #93; svc #0
  arm64: { id: 183, code: "000080d2a80b80d2010000d4" },
  // li r0, 1; li r3, 0; sc
  ppc64le: { id: 21, flags: 2, code: "010000380000603802000044" },
  // lghi %r2, 0; svc 1
  s390x: { id: 22, bigEndian: true, code: "a72900000a01" },
  // li a0, 0; li a7, 93; ecall
  riscv64: { id: 243, flags: 4, code: "130500009308d00573000000" },
};

const base = 0x40_0000;
const headerBytes = 64;
const segmentBytes = 56;

/** A 64 bit executable of one segment that holds the whole file (System V ABI, "Object Files"). */
function elf({ id, flags = 0, bigEndian = undefined, code }: Machine): Uint8Array {
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
