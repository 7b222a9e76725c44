import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type Docker from "dockerode";
import type { Digest } from "../../../src/domain/digest.ts";
import type { Platform } from "../../../src/domain/platform.ts";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import { structureRunner } from "../../../src/gating/structure/structure-runner.ts";
import { dockerSocket, requireDocker } from "../../support/docker.ts";
import { startDockerRegistry } from "../../support/docker-registry.ts";
import { type ScratchDirectory, scratchDirectory } from "../../support/scratch-directory.ts";
import { readStructureExamples, readStructureText } from "../../support/structure-examples.ts";
import { structureImage } from "../../support/structure-image.ts";
import type { StructureChild } from "./structure-child.ts";

// The engine is slow when other tests use both cores.
jest.setTimeout(60_000);

const goArchitecture: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };
const own: Platform = `linux/${goArchitecture[process.arch] ?? process.arch}`;
const other: Platform = process.arch === "arm64" ? "linux/amd64" : "linux/arm64";
const installation = `structure-${randomBytes(4).toString("hex")}`;
const limits = { timeoutMs: 50_000, memoryBytes: 64 * 2 ** 20, processes: 64 };
const never = new AbortController().signal;

let docker: Docker;
let engine: ReturnType<typeof dockerEngine>;
let registry: Awaited<ReturnType<typeof startDockerRegistry>>;
let scratch: ScratchDirectory;
const images: Record<string, string> = {};

beforeAll(async () => {
  docker = await requireDocker();
  scratch = await scratchDirectory();
  registry = await startDockerRegistry();
  // Inherited by all that is made of the image: other suites make and remove nameless images at the same time.
  const dockerfile = `${await structureImage(join(scratch.path, "tree"))}LABEL world=${installation}\n`;
  engine = dockerEngine(options());
  images.full = await build("full", dockerfile, own);
  images.empty = await build("empty", "FROM scratch\nCOPY bin /bin\n", own);
  images.own = await push("own", images.full);
  const elsewhere = await build("other", `${dockerfile}COPY other.txt /etc/hello.txt\nENV GREETING=elsewhere\n`, other);
  images.other = await push("other", elsewhere);
});
afterAll(async () => {
  await engine.cleanUp(() => false);
  await engine.close();
  await registry.stop();
  await scratch.remove();
});

function options() {
  const stateDirectory = join(scratch.path, "state");
  return { host: `unix://${dockerSocket}`, installation, stateDirectory, slots: 2, platforms: [own, other] };
}

async function build(key: string, dockerfile: string, platform: Platform): Promise<Digest> {
  let log = "";
  const sink = (text: string) => {
    log += text;
    return true;
  };
  const request = { platform, context: join(scratch.path, "tree"), dockerfile, parents: [], buildArguments: {}, limits };
  const outcome = await engine.build(key, request, sink, never);
  if (outcome.outcome !== "built") throw new Error(`${JSON.stringify(outcome)}\n${log}`);
  return outcome.imageId;
}

async function push(key: string, image: string): Promise<string> {
  const destination = { registry: registry.endpoint, repository: "f40/structure", tag: key };
  const { digest } = await engine.push(key, image as Digest, destination, () => true, never);
  return `${registry.endpoint}/f40/structure@${digest}`;
}

let number = 0;
async function run(text: string, image: string | undefined, platform = own, change = {}) {
  const { suites, findings } = await readStructureText(text);
  const [suite] = suites;
  if (suite === undefined) return { refused: findings };
  let log = "";
  const sink = (piece: string) => {
    log += piece;
    return log.length < 1_000_000;
  };
  const request = { suite, image: image ?? "", platform, tree: scratch.path, artifacts: scratch.path, limits: { ...limits, ...change } };
  return { ...(await structureRunner({ engine }).run(`run-${++number}/test structure`, request, sink, never)), log };
}

describe("docs/structure-tests.md says what happens", () => {
  test.each(readStructureExamples().map((example) => [example.name, example] as const))("%s", async (_, { text, image, expected }) => {
    const result = await run(text, images[image]);
    if ("refused" in result) expect(expected).toBe("refused");
    else expect({ outcome: result.outcome, log: result.log }).toEqual({ outcome: expected, log: result.log });
  });
});

const files = `schemaVersion: 2.0.0
fileContentTests: [{name: greeting, path: /etc/hello.txt, expectedContents: [^hello]}]
fileExistenceTests: [{name: tool, path: /opt/tool, permissions: urwxr-xr-x}]
licenseTests: [{debian: true}]
metadataTest: {envVars: [{key: GREETING, value: "hello, world"}]}
`;

test("each platform is tested by its digest, also one that can't run here", async () => {
  expect(await run(files, images.own)).toMatchObject({ outcome: "pass", message: "4 passed" });
  expect(await run(files, images.other, other)).toMatchObject({
    outcome: "fail",
    cases: [
      { name: "File Content Test: greeting", outcome: "fail", message: "/^hello/ was not found in /etc/hello.txt" },
      { name: "File Existence Test: tool", outcome: "pass" },
      { name: "License Test", outcome: "pass" },
      { name: "Metadata Test", outcome: "fail", message: 'the variable GREETING is "elsewhere", expected "hello, world"' },
    ],
  });
  expect(await run(files, images.own)).toMatchObject({ outcome: "pass" });
});

test("a file too large to search, endless output and a command that hangs are errors", async () => {
  const big = await run("schemaVersion: 2.0.0\nfileContentTests: [{name: a, path: /opt/big.log, excludedContents: [x]}]\n", images.full);
  expect(big).toMatchObject({ outcome: "error", message: expect.stringContaining("larger than the 8 MiB that are searched") });
  const there = "schemaVersion: 2.0.0\nfileExistenceTests: [{name: a, path: /opt/big.log, permissions: -rw-r--r--}]\n";
  expect(await run(there, images.full)).toMatchObject({ outcome: "pass" });
  expect(await run("schemaVersion: 2.0.0\ncommandTests: [{name: a, command: yes}]\n", images.full)).toMatchObject({
    outcome: "error",
    message: "Command Test: a: printed more than the log limit allows",
  });
  const hanging = "schemaVersion: 2.0.0\ncommandTests: [{name: a, command: sleep, args: [1000]}, {name: b, command: 'true'}]\n";
  expect(await run(hanging, images.full, own, { timeoutMs: 4000 })).toMatchObject({
    outcome: "error",
    cases: [
      { name: "Command Test: a", message: "did not end within the time of the suite" },
      { name: "Command Test: b", message: "not run: the time of the suite was used up" },
    ],
  });
});

test("ST10: a link that would lead to a file of this machine, or goes in a circle, leads to no file", async () => {
  // They are on this machine, and not in the image.
  const paths = ["/out", "/etc/passwd", "/dangling", "/loop", "/circle-a", "/circle-a/x"];
  const tests = paths.map((path) => `{name: a, path: ${path}}`).join(", ");
  expect(await run(`schemaVersion: 2.0.0\nfileContentTests: [${tests}]\n`, images.full)).toMatchObject({
    cases: [
      { message: "/out is a link that leads to no file" },
      { message: "/etc/passwd is not in the image" },
      { message: "/dangling is a link that leads to no file" },
      { message: "/loop is a link that leads to no file" },
      { message: "/circle-a is a link that leads to no file" },
      { message: "/circle-a/x is a link that leads to no file" },
    ],
  });
});

test("nothing of it stays on the engine: no container, no image with or without a name", async () => {
  const filters = JSON.stringify({ dangling: ["true"], label: [`world=${installation}`] });
  const countNameless = async () => (await docker.listImages({ filters })).length;
  const before = await countNameless();
  const setup = "[[touch, /tmp/a], [touch, /tmp/b], [touch, /tmp/c]]";
  const text = `schemaVersion: 2.0.0\ncommandTests: [{name: a, setup: ${setup}, command: cat, args: [/tmp/a, /tmp/b, /tmp/c]}]\n`;
  expect(await run(text, images.full)).toMatchObject({ outcome: "pass" });
  expect(await countNameless()).toBe(before);
  expect(await ownNames()).toEqual([]);
});

test("what is left when flibs is killed between setup and test goes with the next clean-up, and does not disturb the next run", async () => {
  const setup = "[[touch, /tmp/a], [sh, -c, 'echo in the middle; sleep 600']]";
  const { suites } = await readStructureText(`schemaVersion: 2.0.0\ncommandTests: [{name: a, setup: ${setup}, command: "true"}]\n`);
  const [suite] = suites;
  if (suite === undefined) throw new Error("no suite");
  const request = { suite, image: images.full ?? "", platform: own, tree: scratch.path, artifacts: scratch.path, limits };
  const child: StructureChild = { engine: options(), key: "killed", request };
  expect(await killedAt(/^in the middle$/m, child)).not.toContain("---");
  expect(await ownNames()).toEqual([
    expect.stringMatching(/^\/flibs\..+\.run\.kkilled-2f1$/),
    expect.stringMatching(/^flibs-run\/.+\/kkilled-2f1:latest$/),
  ]);

  const quick = {
    ...suite,
    definition: { schemaVersion: "2.0.0", commandTests: [{ name: "a", setup: [["touch", "/tmp/b"]], command: "true" }] },
  };
  const again = await structureRunner({ engine }).run("killed", { ...request, suite: quick }, () => true, never);
  expect([again, await ownNames()]).toMatchObject([{ outcome: "pass" }, []]);

  await killedAt(/^in the middle$/m, { ...child, key: "gone" });
  expect(await engine.cleanUp((key) => !key.startsWith("gone"))).toHaveLength(2);
  expect(await ownNames()).toEqual([]);
});

/** Runs a suite in a process of its own and kills it like the kernel would, once its log has `word`. */
async function killedAt(word: RegExp, argument: StructureChild): Promise<string> {
  const program = join(import.meta.dirname, "structure-child.ts");
  const child = spawn(process.execPath, [program, JSON.stringify(argument)], { stdio: ["ignore", "pipe", "inherit"] });
  let log = "";
  const ended = new Promise((resolve) => child.once("close", resolve));
  for await (const chunk of child.stdout) {
    log += chunk;
    if (word.test(log)) child.kill("SIGKILL");
  }
  await ended;
  return log;
}

/** Containers, and images of commands before a test. */
async function ownNames(): Promise<readonly string[]> {
  const containers = (await docker.listContainers({ all: true })).flatMap(({ Names }) => Names);
  const tags = (await docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
  const isOwn = (name: string) => name.startsWith(`/flibs.${installation}.`) || name.startsWith(`flibs-run/${installation}/`);
  return [...containers, ...tags].filter(isOwn);
}
