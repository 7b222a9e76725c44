import { type App, openApp } from "../../src/app.ts";
import { silentLog } from "../../src/log.ts";
import { type Service, startService } from "../../src/serve.ts";
import { type GithubInstallation, makeGithubInstallation } from "./github-installation.ts";

/** A whole flibs in this process, whose forge is the GitHub double. */
export interface GithubService extends GithubInstallation {
  readonly app: App;
  readonly service: Service;
}

export async function startGithubService(): Promise<GithubService> {
  const world = await makeGithubInstallation();
  const app = await openApp(world.settings, { log: silentLog, environment: process.env, databaseUrl: world.database.url });
  // The first look only takes note of where everything stands.
  await app.sweepForge();
  const service = await startService(app, silentLog);
  world.github.hooks.url = `${service.address}/hooks/github`;
  return {
    ...{ ...world, app, service },
    async [Symbol.asyncDispose]() {
      await service.stop();
      await app.engines.cleanUp(() => false);
      await app.close();
      await world[Symbol.asyncDispose]();
    },
  };
}
