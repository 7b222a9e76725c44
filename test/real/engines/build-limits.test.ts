import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import Docker from "dockerode";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import { startBuildDaemon } from "../../support/build-daemon.ts";
import { busyboxTree } from "../../support/busybox-tree.ts";
import { requireDocker } from "../../support/docker.ts";
import { type ScratchDirectory, scratchDirectory } from "../../support/scratch-directory.ts";

// A Docker Engine has to be started, beside other tests that use both cores.
jest.setTimeout(60_000);

const never = new AbortController().signal;
let scratch: ScratchDirectory;

beforeAll(async () => {
  await requireDocker();
  scratch = await scratchDirectory();
  await busyboxTree(join(scratch.path, "tree"));
});
afterAll(() => scratch.remove());

async function openEngine(confined: boolean, slots = 1) {
  const daemon = await startBuildDaemon({ confined });
  const engine = dockerEngine({
    ...{ host: daemon.host, slots, networkMode: "none", buildCgroup: daemon.cgroup, keepCacheBytes: 2 ** 20 },
    installation: `limits-${randomBytes(4).toString("hex")}`,
    stateDirectory: join(scratch.path, "state"),
  });
  let number = 0;
  const build = async (lines: string) => {
    let log = "";
    const request = {
      platform: "linux/amd64",
      context: join(scratch.path, "tree"),
      dockerfile: `FROM scratch\nCOPY bin /bin\n${lines}\n`,
      parents: [],
      buildArguments: {},
      limits: { timeoutMs: 60_000, memoryBytes: 48 * 2 ** 20, processes: 20, cpus: 1.5 },
    } as const;
    const sink = (text: string) => {
      log += text;
      return true;
    };
    const outcome = await engine.build(`limits-${++number}`, request, sink, never).catch((error: unknown) => error);
    return { outcome, log };
  };
  const docker = new Docker({ socketPath: daemon.host.replace("unix://", "") });
  const cacheBytes = async () => {
    const { BuildCache } = (await docker.df()) as { BuildCache: readonly { Size: number }[] | null };
    return (BuildCache ?? []).reduce((sum, { Size }) => sum + Size, 0);
  };
  return { engine, build, cacheBytes, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() };
}

test("BuildKit in a cgroup: memory and processes are limited from the first moment, and auto takes it", async () => {
  await using confined = await openEngine(true);
  expect(await confined.engine.capabilities()).toMatchObject({ builder: "buildkit", buildLimits: "each" });
  expect((await confined.build("RUN echo small")).outcome).toMatchObject({ outcome: "built" });
  expect((await confined.build("RUN exec tail /dev/zero")).outcome).toMatchObject({
    outcome: "failed",
    message: expect.stringMatching(/returned 137 \(it was killed.*memory/),
  });
  expect((await confined.build("RUN f() { f | f & }; f; sleep 1")).log).toContain("can't fork");
  expect((await confined.build("RUN cat /proc/self/cgroup")).log).toContain("/flibs-test-");
  // A cache of two megabytes for each build, of which one may stay.
  expect(await confined.cacheBytes()).toBeGreaterThan(2 ** 20);
  await confined.engine.cleanUp(() => false);
  expect(await confined.cacheBytes()).toBeLessThanOrEqual(2 ** 20);
});

test("a daemon that puts builds elsewhere builds nothing: no limit that is not there is believed in", async () => {
  await using open = await openEngine(false, 2);
  expect(await open.engine.capabilities()).toMatchObject({ buildLimits: "together" });
  const expected = { code: "engine.limits-unavailable", kind: "internal", hint: expect.stringContaining("--cgroup-parent /flibs-test-") };
  expect((await open.build("RUN echo it is over before anybody looks")).outcome).toMatchObject(expected);
  expect((await open.build("RUN sleep 1000")).outcome).toMatchObject(expected);
  // Nothing runs in these, so there is nothing to limit.
  expect((await open.build("COPY bin /again")).outcome).toMatchObject({ outcome: "built" });
});
