import { randomUUID } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect } from "@jest/globals";
import { flibsCommand } from "../../demo/flibs-process.ts";
import { localForgeOf } from "../../src/config.ts";
import { localForge } from "../../src/forge/local/local-forge.ts";
import { silentLog } from "../../src/log.ts";
import { copyTemplate, type Installation, makeInstallation, type Person } from "../support/installation.ts";
import { type Onlooker, onlooker } from "../support/onlooker.ts";
import { until } from "../support/running-service.ts";
import { changedSettings, type ServeProcess, type SettingsText, startServe } from "../support/serve-process.ts";

type Shown = Awaited<ReturnType<Onlooker["show"]>>;

/** An installation of a test file's own, a `flibs serve` on it that is started, stopped and killed, and people who push. */
export function serviceWorld() {
  let installation: Installation;
  let settingsFile: string;
  let flibs: ReturnType<typeof flibsCommand>;
  let forge: ReturnType<typeof localForge>;
  let looking: Onlooker;
  /** Runs on from test to test, since starting one is most of what a short test takes. */
  let plain: ServeProcess | undefined;
  /** What a test started for itself, to stop it or to change its settings. */
  const running: ServeProcess[] = [];

  beforeAll(async () => {
    installation = await makeInstallation();
    settingsFile = await settingsWith("quick.yaml", () => {});
    flibs = flibsCommand(settingsFile);
    looking = onlooker(installation.settings.stateDirectory);
    const { directory } = localForgeOf(installation.settings);
    forge = localForge({ name: "local", directory, hookSecrets: [], admins: ["alice"], log: silentLog });
  }, 120_000);
  afterEach(async () => {
    await looking.close();
    for (const one of running.splice(0)) await one.stop();
  }, 60_000);
  afterAll(async () => {
    await down();
    await installation?.remove();
  }, 60_000);

  /** Sweeps as often as a test likes it; everything else as `flibs init` made it, but for `change`. */
  function settingsWith(name: string, change: (settings: SettingsText) => void): Promise<string> {
    return changedSettings(installation.settingsFile, name, (settings) => {
      settings.sweeps = { ...settings.sweeps, forge: "1s" };
      change(settings);
    });
  }

  /** The service that runs already, or one that then runs on. */
  async function service(): Promise<ServeProcess> {
    plain ??= await startServe(settingsFile);
    return plain;
  }

  /** No service runs. */
  async function down(): Promise<void> {
    const was = plain;
    plain = undefined;
    await was?.stop();
  }

  /** A service of the test's own, and no other. */
  async function serve(file = settingsFile): Promise<ServeProcess> {
    await down();
    const one = await startServe(file);
    running.push(one);
    return one;
  }

  /** Somebody's clone of a new repository with the template in it, not pushed yet; without its tests, which nothing here is about and which take longer than the build. */
  async function newRepository(name: string): Promise<Person> {
    await forge.createRepository(`containers/${name}`);
    const person = await installation.person(`containers/${name}`);
    await copyTemplate(person.directory, name);
    await rm(join(person.directory, "tests"), { recursive: true });
    return person;
  }

  /** The Dockerfile, but that building it sleeps so long. */
  async function dockerfile(person: Person, seconds = 0): Promise<Record<string, string>> {
    const text = (await readFile(join(person.directory, "Dockerfile"), "utf8")).replace(
      /^(RUN sleep .*\n)?USER /m,
      `${seconds > 0 ? `RUN sleep ${seconds} && echo slept ${randomUUID()}\n` : ""}USER `,
    );
    return { Dockerfile: text };
  }

  const buildsOf = (name: string) => looking.builds(`containers/${name}`);

  const buildAt = (name: string, commit: string) =>
    until(`a build of ${name} at ${commit}`, async () => (await buildsOf(name)).find((build) => build.commit === commit));

  const shown = (id: string) => looking.show(id);

  const shownWhen = (id: string, what: string, is: (build: Shown) => boolean) =>
    until(`build ${id} to be ${what}`, async () => {
      const build = await shown(id);
      return is(build) ? build : undefined;
    });

  const ended = (id: string) => shownWhen(id, "ended", ({ run }) => !["queued", "running", "waiting"].includes(run.status));

  /** The engine is in the middle of its RUN line. */
  const isBuilding = async (id: string) => {
    await until("the engine to sleep", async () => ((await looking.log(id, "linux/amd64")).includes("RUN sleep") ? true : undefined));
  };

  async function expectOneImage(name: string): Promise<void> {
    const builds = await buildsOf(name);
    expect(builds).toHaveLength(1);
    expect(builds[0]).toMatchObject({ state: "complete", nvr: { name: `${name}-container`, version: "1", release: "1" } });
    const tags = (await (await fetch(`${installation.candidate.url}/v2/f42/${name}/tags/list`)).json()) as { tags: string[] };
    // The unique tag is the one that a repeated build would have made a second time.
    const unique = builds[0]?.plan?.uniqueTag ?? (await shown(builds[0]?.id ?? "")).plan?.uniqueTag;
    expect(tags.tags).toContain(unique);
    expect(tags.tags.filter((tag) => /-\d{14}$/.test(tag))).toEqual([unique]);
  }

  return {
    get installation() {
      return installation;
    },
    get settingsFile() {
      return settingsFile;
    },
    get flibs() {
      return flibs;
    },
    get forge() {
      return forge;
    },
    running,
    settingsWith,
    service,
    down,
    serve,
    newRepository,
    dockerfile,
    buildsOf,
    buildAt,
    shown,
    shownWhen,
    ended,
    isBuilding,
    expectOneImage,
  };
}
