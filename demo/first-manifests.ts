import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { readFiles } from "../test/support/template-files.ts";
import { must } from "./flibs-process.ts";

export const hello = "containers/hello";
export const manifests = "releng/manifests";
export const repositories = [hello, manifests];

/** As docs/github.md says: what `flibs init` made for itself is what the repository on another forge begins with. */
export async function firstManifests(installation: string) {
  const local = join(installation, "git");
  const tree = join(installation, "state/first-manifests");
  await mkdir(tree, { recursive: true });
  await must("git", ["--git-dir", join(local, `${manifests}.git`), "--work-tree", tree, "checkout", "--quiet", "main", "--", "."]);
  const files = await readFiles(tree);
  for (const done of [tree, local]) await rm(done, { recursive: true, force: true });
  return files;
}

/** Moves the settings of the installation that `flibs init` made to another forge. */
export async function moveSettings(installation: string, forge: Readonly<Record<string, unknown>>): Promise<void> {
  const file = join(installation, "flibs.yaml");
  const settings: unknown = parse(await readFile(file, "utf8"));
  await writeFile(file, stringify({ ...(settings as object), forge }));
}
