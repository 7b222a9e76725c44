import { randomBytes } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { type Github, startGithub } from "../test/fakes/github/github.ts";
import { readAppManifest } from "../test/support/app-manifest.ts";
import { readFiles } from "../test/support/template-files.ts";
import { must } from "./flibs-process.ts";

export const hello = "containers/hello";
export const manifests = "releng/manifests";
export const repositories = [hello, manifests];

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
    await moveSettings(request.installation, github, hookSecret);
    return github;
  } catch (error) {
    await github.close();
    throw error;
  }
}

/** As docs/github.md says: what `flibs init` made for itself is what the repository on GitHub begins with. */
async function firstManifests(installation: string) {
  const local = join(installation, "git");
  const tree = join(installation, "state/first-manifests");
  await mkdir(tree, { recursive: true });
  await must("git", ["--git-dir", join(local, `${manifests}.git`), "--work-tree", tree, "checkout", "--quiet", "main", "--", "."]);
  const files = await readFiles(tree);
  for (const done of [tree, local]) await rm(done, { recursive: true, force: true });
  return files;
}

async function moveSettings(installation: string, github: Github, hookSecret: string): Promise<void> {
  const [privateKey, webhookSecret] = ["github-app.pem", "github-webhook.secret"];
  await writeFile(join(installation, privateKey), github.app.privateKey, { mode: 0o600 });
  await writeFile(join(installation, webhookSecret), `${hookSecret}\n`, { mode: 0o600 });
  const file = join(installation, "flibs.yaml");
  const forge = {
    kind: "github",
    appId: github.app.id,
    privateKey: { file: privateKey },
    webhookSecrets: [{ file: webhookSecret }],
    baseUrl: github.apiUrl,
  };
  const settings: unknown = parse(await readFile(file, "utf8"));
  await writeFile(file, stringify({ ...(settings as object), forge }));
}
