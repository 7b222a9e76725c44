import type { Platform } from "../domain/platform.ts";
import { machineProgram } from "./machine-program.ts";

/**
 * The first process of a container that only waits to be worked in: an ELF file that needs nothing of the image, neither `sleep` nor a shell. It
 * never ends by itself, and takes away what has ended and has no other parent, as a first process must: zombies count as processes. Undefined
 * for a platform that nobody has written it for.
 */
export function idleProgram(platform: Platform): Uint8Array | undefined {
  return machineProgram(platform, idles);
}

/**
 * The same loop everywhere, as GNU as writes it: `while (wait4(-1, 0, WNOHANG, 0) > 0) ;` then a pause of a second, `poll(0, 0, 1000)`, where the
 * machine has no poll `nanosleep(&{1, 0}, 0)`, and from the start.
 */
const idles: Readonly<Record<string, string>> = {
  amd64: "bfffffffff31f6ba010000004531d2b83d0000000f0585c07fe631ff31f6bae8030000b8070000000f05ebd4",
  arm64:
    "00008092010080d2220080d2030080d2882080d2010000d41f0000f12cffff54c0000010010080d2a80c80d2010000d4f4ffff171f2003d5" +
    "01000000000000000000000000000000",
  ppc64le:
    "72000038ffff6038000080380100a0380000c0380200004408008340000060380000232cdcff8141a70000380000603800008038e803a03802000044c4ffff4b",
  s390x: "a729ffffa7390000a7490001a75900000a72b9020022a724fff5a7290000a7390000a74903e80aa8a7f4ffec",
  riscv64:
    "1305f0ff9305000013061000930600009308401073000000e344a0fe170500001305c5019305000093085006730000006ff01ffd13000000" +
    "01000000000000000000000000000000",
};
