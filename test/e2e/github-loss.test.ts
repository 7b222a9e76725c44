import { randomInt } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type App, openApp } from "../../src/app.ts";
import { silentLog } from "../../src/log.ts";
import { readEndState } from "../loss/end-state.ts";
import { prepareStory, type Told, tellStory } from "../loss/story.ts";
import { calmWeather, type Program, roughWeather, serveProgram, type Weather } from "../loss/weather.ts";
import { requireDocker } from "../support/docker.ts";
import { type GithubInstallation, makeGithubInstallation } from "../support/github-installation.ts";
import { repeatedChecks } from "../support/repeated-checks.ts";
import { until } from "../support/running-service.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";

// One story, told twice to a real `flibs serve`: in calm weather, and with deliveries lost, doubled and out of order while the process is killed.
const seed = Number(process.env.FLIBS_TEST_SEED ?? randomInt(2 ** 31));
/** What flibs acts upon; most of the other deliveries tell it of its own check runs. */
const acted: readonly string[] = ["push", "pull_request", "issue_comment"];

interface Lived {
  readonly world: GithubInstallation;
  readonly app: App;
  readonly told: Told;
  readonly kills: number;
  readonly end: Awaited<ReturnType<typeof readEndState>>;
}

let program: Program;
let calm: Lived;
let rough: Lived;
const disposals: (() => PromiseLike<void>)[] = [];

beforeAll(async () => {
  await requireDocker();
  const scratch = await scratchDirectory();
  disposals.push(scratch.remove);
  program = await serveProgram(scratch.path);
}, 60_000);
afterAll(async () => {
  for (const dispose of disposals.toReversed()) await dispose();
}, 120_000);

async function live(
  settings: { readonly sweeps: Readonly<Record<string, string>> },
  weatherOf: (world: GithubInstallation) => Promise<Weather>,
): Promise<Lived> {
  const world = await makeGithubInstallation((text) => Object.assign(text, settings));
  disposals.push(() => world[Symbol.asyncDispose]());
  await prepareStory(world);
  const app = await openApp(world.settings, { log: silentLog, environment: process.env, databaseUrl: world.database.url });
  disposals.push(async () => {
    await app.engines.cleanUp(() => false);
    await app.close();
  });
  // The first look only takes note of where everything stands.
  await app.sweepForge();
  world.github.hooks.url = `http://${world.settings.web.listen}/hooks/github`;
  const weather = await weatherOf(world);
  disposals.push(() => weather[Symbol.asyncDispose]());
  const told = await Promise.race([tellStory(world, app, weather), weather.trouble]);
  await weather.clear();
  await settle(world, app, told, weather.kills > 0);
  const end = await readEndState(world, app, told);
  await weather[Symbol.asyncDispose]();
  return { world, app, told, kills: weather.kills, end };
}

/** Waits until nothing is left to do; after bad weather not before each sweep has looked once from its beginning to its end. */
async function settle({ github }: GithubInstallation, app: App, told: Told, sweeps: boolean): Promise<void> {
  const looks = () => [github.usage.count("apps/list-installations"), github.usage.count("apps/list-webhook-deliveries")];
  const before = looks();
  const mustLook = sweeps ? 3 : 0;
  await until("flibs to have nothing left to do", async () => {
    if (looks().some((count, i) => count < (before[i] ?? 0) + mustLook)) return undefined;
    const open = await app.runs.list({ status: ["queued", "running", "waiting"], limit: 1 });
    const unheard = sweeps ? [] : (await app.store.inbox.list({ limit: 500 })).filter(({ status }) => status === "stored");
    const atWork = [...told.commits].flatMap(([commit, { repository }]) =>
      github.reads.runs(repository, commit).filter(({ status }) => status !== "completed"),
    );
    return open.length + unheard.length + atWork.length === 0 ? true : undefined;
  });
}

test("the story goes well in calm weather", async () => {
  calm = await live({ sweeps: {} }, (world) => calmWeather(world, program));
  expect(calm.world.github.violations).toEqual([]);
  expect(calm.end.builds).toHaveLength(7);
}, 200_000);

test(`every tenth delivery dropped, every tenth doubled, order shuffled, service killed at random (seed ${seed}): the end state is that of the calm run`, async () => {
  rough = await live({ sweeps: { forge: "1s", deliveries: "1s", statuses: "2s" } }, (world) => roughWeather(world, program, seed));
  expect(rough.end).toEqual(calm.end);
}, 400_000);

describe("the bad weather", () => {
  test("was bad: deliveries were lost, doubled and refused, and the process died", () => {
    const { attempts, lost } = rough.world.github.hooks;
    const sent = new Set(attempts.filter(({ delivery }) => acted.includes(delivery.event)).map(({ delivery }) => delivery.guid));
    const lostOnes = lost.filter(({ event }) => acted.includes(event));
    expect(sent.size + lostOnes.length).toBeGreaterThanOrEqual(30);
    expect(lostOnes.length).toBeGreaterThanOrEqual(3);
    expect(attempts.filter(({ delivery }, i) => attempts[i - 1]?.delivery.guid === delivery.guid).length).toBeGreaterThanOrEqual(3);
    expect(attempts.filter(({ statusCode }) => statusCode === 0).length).toBeGreaterThan(0);
    expect(rough.kills).toBeGreaterThanOrEqual(5);
  });

  test("made no check run twice: one stands where another run of flibs has spoken in between, or nowhere", () => {
    const { github } = rough.world;
    const repeated = [...rough.told.commits].flatMap(([commit, { repository }]) => repeatedChecks(github, repository, commit));
    expect(repeated).toEqual([]);
  });

  test("made flibs ask GitHub for nothing that it would not have let pass", () => {
    expect(rough.world.github.violations).toEqual([]);
  });

  test("left nothing behind: no container, no engine tag, no workspace, no open run, no failed run", async () => {
    const { app, world } = rough;
    expect(await app.engines.cleanUp(() => false)).toEqual([]);
    const ended = await app.runs.list({ limit: 1000 });
    expect(ended.filter(({ status }) => status !== "done" && status !== "superseded" && status !== "cancelled")).toEqual([]);
    const work = join(world.settings.stateDirectory, "work");
    expect(existsSync(work) ? readdirSync(work) : []).toEqual([]);
  });
});
