import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { isAlive } from "../../src/programs/is-alive.ts";
import { dockerSocket, requireDocker } from "../support/docker.ts";
import { processesMarked } from "../support/marked-processes.ts";
import { until } from "../support/running-service.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";

const program = join(import.meta.dirname, "../../demo/demo.ts");

const summaryKeys = ["nvr", "digest", "candidate", "production", "policy", "registriesD", "publicKey", "web", "build", "baseImage"];

let scratch: ScratchDirectory;
let started: ChildProcess | undefined;
let mark: string;

beforeEach(async () => {
  scratch = await scratchDirectory("flibs-demo-");
  mark = `FLIBS_DEMO_MARK=${randomUUID()}`;
});
afterEach(async () => {
  if (started?.exitCode === null && started.signalCode === null) {
    const ended = once(started, "exit");
    started.kill("SIGTERM");
    await ended;
  }
  await scratch.remove();
}, 120_000);

function startDemo(directory: string, ...more: string[]) {
  const [name = "", value] = mark.split("=");
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, "--directory", directory, ...more], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, [name]: value },
  });
  started = child;
  const told = { text: "" };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (told.text += text));
  return { child, told, ended: once(child, "close") as Promise<[number | null]> };
}

/** No process of the demo's, no process on its directory, no database, no container of the builds that it told of. */
async function expectNothingLeft(directory: string, text: string): Promise<void> {
  // Compared by itself, so that a failure shows it and not the beginning of the whole text.
  expect(/^while stopping.*/ms.exec(text)?.[0]).toBeUndefined();
  expect(await processesMarked(mark, directory)).toEqual([]);
  // Another user's, with an environment of its own, and its data may lie elsewhere.
  const database = JSON.parse(await readFile(join(directory, "flibs/state/postgres/connection.json"), "utf8"));
  expect(database.pid).toBeGreaterThan(0);
  expect(isAlive(database.pid)).toBe(false);
  const builds = [...text.matchAll(/\/builds\/([0-9a-z-]+)/g)].map(([, id]) => id ?? "");
  expect(builds.length).toBeGreaterThan(0);
  const docker = await requireDocker(process.env.FLIBS_DOCKER_SOCKET ?? dockerSocket);
  const ofBuilds = (key: string) => builds.some((id) => key.startsWith(`${id}/`));
  const containers = await docker.listContainers({ all: true, filters: { label: ["io.flibs.key"] } });
  expect(containers.filter(({ Labels }) => ofBuilds(Labels["io.flibs.key"] ?? "")).map(({ Names }) => Names)).toEqual([]);
}

function expectInOrder(text: string, lines: readonly (string | RegExp)[]): void {
  let rest = text;
  for (const line of lines) {
    const at = typeof line === "string" ? rest.indexOf(line) : rest.search(line);
    expect({ line, found: at >= 0 }).toEqual({ line, found: true });
    rest = rest.slice(at);
  }
}

test("the demo shows the whole line, says where it all is, and leaves nothing running", async () => {
  const directory = join(scratch.path, "d");
  const { told, ended } = startDemo(directory);
  const [code] = await ended;
  expect(told.text).not.toMatch(/The demo failed/);
  expect(code).toBe(0);

  const stages = [...told.text.matchAll(/^==\s+[\d.]+s {2}(.*)$/gm)].map(([, title]) => title ?? "");
  const wanted = [
    /^starting two registries$/,
    /^finding a base image$/,
    /^making an installation/,
    /^starting flibs/,
    /^pushing containers-repo-template\/ to containers\/hello$/,
    /^building: http/,
    /^promotion pull request .* #1$/,
    /^merging it/,
    /^pulling .* under a policy that demands the signature$/,
    /^pushing .*:unsigned behind flibs' back/,
    /^pushing a second commit that upgrades a package$/,
    /^building: http/,
    /^promotion pull request .* #2$/,
    /^merging it/,
    /^pulling .* under a policy that demands the signature$/,
    /is released, signed and pulled/,
    /^stopping what was started$/,
  ];
  expect(stages).toHaveLength(wanted.length);
  for (const [n, title] of stages.entries()) expect(title).toMatch(wanted[n] ?? /^$/);

  expect(told.text).toMatch(/refused/i);
  expect(told.text).toMatch(/A signature was required, but no signature exists|signature/);
  const second = told.text.slice(told.text.search(/promotion pull request .* #2/));
  expect(second).toMatch(/greeting.*1\.0-1.*2\.0-1/);

  const summary = JSON.parse(await readFile(join(directory, "summary.json"), "utf8"));
  for (const key of summaryKeys) expect(summary).toHaveProperty(key, expect.stringMatching(/./));
  expect(summary).toMatchObject({ nvr: "hello-container-1-2", digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
  expect(await readFile(summary.policy, "utf8")).toContain("signedBy");
  expect((await readFile(summary.publicKey)).length).toBeGreaterThan(100);
  await expectNothingLeft(directory, told.text);
}, 400_000);

test("on GitHub's double it tells what flibs writes on pull requests, and leaves that as pages", async () => {
  const directory = join(scratch.path, "d");
  const { told, ended } = startDemo(directory, "--forge", "github-double");
  const [code] = await ended;
  expect(told.text).not.toMatch(/The demo failed/);
  expect(code).toBe(0);

  const inOrder = [
    "alice opens a pull request whose Dockerfile lost a label",
    'Dockerfile:3 failure: label "version" is missing',
    "she comments /build",
    /flibs \/ build \(linux\/amd64\) +in progress: Building +\[Cancel/,
    /flibs \/ test: smoke +success/,
    "promotion pull request releng/manifests #1",
    "First release: `1-1`",
    /flibs \/ promotion +success: writes 1-1, 1, latest/,
    "rel, a release engineer, merges it",
    "`f42/hello` is released to production.",
    "under a policy that demands the signature",
    "accepted",
    /flibs \/ approval +action required/,
    "mallory comments /build, and is refused",
    "`/build` waits until somebody with write access to `containers/hello`",
    "Commands that you may use in this pull request",
    /flibs \/ approval +success: Approved by alice/,
    /flibs \/ build \(linux\/amd64\) +success: Built scratch build/,
    "The double noticed nothing that GitHub would have refused.",
    "stopping what was started",
  ];
  expectInOrder(told.text, inOrder);

  const summary = JSON.parse(await readFile(join(directory, "summary.json"), "utf8"));
  for (const key of summaryKeys) expect(summary).toHaveProperty(key, expect.stringMatching(/./));
  expect(summary).toMatchObject({ nvr: "hello-container-1-1", promotion: 1 });

  const page = (name: string) => readFile(join(directory, "github", name), "utf8");
  expect(await page("index.html")).toContain('<a href="containers-hello-2.html">Make it &lt;b&gt;faster&lt;/b&gt;</a>');
  expect(await page("containers-hello-1.html")).toContain("FROM registry.fedoraproject.org/fedora:42");
  expect(await page("releng-manifests-1.html")).toContain("<code>f42/hello</code> is released to production.");
  const refused = await page("containers-hello-2.html");
  expect(refused).toMatch(/<code>\/build<\/code> waits until .*<pre><code>\/ok-to-test [0-9a-f]{40}<\/code><\/pre>/s);
  expect(refused).toContain("&lt;img src=x onerror=&quot;alert(&#39;mine&#39;)&quot;&gt;");
  expect(refused).not.toMatch(/<(img|script|b)[\s>]/);
  await expectNothingLeft(directory, told.text);
}, 300_000);

test("on Pagure's double it tells the flags and the few comments that flibs writes", async () => {
  const directory = join(scratch.path, "d");
  const { told, ended } = startDemo(directory, "--forge", "pagure-double");
  const [code] = await ended;
  expect(told.text).not.toMatch(/The demo failed/);
  expect(code).toBe(0);
  const inOrder = [
    "alice opens a pull request whose Dockerfile lost a label",
    /flibs \/ lint +failure/,
    "flibs-bot:",
    "she comments /build: a flag answers at once",
    /flibs \/ command +pending/,
    /flibs \/ test: smoke +success/,
    "promotion pull request releng/manifests #1",
    "First release: `1-1`",
    /flibs \/ promotion +success: writes 1-1, 1, latest/,
    "rel, a release engineer, merges it",
    "`f42/hello` is released to production.",
    "under a policy that demands the signature",
    "accepted",
    /flibs \/ approval +pending/,
    "mallory comments /build, and is refused",
    "`/build` waits until somebody with write access to `containers/hello`",
    /flibs \/ approval +success: Approved by alice/,
    /flibs \/ build \(linux\/amd64\) +success: Built scratch build/,
    "flibs-bot wrote 1 comment, and flags for the rest",
    "stopping what was started",
  ];
  expectInOrder(told.text, inOrder);
  const summary = JSON.parse(await readFile(join(directory, "summary.json"), "utf8"));
  for (const key of summaryKeys) expect(summary).toHaveProperty(key, expect.stringMatching(/./));
  expect(summary).toMatchObject({ nvr: "hello-container-1-1", promotion: 1 });
  await expectNothingLeft(directory, told.text);
}, 300_000);

test("a forge that there is none of is named, with those that there are", async () => {
  const directory = join(scratch.path, "d");
  const { told, ended } = startDemo(directory, "--forge", "gitea");
  expect((await ended)[0]).toBe(2);
  expect(told.text).toBe('There is no forge "gitea" for the demo: local, github-double, pagure-double\n');
}, 30_000);

test("Ctrl-C in the middle of a build stops everything that was started", async () => {
  const directory = join(scratch.path, "d");
  const { child, told, ended } = startDemo(directory);
  await until("the demo to build", async () => (/building: http/.test(told.text) || child.exitCode !== null ? true : undefined));
  expect(told.text).toMatch(/building: http/);
  const interrupted = Date.now();
  child.kill("SIGINT");
  const [code] = await ended;
  expect(code).toBe(1);
  expect(told.text).toMatch(/interrupted/);
  expect(Date.now() - interrupted).toBeLessThan(30_000);
  await expectNothingLeft(directory, told.text);
}, 120_000);

test("a directory that is somebody else's is not emptied", async () => {
  await writeFile(join(scratch.path, "thesis.txt"), "three years of work");
  const { told, ended } = startDemo(scratch.path);
  expect((await ended)[0]).toBe(1);
  expect(told.text).toMatch(/holds something else than a demo/);
  expect(await readFile(join(scratch.path, "thesis.txt"), "utf8")).toBe("three years of work");
}, 30_000);
