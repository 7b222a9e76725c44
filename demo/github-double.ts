import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Github, startGithub } from "../test/fakes/github/github.ts";
import { readAppManifest } from "../test/support/app-manifest.ts";
import { readFiles } from "../test/support/template-files.ts";
import { firstManifests, hello, manifests, moveSettings } from "./first-manifests.ts";

/**
 * GitHub as the double plays it, with both repositories, the App installed, and the settings of the installation that `flibs init` made moved
 * from the local forge to it. Deliveries begin once `hooks.url` is set.
 */
export async function startDouble(request: { readonly root: string; readonly installation: string }): Promise<Github> {
  const hookSecret = randomBytes(32).toString("hex");
  const github = await startGithub({ app: await readAppManifest(), hookSecret });
  try {
    const template = await readFiles(join(request.root, "containers-repo-template"));
    await github.createRepository(hello, { files: template, roles: { alice: "write" } });
    await github.createRepository(manifests, { files: await firstManifests(request.installation), roles: { rel: "write" } });
    for (const account of ["containers", "releng"]) await github.install(account);
    await moveSettings(request.installation, await writeSecrets(request.installation, github, hookSecret));
    return github;
  } catch (error) {
    await github.close();
    throw error;
  }
}

/** The secrets as files beside the settings. */
async function writeSecrets(installation: string, github: Github, hookSecret: string): Promise<Record<string, unknown>> {
  const [privateKey, webhookSecret] = ["github-app.pem", "github-webhook.secret"];
  await writeFile(join(installation, privateKey), github.app.privateKey, { mode: 0o600 });
  await writeFile(join(installation, webhookSecret), `${hookSecret}\n`, { mode: 0o600 });
  return {
    kind: "github",
    appId: github.app.id,
    privateKey: { file: privateKey },
    webhookSecrets: [{ file: webhookSecret }],
    baseUrl: github.apiUrl,
  };
}
