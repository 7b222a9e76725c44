import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import type { BuildRequest } from "../../../src/engines/engine.ts";
import { busyboxTree } from "../../support/busybox-tree.ts";
import { dockerSocket, requireDocker } from "../../support/docker.ts";
import { startDockerRegistry } from "../../support/docker-registry.ts";
import { type ScratchDirectory, scratchDirectory } from "../../support/scratch-directory.ts";

// The engine is slow when other tests use both cores.
jest.setTimeout(60_000);

const installation = `buildkit-${randomBytes(4).toString("hex")}`;
const never = new AbortController().signal;
const fromScratch = "FROM scratch\nCOPY bin /bin\n";
let scratch: ScratchDirectory;
let engine: ReturnType<typeof dockerEngine>;

beforeAll(async () => {
  scratch = await scratchDirectory();
  await busyboxTree(join(scratch.path, "tree"));
  await writeFile(join(scratch.path, "tree/.dockerignore"), "secret.txt\n");
  await writeFile(join(scratch.path, "tree/secret.txt"), "secret");
  const host = `unix://${dockerSocket}`;
  engine = dockerEngine({ host, installation, stateDirectory: join(scratch.path, "state"), slots: 2, builder: "buildkit" });
});
afterAll(async () => {
  await engine.cleanUp(() => false);
  await engine.close();
  await scratch.remove();
});

let number = 0;
async function build(dockerfile: string, change: Partial<BuildRequest> = {}, signal = never, each: (text: string) => void = () => {}) {
  let log = "";
  const request: BuildRequest = {
    platform: "linux/amd64",
    context: join(scratch.path, "tree"),
    dockerfile,
    parents: [],
    buildArguments: {},
    limits: { timeoutMs: 60_000, memoryBytes: 64 * 2 ** 20, processes: 50 },
    ...change,
  };
  const sink = (text: string) => {
    log += text;
    each(text);
    return log.length < 200_000;
  };
  const outcome = await engine.build(`buildkit-${++number}/build`, request, sink, signal);
  return { outcome, log };
}

test("builds of one scope share a cache mount, others have their own, and without a scope nobody has", async () => {
  const tell = (word: string) => `${fromScratch}RUN --mount=type=cache,target=/cache cat /cache/word; echo ${word} > /cache/word\n`;
  const scope = `cockpit f40 ${installation}`;
  await build(tell("mine"), { cacheScope: scope });
  expect((await build(tell("again"), { cacheScope: scope })).log).toMatch(/^mine$/m);
  expect((await build(tell("theirs"), { cacheScope: `${scope} of another repository` })).log).not.toMatch(/^(?:mine|again)$/m);
  expect((await build(tell("unscoped"))).log).not.toMatch(/^(?:mine|again|theirs)$/m);
  expect((await build(tell("unscoped"))).log).not.toMatch(/^unscoped$/m);
});

test("no RUN is taken from another build, though COPY may be", async () => {
  const dockerfile = `${fromScratch}RUN echo it runs\n`;
  expect((await build(dockerfile)).log).toMatch(/^it runs$/m);
  expect((await build(dockerfile)).log).toMatch(/^it runs$/m);
});

test("orders to BuildKit that stand in build arguments are not passed on", async () => {
  const buildArguments = { BUILDKIT_SYNTAX: "127.0.0.1:1/evil:1", BUILDKIT_CACHE_MOUNT_NS: "another", WORD: "passed" };
  const { outcome, log } = await build(`${fromScratch}ARG WORD\nRUN echo it is $WORD\n`, { buildArguments });
  expect(outcome.outcome).toBe("built");
  expect(log).toMatch(/^it is passed$/m);
});

test("a frontend is never fetched, whatever the Dockerfile says", async () => {
  for (const head of [
    "# syntax=127.0.0.1:1/evil:1\n",
    "#check=skip=all\n#  SYNTAX = 127.0.0.1:1/evil:1\n",
    "// syntax=127.0.0.1:1/evil:1\n",
  ]) {
    const { outcome, log } = await build(`${head}${fromScratch}`);
    expect(outcome).toMatchObject({ outcome: "failed", message: expect.stringContaining("syntax") });
    expect(log).not.toContain("127.0.0.1:1/v2");
  }
});

test("a failing step of a later stage is told with its stage, number and exit code", async () => {
  const { outcome, log } = await build(
    `FROM scratch AS Tools\nCOPY bin /bin\nENV A=1\nRUN echo "A is $A"\nFROM scratch\nCOPY --from=tools /bin /bin\nRUN exit 7\n`,
  );
  expect(outcome).toEqual({
    outcome: "failed",
    message: "RUN exit 7 returned 7",
    instruction: "RUN exit 7",
    layer: { stage: "stage-1", number: 2, keyword: "RUN" },
  });
  expect(log).toMatch(/^A is 1$/m);
  expect(log).toMatch(/^#\d+ \[tools 2\/2\] RUN echo/im);
});

test("a line that no builder understands is told by its number", async () => {
  expect((await build(`${fromScratch}NONSENSE\n`)).outcome).toMatchObject({
    outcome: "failed",
    message: "dockerfile parse error line 3: unknown instruction: NONSENSE",
    line: 3,
  });
});

test("what .dockerignore names is not in the image, and the Dockerfile there is the one that was built", async () => {
  const { outcome, log } = await build(`${fromScratch}COPY . /all\nRUN ls -A /all; cat /all/Dockerfile\n`);
  expect(outcome.outcome).toBe("built");
  expect(log).toMatch(/^\.dockerignore\nDockerfile\nbin$/m);
  expect(log).toMatch(/^COPY \. \/all$/m);
});

test("a cancelled build's process is gone, and its key can be built anew", async () => {
  const docker = await requireDocker();
  const controller = new AbortController();
  const word = `sleeping-${installation}`;
  const { outcome } = await build(`${fromScratch}RUN echo ${word} && sleep 1000\n`, {}, controller.signal, (text) => {
    if (text.includes(`\n${word}`) || text.startsWith(word)) controller.abort();
  });
  expect(outcome).toEqual({ outcome: "cancelled", layer: { number: 2, keyword: "RUN" } });
  const { outcome: again } = await build(`${fromScratch}RUN echo done\n`);
  expect(again.outcome).toBe("built");
  expect(
    (await docker.listImages()).flatMap((one) => one.RepoTags ?? []).filter((tag) => tag.includes(`buildkit-2d${number - 1}`)),
  ).toEqual([]);
});

test("a parent is taken from the engine: after the pull nothing is asked of its registry", async () => {
  const docker = await requireDocker();
  const registry = await startDockerRegistry();
  const parent = await build(`${fromScratch}ENV WORD=inherited\n`);
  if (parent.outcome.outcome !== "built") throw new Error(parent.log);
  const destination = { registry: registry.endpoint, repository: "f42/parent", tag: "1" };
  const { digest } = await engine.push("push", parent.outcome.imageId, destination, () => true, never);
  const image = `${registry.endpoint}/f42/parent@${digest}`;
  try {
    await engine.cleanUp(() => false);
    expect((await build(`FROM ${image}\nRUN echo the word is $WORD\n`, { parents: [image] })).log).toMatch(/^the word is inherited$/m);
    await registry.stop();
    expect((await build(`FROM ${image}\nRUN echo the word is $WORD again\n`, { parents: [image] })).log).toMatch(
      /^the word is inherited again$/m,
    );
  } finally {
    await engine.cleanUp(() => false);
    await docker.getImage(image).remove();
  }
});

test("without a cgroup it says that nothing is limited, and auto takes the classic builder", async () => {
  expect(await engine.capabilities()).toMatchObject({ builder: "buildkit", buildLimits: "none" });
  const auto = dockerEngine({ host: `unix://${dockerSocket}`, installation, stateDirectory: scratch.path, slots: 2 });
  expect(await auto.capabilities()).toEqual({ builder: "classic", features: [], buildLimits: "each" });
});
