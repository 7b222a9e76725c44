import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { buildCgroup } from "../../src/engines/docker/build-cgroup.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";

const limits = { timeoutMs: 1000, memoryBytes: 2 ** 20, processes: 10 };

/** Files in the place of the kernel's: cgroups of version 2. */
async function world(scratch: ScratchDirectory) {
  await writeFile(join(scratch.path, "cgroup.controllers"), "cpu memory pids\n");
  await mkdir(join(scratch.path, "builds"));
  const use = (microseconds: number) => writeFile(join(scratch.path, "builds/cpu.stat"), `usage_usec ${microseconds}\nuser_usec 0\n`);
  await use(100);
  const held = buildCgroup({ path: "/builds", slots: 2, root: scratch.path, patienceMs: 60_000 });
  const begin = async () => {
    const build = await held.prepare(limits);
    const state = { running: false, unheld: undefined as unknown };
    const watch = build.watch(
      () => state.running,
      (error) => {
        state.unheld = error;
      },
    );
    return {
      state,
      /** A RUN line from its beginning to its end, with what happens meanwhile. */
      run: async (meanwhile: () => Promise<unknown>) => {
        state.running = true;
        await watch.look();
        await meanwhile();
        state.running = false;
        await watch.look();
      },
    };
  };
  return { use, begin };
}

test("a RUN line that uses the cgroup's processor time is held, one that does not is not", async () => {
  await using scratch = await scratchDirectory();
  const { use, begin } = await world(scratch);
  const one = await begin();
  await one.run(() => use(200));
  expect(one.state.unheld).toBeUndefined();
  const other = await begin();
  await other.run(async () => {});
  expect(other.state.unheld).toMatchObject({ code: "engine.limits-unavailable" });
});

test("a build that begins beside another one does not take its growth away", async () => {
  await using scratch = await scratchDirectory();
  const { use, begin } = await world(scratch);
  const first = await begin();
  await first.run(async () => {
    await use(200);
    await begin();
  });
  expect(first.state.unheld).toBeUndefined();
});
