import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type App, openApp } from "../../src/app.ts";
import type { Settings } from "../../src/config.ts";
import { loadSettings } from "../../src/config-load.ts";
import { silentLog } from "../../src/log.ts";
import { initialManifestRepository } from "../../src/promotion/initial-manifest-repository.ts";
import { type Service, startService } from "../../src/serve.ts";
import { type Pagure, startPagure } from "../fakes/pagure/pagure.ts";
import type { FileContent } from "../fakes/pagure/person.ts";
import { type TestDatabase, testDatabase } from "./database.ts";
import { copyTemplate, type Installation, makeInstallation } from "./installation.ts";
import { bot, makeTokens } from "./pagure-forge.ts";
import { scratchDirectory } from "./scratch-directory.ts";
import { changedSettings, type SettingsText } from "./serve-process.ts";
import { readFiles } from "./template-files.ts";

/** A whole installation on real parts, whose forge is the Pagure double, over real HTTP. No service runs yet. */
export interface PagureInstallation extends AsyncDisposable {
  readonly pagure: Pagure;
  readonly installation: Installation;
  readonly settingsFile: string;
  readonly settings: Settings;
  readonly database: TestDatabase;
  /** The template's files, as a maintainer commits them, with names of their own. */
  template(name: string): Promise<Readonly<Record<string, FileContent>>>;
}

export async function makePagureInstallation(change: (settings: SettingsText) => void = () => {}): Promise<PagureInstallation> {
  const installation = await makeInstallation();
  const pagure = await startPagure();
  const scratch = await scratchDirectory("flibs-pagure-secrets-");
  const tokens = makeTokens(pagure);
  const [token, promotionToken] = [join(scratch.path, "reports.token"), join(scratch.path, "promotions.token")];
  await writeFile(token, tokens.reports.secret, { mode: 0o600 });
  await writeFile(promotionToken, tokens.promotions.secret, { mode: 0o600 });
  const { registries, manifests } = installation.settings;
  for (const name of ["alice", "bob", "mallory", "rel", bot]) pagure.user(name);
  await pagure.createProject(manifests.repository, {
    files: initialManifestRepository(
      Object.fromEntries(Object.entries(registries).map(([name, { endpoint }]) => [name, { endpoint, publicName: endpoint }])),
      ["linux/amd64"],
    ),
    ...{ owner: "rel", users: { commit: [bot] } },
  });
  const settingsFile = await changedSettings(installation.settingsFile, "pagure.yaml", (settings) => {
    settings.forge = {
      ...{ kind: "pagure", url: pagure.url, user: bot, email: `${bot}@example.org` },
      ...{ token: { file: token }, promotionToken: { file: promotionToken } },
    };
    change(settings);
  });
  const database = await testDatabase();
  return {
    ...{ pagure, installation, settingsFile, settings: loadSettings(settingsFile, {}), database },
    async template(name) {
      const directory = join(scratch.path, name);
      await copyTemplate(directory, name);
      return await readFiles(directory);
    },
    async [Symbol.asyncDispose]() {
      await database.drop();
      await pagure.close();
      await installation.remove();
      await scratch.remove();
    },
  };
}

/** A whole flibs in this process, whose forge is the Pagure double. */
export interface PagureService extends PagureInstallation {
  readonly app: App;
  readonly service: Service;
  /** Where projects send what happens. */
  readonly hookUrl: string;
}

export async function startPagureService(change?: (settings: SettingsText) => void): Promise<PagureService> {
  const world = await makePagureInstallation(change);
  const app = await openApp(world.settings, { log: silentLog, environment: process.env, databaseUrl: world.database.url });
  // The first look only takes note of where everything stands.
  await app.sweepForge();
  const service = await startService(app, silentLog);
  const hookUrl = `${service.address}/hooks/pagure`;
  world.pagure.setHookUrls(world.settings.manifests.repository, [hookUrl]);
  return {
    ...{ ...world, app, service, hookUrl },
    async [Symbol.asyncDispose]() {
      await service.stop();
      await app.engines.cleanUp(() => false);
      await app.close();
      await world[Symbol.asyncDispose]();
    },
  };
}
