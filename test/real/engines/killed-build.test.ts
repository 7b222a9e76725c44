import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type Docker from "dockerode";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import type { BuildRequest } from "../../../src/engines/engine.ts";
import { busyboxTree } from "../../support/busybox-tree.ts";
import { dockerSocket, requireDocker } from "../../support/docker.ts";
import { processesMarked } from "../../support/marked-processes.ts";
import { type ScratchDirectory, scratchDirectory } from "../../support/scratch-directory.ts";
import type { BuildChild } from "./build-child.ts";

// The engine is slow when other tests use both cores.
jest.setTimeout(60_000);

const installation = `killed-${randomBytes(4).toString("hex")}`;
const never = new AbortController().signal;
let scratch: ScratchDirectory;
let docker: Docker;
let options: BuildChild["engine"];

beforeAll(async () => {
  [docker, scratch] = await Promise.all([requireDocker(), scratchDirectory()]);
  await busyboxTree(join(scratch.path, "tree"));
  options = { host: `unix://${dockerSocket}`, installation, stateDirectory: join(scratch.path, "state"), slots: 2 };
});
afterAll(async () => {
  await dockerEngine(options).cleanUp(() => false);
  await scratch.remove();
});

function request(lines: string): BuildRequest {
  return {
    ...{ platform: "linux/amd64", context: join(scratch.path, "tree"), parents: [], buildArguments: {} },
    dockerfile: `FROM scratch\nCOPY bin /bin\n${lines}\n`,
    limits: { timeoutMs: 60_000, memoryBytes: 64 * 2 ** 20, processes: 50 },
  };
}

/** Starts a build in a process of its own and kills it like the kernel would, once its log has `word`. */
async function killedAt(word: RegExp, key: string, lines: string): Promise<string> {
  const argument: BuildChild = { engine: options, key, request: request(lines) };
  const child = spawn(process.execPath, [join(import.meta.dirname, "build-child.ts"), JSON.stringify(argument)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let log = "";
  const ended = new Promise((resolve) => child.once("close", resolve));
  for await (const chunk of child.stdout) {
    log += chunk;
    if (word.test(log)) child.kill("SIGKILL");
  }
  await ended;
  return log;
}

async function stepContainers(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { Id } of await docker.listContainers({ all: true })) {
    const container = await docker
      .getContainer(Id)
      .inspect()
      .catch(() => undefined);
    if (container?.HostConfig.ExtraHosts?.some((one: string) => one.includes(installation))) found.push(Id);
  }
  return found;
}

async function tags(): Promise<readonly string[]> {
  return (await docker.listImages()).flatMap((one) => one.RepoTags ?? []).filter((tag) => tag.includes(installation));
}

test("flibs killed in the middle of a step and started again gives one image and leaves no container", async () => {
  // The step never ends by itself: only the second flibs can have ended it.
  const log = await killedAt(/^in the middle$/m, "run-1/build linux/amd64", "RUN echo in the middle; sleep 600");
  expect(log).not.toContain("outcome");
  expect(await readdir(join(options.stateDirectory, "build-steps"))).toHaveLength(1);

  const second = await dockerEngine(options).build("run-1/build linux/amd64", request("RUN echo in the middle"), () => true, never);
  expect(second.outcome).toBe("built");
  expect(await stepContainers()).toEqual([]);
  expect(await tags()).toHaveLength(1);
  expect(await readdir(join(options.stateDirectory, "build-steps"))).toEqual([]);
});

test("flibs killed when the image was ready is given that image, not another one", async () => {
  const log = await killedAt(/^outcome /m, "run-2/build linux/amd64", "RUN echo $RANDOM > /once");
  const imageId = JSON.parse(/^outcome (.*)$/m.exec(log)?.[1] ?? "{}").imageId;
  let said = "";
  const sink = (text: string) => {
    said += text;
    return true;
  };
  const second = await dockerEngine(options).build("run-2/build linux/amd64", request("RUN echo $RANDOM > /once"), sink, never);
  expect(second).toEqual({ outcome: "built", imageId });
  expect(said).toBe("");
});

test("flibs killed and never asked for that build again: clean-up takes away its container", async () => {
  await killedAt(/^in the middle$/m, "run-3/build linux/amd64", "RUN echo in the middle; sleep 600");
  await dockerEngine(options).cleanUp((key) => !key.startsWith("run-3/"));
  expect(await stepContainers()).toEqual([]);
  expect((await tags()).filter((tag) => tag.includes("krun-2d3"))).toEqual([]);
});

test("flibs killed in the middle of a BuildKit build and started again gives one image, and nothing of the first goes on", async () => {
  const own = options;
  options = { ...own, builder: "buildkit" };
  try {
    // A number that nobody else sleeps for.
    const seconds = 600_000 + Math.floor(Math.random() * 100_000);
    await killedAt(/^in the middle$/m, "run-4/build linux/amd64", `RUN echo in the middle; sleep ${seconds}`);
    const second = await dockerEngine(options).build("run-4/build linux/amd64", request("RUN echo in the middle"), () => true, never);
    expect(second.outcome).toBe("built");
    expect((await tags()).filter((tag) => tag.includes("krun-2d4"))).toHaveLength(1);
    expect(await processesMarked(String(seconds))).toEqual([]);
  } finally {
    options = own;
  }
});
