import { randomBytes } from "node:crypto";
import { open, truncate } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type Docker from "dockerode";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import type { BuildRequest, Engine } from "../../../src/engines/engine.ts";
import { busyboxTree } from "../../support/busybox-tree.ts";
import { dockerSocket, requireDocker } from "../../support/docker.ts";
import { type RunningRegistry, registryCredential, startDockerRegistry } from "../../support/docker-registry.ts";
import { type ScratchDirectory, scratchDirectory } from "../../support/scratch-directory.ts";
import { skopeo } from "../../support/skopeo.ts";

// The engine is slow when other tests use both cores.
jest.setTimeout(60_000);

const never = new AbortController().signal;
const limits = { timeoutMs: 60_000, memoryBytes: 64 * 2 ** 20, processes: 50 };
let scratch: ScratchDirectory;
let docker: Docker;
let registry: RunningRegistry;
let engine: Engine;

beforeAll(async () => {
  [docker, scratch, registry] = await Promise.all([requireDocker(), scratchDirectory(), startDockerRegistry({ auth: "basic" })]);
  await busyboxTree(join(scratch.path, "tree"));
  const installation = `registries-${randomBytes(4).toString("hex")}`;
  engine = dockerEngine({ host: `unix://${dockerSocket}`, installation, stateDirectory: join(scratch.path, "state"), slots: 2 });
});
afterAll(async () => {
  await engine.cleanUp(() => false);
  await registry.stop();
  await scratch.remove();
});

async function build(key: string, dockerfile: string, sink: (text: string) => boolean = () => true, change: Partial<BuildRequest> = {}) {
  const context = join(scratch.path, "tree");
  const request = { platform: "linux/amd64", context, dockerfile, parents: [], buildArguments: {}, limits, ...change } as const;
  return engine.build(key, request, sink, never);
}
async function built(key: string, dockerfile: string) {
  const outcome = await build(key, dockerfile);
  if (outcome.outcome !== "built") throw new Error(JSON.stringify(outcome));
  return outcome.imageId;
}
const fromScratch = "FROM scratch\nCOPY bin /bin\n";
const destination = () => ({ registry: registry.endpoint, repository: "f42/hello", tag: "1-1" });

test("a push with the right password is in the registry; skopeo reads it there", async () => {
  const imageId = await built("push", fromScratch);
  const pushed = await engine.push("push", imageId, { ...destination(), credential: registryCredential }, () => true, never);
  const creds = `${registryCredential.username}:${registryCredential.password}`;
  const { stdout } = await skopeo(["inspect", "--tls-verify=false", "--creds", creds, `docker://${registry.endpoint}/f42/hello:1-1`]);
  expect(JSON.parse(stdout)).toMatchObject({ Digest: pushed.digest });
});

test.each([
  ["without a password", undefined],
  ["with a wrong password", { username: "alice", password: "wrong-one" }],
])("a push %s says who must mend what, and not the password", async (_, credential) => {
  const imageId = await built("push", fromScratch);
  const to = { ...destination(), ...(credential === undefined ? {} : { credential }) };
  const error = await engine.push("push", imageId, to, () => true, never).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: "engine.push-denied",
    kind: "denied",
    message: expect.stringContaining(`pushing ${registry.endpoint}/f42/hello:1-1: `),
    hint: "Look at the user name and password of the registry in the settings",
  });
  expect(String(error)).not.toContain("wrong-one");
});

test("a test image that needs a password is pulled with it, once for all commands, and forgotten by clean-up", async () => {
  const imageId = await built("pull", `${fromScratch}LABEL a=pulled\n`);
  const { digest } = await engine.push("pull", imageId, { ...destination(), credential: registryCredential }, () => true, never);
  await engine.cleanUp((key) => key !== "pull");
  const image = `${registry.endpoint}/f42/hello@${digest}`;
  const request = { platform: "linux/amd64", image, command: ["/bin/true"], env: {}, limits } as const;
  await expect(engine.run("pull", request, () => true, never)).rejects.toMatchObject({ code: "engine.pull-denied" });
  let log = "";
  const sink = (text: string) => {
    log += text;
    return true;
  };
  for (const key of ["pull", "pull/2", "pull/3"]) {
    expect(await engine.run(key, { ...request, credential: registryCredential }, sink, never)).toMatchObject({ exitCode: 0 });
  }
  expect(log.match(/^Pulling /gm)).toHaveLength(1);
  expect(await engine.cleanUp((key) => !key.startsWith("pull"))).toEqual([`image ${image}`]);
  expect(await engine.cleanUp((key) => !key.startsWith("pull"))).toEqual([]);
  await expect(docker.getImage(image).inspect()).rejects.toMatchObject({ statusCode: 404 });
});

test("a pinned parent that the engine does not have is pulled from its registry", async () => {
  await using open = await startDockerRegistry();
  const parentId = await built("parent", `${fromScratch}ENV WORD=inherited\n`);
  const { digest } = await engine.push("parent", parentId, { ...destination(), registry: open.endpoint }, () => true, never);
  await engine.cleanUp((key) => key !== "parent");
  const parent = `${open.endpoint}/f42/hello@${digest}`;
  await expect(docker.getImage(parent).inspect()).rejects.toMatchObject({ statusCode: 404 });
  let log = "";
  const sink = (text: string) => {
    log += text;
    return true;
  };
  try {
    expect(await build("child", `FROM ${parent}\nRUN echo the word is $WORD\n`, sink, { parents: [parent] })).toMatchObject({
      outcome: "built",
    });
    expect(log).toContain(`Pulling ${parent}`);
    expect(log).toMatch(/^the word is inherited$/m);
  } finally {
    await engine.cleanUp((key) => key !== "child");
    await docker.getImage(parent).remove();
  }
});

test("a pinned parent that is gone is told as such, and may be there on the next try", async () => {
  await using open = await startDockerRegistry();
  const parent = `${open.endpoint}/f42/gone@sha256:${"0".repeat(64)}`;
  await expect(build("gone", `FROM ${parent}\n`, undefined, { parents: [parent] })).rejects.toMatchObject({
    code: "engine.pull-denied",
    message: expect.stringContaining(`pulling ${parent}: `),
  });
});

test("a tree of five gigabytes is refused before a byte of it is sent", async () => {
  const tree = join(scratch.path, "large");
  await busyboxTree(tree);
  const large = await open(join(tree, "core.dump"), "w");
  await large.close();
  await truncate(join(tree, "core.dump"), 5 * 2 ** 30);
  const startedAt = performance.now();
  await expect(build("large", fromScratch, () => true, { context: tree })).rejects.toMatchObject({
    code: "engine.context-too-large",
    kind: "input",
    file: "core.dump",
    message: "the files to send to the engine are larger than 512 MiB",
    hint: "Remove large files from the repository, or list them in .dockerignore",
  });
  // Five gigabytes of zeros would take many times this.
  expect(performance.now() - startedAt).toBeLessThan(20_000);
});
