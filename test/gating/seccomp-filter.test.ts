import { describe, expect, test } from "@jest/globals";
import { seccompFilter } from "../../src/gating/sti/seccomp-filter.ts";
import { calls, type Machine } from "../../src/gating/sti/system-calls.ts";

const [allowed, notThere, notPermitted] = [0x7fff_0000, 0x0005_0000 + 38, 0x0005_0000 + 1];

/** Carries a classic BPF program out as the kernel does, on a `struct seccomp_data`. */
function answerOf(program: Buffer, machine: Machine, call: number, { audit = calls[machine].audit, flags = 0 } = {}): number {
  const big = calls[machine].bigEndian;
  const call64 = Buffer.alloc(64);
  const write = (value: number, at: number) => (big ? call64.writeUInt32BE(value, at) : call64.writeUInt32LE(value, at));
  write(call, 0);
  write(audit, 4);
  write(flags, big ? 44 : 40);
  let held = 0;
  for (let at = 0; at < program.length / 8; at++) {
    const one = program.subarray(at * 8, at * 8 + 8);
    const code = big ? one.readUInt16BE(0) : one.readUInt16LE(0);
    const value = big ? one.readUInt32BE(4) : one.readUInt32LE(4);
    const jump = (is: boolean) => {
      at += one.readUInt8(is ? 2 : 3);
    };
    if (code === 0x20) held = big ? call64.readUInt32BE(value) : call64.readUInt32LE(value);
    else if (code === 0x54) held = (held & value) >>> 0;
    else if (code === 0x15) jump(held === value);
    else if (code === 0x35) jump(held >= value);
    else if (code === 0x06) return value;
    else throw new Error(`no instruction ${code}`);
  }
  throw new Error("the program has no end");
}

// Numbers as libseccomp has them, by hand: those of the table itself would prove nothing.
const numbers: readonly (readonly [Machine, readonly number[], readonly number[]])[] = [
  ["x64", [29, 30, 68, 64, 319, 447, 323, 321, 298, 250, 248, 249, 425, 101, 165], [0, 1, 2, 59, 56, 231, 435]],
  ["arm64", [194, 196, 186, 190, 279, 447, 282, 280, 241, 219, 217, 218, 425, 117, 40], [63, 64, 56, 221, 220, 94, 435]],
  ["riscv64", [194, 196, 186, 190, 279, 447, 282, 280, 241, 219, 217, 218, 425, 117, 40], [63, 64, 56, 221, 220, 94, 435]],
  ["ppc64", [395, 397, 399, 393, 117, 360, 447, 364, 361, 319, 271, 269, 270, 425, 26, 21], [3, 4, 286, 11, 120, 234, 435]],
  ["s390x", [395, 397, 399, 393, 117, 350, 447, 355, 351, 331, 280, 278, 279, 425, 26, 21], [3, 4, 288, 11, 120, 248, 435]],
];

describe.each(numbers)("on %s", (machine, refused, needed) => {
  const program = seccompFilter(machine) as Buffer;

  test("what makes memory that nobody sees, or opens kernels, is as if it were not there; the rest is allowed", () => {
    expect(refused.map((call) => answerOf(program, machine, call))).toEqual(refused.map(() => notThere));
    expect(needed.map((call) => answerOf(program, machine, call))).toEqual(needed.map(() => allowed));
    const all = Array.from({ length: 600 }, (_, call) => call).filter((call) => answerOf(program, machine, call) !== allowed);
    expect(all).toEqual([...calls[machine].refused].sort((a, b) => a - b));
  });

  test("no other ABI", () => {
    const others = [0x40000003, ...Object.values(calls).map(({ audit }) => audit)].filter((audit) => audit !== calls[machine].audit);
    expect(others.map((audit) => answerOf(program, machine, needed[0] as number, { audit }))).toEqual(others.map(() => notThere));
    expect(answerOf(program, machine, 0x4000_0000)).toBe(notThere);
    expect(answerOf(program, machine, 0xffff_ffff)).toBe(notThere);
  });

  test("no shared anonymous mapping, where its flags can be seen", () => {
    const { mmap } = calls[machine];
    if (mmap === undefined) return expect(machine).toBe("s390x");
    const answers = [0x21, 0x23, 0x8021, 0x01, 0x22, 0x20].map((flags) => answerOf(program, machine, mmap, { flags }));
    expect(answers).toEqual([notPermitted, notPermitted, notPermitted, allowed, allowed, allowed]);
  });
});

test("a kind of machine that is not known has no filter", () => {
  expect(["ia32", "toString", ""].map(seccompFilter)).toEqual([undefined, undefined, undefined]);
});
