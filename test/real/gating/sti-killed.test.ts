import { spawn } from "node:child_process";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { directoryWorkspaces } from "../../../src/builds/workspace/directory-workspaces.ts";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import { dockerSocket } from "../../support/docker.ts";
import { processesMarked } from "../../support/marked-processes.ts";
import { playbook, stiWorld } from "./sti-world.ts";

jest.setTimeout(120_000);

let world: Awaited<ReturnType<typeof stiWorld>>;
beforeAll(async () => {
  world = await stiWorld();
});
afterAll(() => world.close());

test("flibs dies in the middle of a suite: no process is left, clean-up removes the container, the workspace goes with the run", async () => {
  const root = join(world.scratch, "killed");
  const workspaces = directoryWorkspaces(join(root, "work"));
  const artifacts = await workspaces.emptyDirectory("run-1", "artifacts-1");
  await mkdir(join(root, "tree/tests"), { recursive: true });
  const locked = "mkdir -p $TEST_ARTIFACTS/a/b && chmod 0 $TEST_ARTIFACTS/a";
  const tasks = `    - shell: ${locked}\n      delegate_to: localhost\n    - raw: echo hanging && sleep 1000\n`;
  await writeFile(join(root, "tree/tests/tests.yml"), playbook(tasks));
  const installation = `killed-${process.pid}`;
  const host = `unix://${dockerSocket}`;
  const state = join(root, "state");
  const args = [host, installation, state, world.image, world.platform, join(root, "tree"), artifacts];
  const child = spawn(process.execPath, [join(import.meta.dirname, "sti-child.ts"), ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (part: Buffer) => {
    said += part.toString();
  });
  const own = () => processesMarked(root, world.mark);
  // Two tasks were begun: the second one hangs in the container.
  while ((said.match(/^TASK /gm) ?? []).length < 2 && child.exitCode === null) await delay(50);
  await delay(1000);
  expect((await own()).length).toBeGreaterThan(3);
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("close", resolve));
  for (let tries = 0; tries < 40 && (await own()).length > 0; tries++) await delay(50);
  expect(await own()).toEqual([]);

  const engine = dockerEngine({ host, installation, stateDirectory: state, slots: 1 });
  try {
    expect(await engine.cleanUp((key) => key !== "killed")).toEqual([`container flibs.${installation}.run.kkilled`]);
    expect(await engine.cleanUp(() => false)).toEqual([]);
  } finally {
    await engine.close();
  }
  await workspaces.remove("run-1");
  expect(await readdir(join(root, "work"))).toEqual([]);
});
