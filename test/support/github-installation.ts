import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Settings } from "../../src/config.ts";
import { loadSettings } from "../../src/config-load.ts";
import { initialManifestRepository } from "../../src/promotion/initial-manifest-repository.ts";
import { type Github, startGithub } from "../fakes/github/github.ts";
import type { FileContent } from "../fakes/github/person-git.ts";
import { readAppManifest } from "./app-manifest.ts";
import { type TestDatabase, testDatabase } from "./database.ts";
import { copyTemplate, type Installation, makeInstallation } from "./installation.ts";
import { scratchDirectory } from "./scratch-directory.ts";
import { changedSettings, type SettingsText } from "./serve-process.ts";
import { readFiles } from "./template-files.ts";

/** A whole installation on real parts, whose forge is the GitHub double, over real HTTP. No service runs yet. */
export interface GithubInstallation extends AsyncDisposable {
  readonly github: Github;
  readonly installation: Installation;
  /** What a process of flibs is started with, beside `DATABASE_URL`. */
  readonly settingsFile: string;
  readonly settings: Settings;
  readonly database: TestDatabase;
  /** The template's files, as a maintainer commits them, with names of their own. */
  template(name: string): Promise<Readonly<Record<string, FileContent>>>;
}

export async function makeGithubInstallation(change: (settings: SettingsText) => void = () => {}): Promise<GithubInstallation> {
  const installation = await makeInstallation();
  const hookSecret = "the hook's secret";
  const github = await startGithub({ app: await readAppManifest(), hookSecret });
  const scratch = await scratchDirectory("flibs-github-secrets-");
  const [keyFile, secretFile] = [join(scratch.path, "key.pem"), join(scratch.path, "hook.secret")];
  await writeFile(keyFile, github.app.privateKey, { mode: 0o600 });
  await writeFile(secretFile, hookSecret, { mode: 0o600 });
  const { registries, manifests } = installation.settings;
  github.organisation("containers");
  await github.createRepository(manifests.repository, {
    files: initialManifestRepository(
      Object.fromEntries(Object.entries(registries).map(([name, { endpoint }]) => [name, { endpoint, publicName: endpoint }])),
      ["linux/amd64"],
    ),
    roles: { rel: "write" },
  });
  await github.install("containers");
  await github.install(manifests.repository.split("/")[0] ?? "");
  const settingsFile = await changedSettings(installation.settingsFile, "github.yaml", (settings) => {
    settings.forge = {
      ...{ kind: "github", appId: github.app.id, baseUrl: github.apiUrl },
      ...{ privateKey: { file: keyFile }, webhookSecrets: [{ file: secretFile }] },
    };
    change(settings);
  });
  const database = await testDatabase();
  return {
    ...{ github, installation, settingsFile, settings: loadSettings(settingsFile, {}), database },
    async template(name) {
      const directory = join(scratch.path, name);
      await copyTemplate(directory, name);
      return await readFiles(directory);
    },
    async [Symbol.asyncDispose]() {
      await database.drop();
      await github.close();
      await installation.remove();
      await scratch.remove();
    },
  };
}
