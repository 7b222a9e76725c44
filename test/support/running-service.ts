import { setTimeout as delay } from "node:timers/promises";
import { type App, openApp } from "../../src/app.ts";
import type { BuildRecord } from "../../src/builds/build-record.ts";
import type { Settings } from "../../src/config.ts";
import type { CommitStatus } from "../../src/forge/forge.ts";
import { silentLog } from "../../src/log.ts";
import { type Service, startService } from "../../src/serve.ts";
import { isFinal } from "../../src/workflow/run.ts";
import { type TestDatabase, testDatabase } from "./database.ts";
import { type Installation, makeInstallation, type Person } from "./installation.ts";
import { peopleOf } from "./people-of.ts";

/** A whole flibs in this process, on real parts. */
export interface RunningService extends AsyncDisposable {
  readonly installation: Installation;
  readonly app: App;
  readonly service: Service;
  /** The settings in force, after `change`. */
  readonly settings: Settings;
  /** A new container repository with somebody's clone of it. */
  repository(name: string): Promise<Person>;
  /** Waits until the build of a commit has ended. */
  endOfBuild(repository: string, commit: string): Promise<BuildRecord>;
  /** Statuses of a commit, once none of them is pending or running. */
  finalStatuses(repository: string, commit: string): Promise<readonly CommitStatus[]>;
  remove(): Promise<void>;
}

export async function startRunningService(change: (settings: Settings) => Settings = (settings) => settings): Promise<RunningService> {
  const installation = await makeInstallation();
  const settings = change(installation.settings);
  const database: TestDatabase = await testDatabase();
  const app = await openApp(settings, {
    log: silentLog,
    environment: process.env,
    databaseUrl: database.url,
  });
  const service = await startService(app, silentLog);
  const remove = async () => {
    await service.stop();
    await app.engines.cleanUp(() => false);
    await app.close();
    await database.drop();
    await installation.remove();
  };
  return {
    ...{ installation, app, service, settings, remove },
    async repository(name) {
      await peopleOf(app).createRepository(name);
      return installation.person(name);
    },
    endOfBuild: (repository, commit) =>
      until(`the end of the build of ${repository} ${commit}`, async () => {
        const build = (await app.store.builds.list({ repository, limit: 50 })).find((one) => one.commit === commit);
        const run = build && (await app.runs.find(build.id));
        return run && isFinal(run.status) ? await app.store.builds.find(build.id) : undefined;
      }),
    finalStatuses: (repository, commit) =>
      until(`the statuses of ${repository} ${commit}`, async () => {
        const statuses = await app.forge.listStatuses(repository, commit);
        return statuses.length > 0 && statuses.every(({ state }) => state !== "pending" && state !== "running") ? statuses : undefined;
      }),
    [Symbol.asyncDispose]: remove,
  };
}

/** Asks again and again; the only wait in end-to-end tests, since what they wait for is another process' or worker's doing. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, patienceMs = 180_000): Promise<T> {
  // What is asked may be processes of git, and what is waited for wants the processors too.
  let pause = 20;
  for (const end = Date.now() + patienceMs; Date.now() < end; await delay(pause)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    pause = Math.min(pause * 1.3, 300);
  }
  throw new Error(`waited in vain for ${what}`);
}
