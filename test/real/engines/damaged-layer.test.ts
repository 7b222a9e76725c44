import { randomBytes } from "node:crypto";
import { access, constants, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type Docker from "dockerode";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import { busyboxTree } from "../../support/busybox-tree.ts";
import { dockerSocket, requireDocker } from "../../support/docker.ts";
import { type RunningRegistry, startDockerRegistry } from "../../support/docker-registry.ts";
import { type ScratchDirectory, scratchDirectory } from "../../support/scratch-directory.ts";

// The engine is slow when other tests use both cores.
jest.setTimeout(60_000);

const installation = `damaged-${randomBytes(4).toString("hex")}`;
const never = new AbortController().signal;
let scratch: ScratchDirectory;
let docker: Docker;
let registry: RunningRegistry;
let engine: ReturnType<typeof dockerEngine>;

beforeAll(async () => {
  [docker, scratch, registry] = await Promise.all([requireDocker(), scratchDirectory(), startDockerRegistry()]);
  await busyboxTree(join(scratch.path, "tree"));
  engine = dockerEngine({ host: `unix://${dockerSocket}`, installation, stateDirectory: join(scratch.path, "state"), slots: 2 });
});
afterAll(async () => {
  await engine.cleanUp(() => false);
  await engine.close();
  await registry.stop();
  await scratch.remove();
});

async function built(word: string) {
  const outcome = await engine.build(
    word,
    {
      ...{ platform: "linux/amd64", context: join(scratch.path, "tree"), parents: [], buildArguments: {} },
      // Of its own: nothing of it was pushed anywhere before.
      dockerfile: `FROM scratch\nCOPY bin /bin\nRUN /bin/busybox echo ${installation} ${word} > /word\n`,
      limits: { timeoutMs: 60_000, memoryBytes: 64 * 2 ** 20, processes: 50 },
    },
    () => true,
    never,
  );
  if (outcome.outcome !== "built") throw new Error(JSON.stringify(outcome));
  return outcome.imageId;
}

/** Called off when Docker begins to try again what it could not read, which it does for a minute. */
async function push(word: string, image: Awaited<ReturnType<typeof built>>) {
  const again = new AbortController();
  let log = "";
  const sink = (text: string) => {
    log += text;
    if (/Retrying in/.test(log)) again.abort(new Error("Docker tries again"));
    return true;
  };
  return await engine.push(word, image, { registry: registry.endpoint, repository: "f42/damaged", tag: word }, sink, again.signal);
}

const arrived = async (tag: string) => (await fetch(`${registry.url}/v2/f42/damaged/manifests/${tag}`)).status;

/** Where the engine keeps the files of an image's last layer; undefined where that is no place of ours. */
async function filesOf(image: string): Promise<string | undefined> {
  const { Data } = (await docker.getImage(image).inspect()).GraphDriver;
  const directory = (Data as { UpperDir?: string } | null)?.UpperDir ?? "";
  return access(join(directory, "word"), constants.W_OK).then(
    () => directory,
    () => undefined,
  );
}

/** What `checksLayers` promises, and `measure` relies on (decisions/0039). */
test("a layer whose files were changed on the engine's disk is not pushed", async () => {
  expect(await engine.checksLayers()).toBe(true);
  const [whole, damaged] = [await built("whole"), await built("damaged")];
  await push("whole", whole);
  expect(await arrived("whole")).toBe(200);
  const directory = await filesOf(damaged);
  // An engine elsewhere, or one that is another user's.
  if (directory === undefined) return;
  await writeFile(join(directory, "word"), `${installation} DAMAGED\n`);
  await expect(push("damaged", damaged)).rejects.toThrow();
  expect(await arrived("damaged")).toBe(404);
});
