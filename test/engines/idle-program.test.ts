import { expect, test } from "@jest/globals";
import { idleProgram } from "../../src/engines/idle-program.ts";

test.each(["amd64", "arm64", "ppc64le", "s390x", "riscv64"] as const)(
  "the waiting program of linux/%s is one small ELF file",
  (machine) => {
    const bytes = Buffer.from(idleProgram(`linux/${machine}`) ?? []);
    expect(bytes.subarray(0, 4).toString("latin1")).toBe("\x7fELF");
    expect(bytes.length).toBeLessThan(300);
  },
);

test("nobody has written a waiting program for other platforms", () => {
  expect(idleProgram("linux/z80")).toBeUndefined();
  expect(idleProgram("windows/amd64")).toBeUndefined();
});
