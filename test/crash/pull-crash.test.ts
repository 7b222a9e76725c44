import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type App, openApp } from "../../src/app.ts";
import { silentLog } from "../../src/log.ts";
import { readTurn } from "../setup/turns.js";
import { requireDocker } from "../support/docker.ts";
import { type GithubInstallation, makeGithubInstallation } from "../support/github-installation.ts";
import { repeatedChecks } from "../support/repeated-checks.ts";
import { type KilledWorkers, killedWorkers } from "./killed-workers.ts";

// Pull requests on the GitHub double. No delivery ever arrives: the worker that comes after a dead one looks for itself. What a build does to
// engine and registries is gone through in crash.test.ts; here it is everything that GitHub is told, and what looks and commands write down.
const ofPull = /^(before|after) (forge\.|journal (pull|command) )/;
/** Of a stranger's, what a maintainer's has not been through. */
const ofStranger = /^(before|after) (forge\.(setStatus|react|ensureComment)|journal command )/;
const ofApproval = /^(before|after) (forge\.(react|ensureComment)|journal command )/;
const hello = "containers/hello";

let world: GithubInstallation;
let app: App;
let workers: (only: RegExp) => KilledWorkers;

beforeAll(async () => {
  await requireDocker();
  world = await makeGithubInstallation();
  await world.github.createRepository(hello, { files: await world.template("hello"), roles: { alice: "write" } });
  app = await openApp(world.settings, { log: silentLog, environment: process.env, databaseUrl: world.database.url });
  // The first look only takes note of where everything stands.
  await app.sweepForge();
  const visited = join(world.installation.directory, "..", "visited");
  const settled = () => world.github.idle();
  workers = (only) => killedWorkers({ settingsFile: world.settingsFile, databaseUrl: world.database.url, visited, only, settled });
}, 120_000);

afterAll(async () => {
  await app?.close();
  await world?.[Symbol.asyncDispose]();
}, 60_000);

/** The newest check run of each name, and that none was made twice. */
function checksOf(commit: string): Readonly<Record<string, string>> {
  expect(repeatedChecks(world.github, hello, commit)).toEqual([]);
  const newest = world.github.reads.runs(hello, commit);
  expect(world.github.reads.allRuns(hello, commit).filter(({ status }) => status !== "completed")).toEqual([]);
  return Object.fromEntries(newest.map(({ name, conclusion }) => [name, String(conclusion)]));
}

const facesOf = (comment: number) => world.github.reads.reactions(comment).map(({ author, content }) => `${author} ${content}`);
const answersAt = (number: number) => world.github.reads.comments(hello, number).filter(({ author }) => author === "flibs[bot]");
const built = {
  "flibs / lint": "success",
  "flibs / build (linux/amd64)": "success",
  "flibs / test: smoke": "success",
  "flibs / test: structure": "success",
};

describe("killed before and after everything that GitHub is told", () => {
  test("a maintainer's pull request and /build give one scratch build, one set of checks, one reaction and no words", async () => {
    const alice = world.github.person("alice");
    const commit = await alice.push(hello, "topic", { "root/topic": "1\n" });
    const number = await alice.openPull(hello, { head: "topic" });
    const comment = await alice.comment(hello, number, "/build");
    const kills = await workers(ofPull).workThroughCrashes();
    // The suite finds the points itself, this only says that it did find them. A run that takes one turn dies at a quarter of them.
    expect(workers(ofPull).readPoints().length).toBeGreaterThan(60);
    expect(kills).toBeGreaterThan(readTurn(process.env.FLIBS_TEST_TURN) === undefined ? 30 : 3);

    const builds = await app.store.builds.list({ limit: 10 });
    expect(builds).toMatchObject([{ commit, pull: number, scratch: true, state: "complete" }]);
    expect(checksOf(commit)).toEqual(built);
    expect(facesOf(comment)).toEqual(["flibs[bot] +1"]);
    expect(answersAt(number)).toEqual([]);
  }, 1_200_000);

  test("a stranger's is answered once, and built once when it is approved", async () => {
    const mallory = world.github.person("mallory");
    const commit = await mallory.push(await mallory.fork(hello), "evil", { "root/extra": "1\n" });
    const number = await mallory.openPull(hello, { head: "evil", base: "main", fromFork: true });
    const asked = await mallory.comment(hello, number, "/build");
    await workers(ofStranger).workThroughCrashes();
    expect(checksOf(commit)).toEqual({ "flibs / lint": "success", "flibs / approval": "action_required" });
    expect(facesOf(asked)).toEqual(["flibs[bot] confused"]);
    expect(answersAt(number)).toHaveLength(1);

    const approved = await world.github.person("alice").comment(hello, number, `/ok-to-test ${commit}`);
    await workers(ofApproval).workThroughCrashes();
    const builds = await app.store.builds.list({ limit: 10 });
    expect(builds).toMatchObject([{ commit, pull: number, scratch: true, state: "complete", requestedBy: "alice" }, {}]);
    expect(builds[0]?.plan?.imageRepository).toMatch(/^untrusted\//);
    expect(checksOf(commit)).toEqual({ ...built, "flibs / approval": "success" });
    expect(facesOf(approved)).toEqual(["flibs[bot] +1"]);
    expect(answersAt(number)).toHaveLength(1);
  }, 1_200_000);

  test("and leaves nothing behind: no container, no engine tag, no workspace, no open or failed run", async () => {
    expect(await app.engines.cleanUp(() => false)).toEqual([]);
    const runs = await app.runs.list({ limit: 1000 });
    expect(runs.filter(({ status }) => status !== "done" && status !== "superseded")).toEqual([]);
    const work = join(world.settings.stateDirectory, "work");
    expect(existsSync(work) ? readdirSync(work) : []).toEqual([]);
    expect(world.github.violations).toEqual([]);
  });

  test("the points that were passed cover looks, commands and each effect on GitHub", () => {
    const points = workers(ofPull).readPoints();
    expect(new Set(points).size).toBe(points.length);
    for (const kind of ["journal pull", "journal command", "forge.setStatus", "forge.react", "forge.ensureComment"]) {
      for (const when of ["before", "after"]) expect(points.filter((point) => point.startsWith(`${when} ${kind}`))).not.toEqual([]);
    }
  });
});
