import { calls, type Machine } from "./system-calls.ts";

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

// linux/bpf_common.h and linux/seccomp.h
const load = 0x20;
const and = 0x54;
const jumpIfEqual = 0x15;
const jumpIfAtLeast = 0x35;
const answer = 0x06;
const allowed = 0x7fff_0000;
const errno = (number: number) => 0x0005_0000 | number;
const [EPERM, ENOSYS] = [1, 38];

// struct seccomp_data
const offsets = { call: 0, architecture: 4, fourthArgument: 40 } as const;
/** x32 on x86_64; other machines have no calls as high as that. */
const otherNumbers = 0x4000_0000;
/** MAP_SHARED and MAP_ANONYMOUS together: memory that stays when the process says that it is done with it. */
const sharedAnonymous = 0x21;

/**
 * Pure: a classic BPF program for `bwrap --seccomp` that answers calls of `system-calls.ts` as a kernel that does not have them (ENOSYS), all calls of
 * other ABIs too, and shared anonymous mappings with EPERM. Undefined for a kind of machine that is not known.
 */
export function seccompFilter(machine: string): Buffer | undefined {
  if (!Object.hasOwn(calls, machine)) return undefined;
  const { audit, bigEndian, mmap, refused } = calls[machine as Machine];
  const tail = mmap === undefined ? [] : mappings(mmap);
  const toRefuse = (after: number) => refused.length - after + tail.length + 1;
  const program: readonly Instruction[] = [
    [load, 0, 0, offsets.architecture],
    [jumpIfEqual, 0, toRefuse(-2), audit],
    [load, 0, 0, offsets.call],
    [jumpIfAtLeast, toRefuse(0), 0, otherNumbers],
    ...refused.map((call, index): Instruction => [jumpIfEqual, toRefuse(index + 1), 0, call]),
    ...tail,
    [answer, 0, 0, allowed],
    [answer, 0, 0, errno(ENOSYS)],
    [answer, 0, 0, errno(EPERM)],
  ];
  return Buffer.concat(program.map((one) => encode(one, bigEndian)));
}

/** Ends right before the answers, in their order. */
function mappings(mmap: number): readonly Instruction[] {
  return [
    [jumpIfEqual, 0, 3, mmap],
    [load, 0, 0, offsets.fourthArgument],
    [and, 0, 0, sharedAnonymous],
    [jumpIfEqual, 2, 0, sharedAnonymous],
  ];
}

/** `struct sock_filter`. */
function encode([code, ifTrue, ifFalse, value]: Instruction, bigEndian: boolean): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(ifTrue, 2);
  bytes.writeUInt8(ifFalse, 3);
  if (bigEndian) {
    bytes.writeUInt16BE(code, 0);
    bytes.writeUInt32BE(value, 4);
  } else {
    bytes.writeUInt16LE(code, 0);
    bytes.writeUInt32LE(value, 4);
  }
  return bytes;
}
