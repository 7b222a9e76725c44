import type { Platform } from "../domain/platform.ts";
import { machineProgram } from "./machine-program.ts";

/**
 * The smallest program of a platform: an ELF file of a few instructions that ends with exit code 0. With it an engine is asked whether it can run
 * programs of a platform at all, natively or by emulation, without an image from anywhere. Undefined for a platform that nobody has written it for.
 */
export function testProgram(platform: Platform): Uint8Array | undefined {
  return machineProgram(platform, exits);
}

/** `exit(0)` as the kernel's system call. */
const exits: Readonly<Record<string, string>> = {
  // xor edi, edi; mov eax, 60; syscall
  amd64: "31ffb83c0000000f05",
  // mov x0, #0; mov x8, #93; svc #0
  arm64: "000080d2a80b80d2010000d4",
  // li r0, 1; li r3, 0; sc
  ppc64le: "010000380000603802000044",
  // lghi %r2, 0; svc 1
  s390x: "a72900000a01",
  // li a0, 0; li a7, 93; ecall
  riscv64: "130500009308d00573000000",
};
