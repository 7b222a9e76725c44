import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type App, openApp } from "../../src/app.ts";
import type { Settings } from "../../src/config.ts";
import { silentLog } from "../../src/log.ts";
import { initialManifestRepository } from "../../src/promotion/initial-manifest-repository.ts";
import { type Service, startService } from "../../src/serve.ts";
import { type Github, startGithub } from "../fakes/github/github.ts";
import type { FileContent } from "../fakes/github/person-git.ts";
import { readAppManifest } from "./app-manifest.ts";
import { type TestDatabase, testDatabase } from "./database.ts";
import { copyTemplate, type Installation, makeInstallation } from "./installation.ts";
import { scratchDirectory } from "./scratch-directory.ts";
import { readFiles } from "./template-files.ts";

/** A whole flibs on real parts, whose forge is the GitHub double, over real HTTP. */
export interface GithubService extends AsyncDisposable {
  readonly github: Github;
  readonly installation: Installation;
  readonly settings: Settings;
  readonly database: TestDatabase;
  readonly app: App;
  readonly service: Service;
  /** The template's files, as a maintainer commits them, with names of their own. */
  template(name: string): Promise<Readonly<Record<string, FileContent>>>;
}

export async function startGithubService(change: (settings: Settings) => Settings = (settings) => settings): Promise<GithubService> {
  const installation = await makeInstallation();
  const hookSecret = "the hook's secret";
  const github = await startGithub({ app: await readAppManifest(), hookSecret });
  const scratch = await scratchDirectory("flibs-github-secrets-");
  const [keyFile, secretFile] = [join(scratch.path, "key.pem"), join(scratch.path, "hook.secret")];
  await writeFile(keyFile, github.app.privateKey, { mode: 0o600 });
  await writeFile(secretFile, hookSecret, { mode: 0o600 });
  const { registries, manifests } = installation.settings;
  const named = (stage: "candidate" | "production") => ({ endpoint: registries[stage].endpoint, publicName: registries[stage].endpoint });
  github.organisation("containers");
  await github.createRepository(manifests.repository, {
    files: initialManifestRepository({ candidate: named("candidate"), production: named("production"), platforms: ["linux/amd64"] }),
    roles: { rel: "write" },
  });
  await github.install("containers");
  await github.install(manifests.repository.split("/")[0] ?? "");
  const settings = change({
    ...installation.settings,
    forge: {
      kind: "github",
      appId: github.app.id,
      privateKey: { file: keyFile },
      webhookSecrets: [{ file: secretFile }],
      baseUrl: github.apiUrl,
    },
  });
  const database = await testDatabase();
  const app = await openApp(settings, { log: silentLog, environment: process.env, databaseUrl: database.url });
  // The first look only takes note of where everything stands.
  await app.sweepForge();
  const service = await startService(app, silentLog);
  github.hooks.url = `${service.address}/hooks/github`;
  return {
    ...{ github, installation, settings, database, app, service },
    async template(name) {
      const directory = join(scratch.path, name);
      await copyTemplate(directory, name);
      return readFiles(directory);
    },
    async [Symbol.asyncDispose]() {
      await service.stop();
      await app.engine.cleanUp(() => false);
      await app.close();
      await database.drop();
      await github.close();
      await installation.remove();
      await scratch.remove();
    },
  };
}
