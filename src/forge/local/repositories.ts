import { access, chmod, link, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { appError } from "../../domain/errors.ts";
import type { Git } from "../git/git.ts";
import { isRepositoryName, repositoryPath } from "../git/names.ts";

/** The bare repositories below one directory, as `<namespace>/<name>.git`. */
export interface Repositories {
  readonly directory: string;
  readonly git: Git;
  /** Path of an existing repository; throws `forge.repository-unknown` or `forge.name-invalid`. */
  path(name: string): Promise<string>;
  create(name: string): Promise<void>;
  list(): Promise<readonly string[]>;
}

/** Pushes below refs/flibs are refused; what is pushed is checked, so that nobody stores a tree that no git would make. */
const repositoryConfig: readonly (readonly [string, string])[] = [
  ["receive.hideRefs", "refs/flibs"],
  ["receive.denyDeleteCurrent", "refuse"],
  ["receive.fsckObjects", "true"],
  ["core.logAllRefUpdates", "true"],
];

export function openRepositories(directory: string, git: Git): Repositories {
  return {
    directory,
    git,
    async path(name) {
      const path = repositoryPath(directory, name);
      const there = await access(join(path, "HEAD")).then(
        () => true,
        () => false,
      );
      if (there) return path;
      throw appError("forge.repository-unknown", `there is no repository ${name}`, { hint: `flibs repo create ${name} makes it` });
    },
    create: (name) => createRepository(directory, git, name),
    list: () => listRepositories(directory),
  };
}

/** May be called again: a half-made repository is completed, the hook of an existing one is renewed. */
async function createRepository(directory: string, git: Git, name: string): Promise<void> {
  const path = repositoryPath(directory, name);
  await mkdir(dirname(path), { recursive: true });
  const isNew = await writeSettings(path);
  await git.run(path, ["init", "--quiet", "--bare", "--initial-branch=main", "--template="]);
  if (!isNew) for (const [key, value] of repositoryConfig) await git.run(path, ["config", key, value]);
  await installHook(directory, path);
}

/** The settings of a repository that has none yet, which `git init` then adds to: a git for each would do nothing else. False when there are some. */
async function writeSettings(path: string): Promise<boolean> {
  await mkdir(path, { recursive: true });
  const fresh = join(path, `config.${process.pid}.new`);
  const lines = repositoryConfig.map(([key, value]) => key.replace(/^(.+)\.(.+)$/, `[$1]\n\t$2 = ${value}\n`));
  try {
    await writeFile(fresh, lines.join(""), { mode: 0o644 });
    await link(fresh, join(path, "config"));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(fresh, { force: true });
  }
}

/** The hook's text names the Node and the file that installed it and no secret. */
async function installHook(directory: string, path: string): Promise<void> {
  const script = join(import.meta.dirname, `post-receive${extname(import.meta.filename)}`);
  const text = `#!/bin/sh
# Written by flibs, renewed by "flibs repo create". Tells flibs of this push; never fails and never holds it up.
node=${quote(process.execPath)}
script=${quote(script)}
if [ -x "$node" ] && [ -r "$script" ]; then
  "$node" --disable-warning=ExperimentalWarning "$script" ${quote(directory)} ${quote(path)} && exit 0
fi
echo "flibs is not reachable; the sweep will find this push" >&2
exit 0
`;
  const hook = join(path, "hooks", "post-receive");
  await mkdir(dirname(hook), { recursive: true });
  const fresh = `${hook}.${process.pid}.new`;
  try {
    await writeFile(fresh, text, { mode: 0o755 });
    await chmod(fresh, 0o755);
    await rename(fresh, hook);
  } finally {
    await rm(fresh, { force: true });
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

async function listRepositories(directory: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const namespace of await directoriesIn(directory)) {
    for (const one of await directoriesIn(join(directory, namespace))) {
      const name = `${namespace}/${one.replace(/\.git$/, "")}`;
      if (one.endsWith(".git") && isRepositoryName(name)) names.push(name);
    }
  }
  return names.sort();
}

async function directoriesIn(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map((entry) => entry.name);
}
