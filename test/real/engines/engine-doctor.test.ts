import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import type { Platform } from "../../../src/domain/platform.ts";
import { lookAtEngine } from "../../../src/engine-doctor.ts";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import { testProgram } from "../../../src/engines/test-program.ts";
import { dockerSocket, requireDocker } from "../../support/docker.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";

// The engine is slow when other tests use both cores.
jest.setTimeout(60_000);

/** Whether this machine has been given an emulation of it (binfmt_misc). */
const isEmulated = (name: string) => existsSync(`/proc/sys/fs/binfmt_misc/qemu-${name}`);

test("a program of each platform is really run: the engine's own, and another one only where it is emulated", async () => {
  const docker = await requireDocker();
  await using scratch = await scratchDirectory();
  const installation = `doctor-${randomBytes(4).toString("hex")}`;
  const open = (platforms?: readonly Platform[]) =>
    dockerEngine({
      ...{ host: `unix://${dockerSocket}`, installation, slots: 1, stateDirectory: join(scratch.path, "state") },
      ...(platforms === undefined ? {} : { platforms }),
    });
  const { Os, Arch } = await docker.version();
  const own: Platform = `${Os}/${Arch}`;
  expect(await lookAtEngine(open())).toBe(`runs ${own}; classic builder, limits for each build`);
  const other: Platform = Arch === "s390x" ? "linux/amd64" : "linux/s390x";
  if (isEmulated(Arch === "s390x" ? "x86_64" : "s390x")) {
    expect(await lookAtEngine(open([own, other]))).toContain(other);
  } else {
    await expect(lookAtEngine(open([own, other]))).rejects.toMatchObject({
      code: "engine.platform-unsupported",
      message: expect.stringMatching(new RegExp(`^docker does not run programs of ${other}: .*exec`)),
      hint: "Set up qemu-user there (Debian: qemu-user-static), or take the platform out of the engine's platforms",
    });
  }
  const names = (await docker.listImages()).flatMap((one) => one.RepoTags ?? []);
  expect(names.filter((name) => name.includes(installation))).toEqual([]);
});

test("there is a program for each platform that Fedora builds for", () => {
  for (const platform of ["linux/amd64", "linux/arm64", "linux/ppc64le", "linux/s390x", "linux/riscv64"] as const) {
    const bytes = Buffer.from(testProgram(platform) ?? []);
    expect(bytes.subarray(0, 4).toString("latin1")).toBe("\u007fELF");
  }
  expect(testProgram("linux/z80")).toBeUndefined();
  expect(testProgram("windows/amd64")).toBeUndefined();
});
