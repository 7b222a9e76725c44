import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type BaseImage, ensureBaseImage } from "../../demo/base-image.ts";
import { localForgeOf, type Settings } from "../../src/config.ts";
import { loadSettings } from "../../src/config-load.ts";
import { initInstallation } from "../../src/init.ts";
import { removeEmbeddedPostgres } from "../../src/store/embedded-postgres.ts";
import { type RunningRegistry, startDockerRegistry } from "./docker-registry.ts";
import { freePort } from "./free-port.ts";
import { endAgent, makeFastKey } from "./gnupg.ts";
import { scratchDirectory } from "./scratch-directory.ts";
import { runProgram } from "./skopeo.ts";

const root = join(import.meta.dirname, "../..");

/** A whole installation on real parts, as `flibs init` makes it: two registries, keys, repositories. No service runs yet. */
export interface Installation extends AsyncDisposable {
  readonly directory: string;
  readonly settingsFile: string;
  readonly settings: Settings;
  readonly candidate: RunningRegistry;
  readonly production: RunningRegistry;
  readonly base: BaseImage;
  /** A clone that a person works in. */
  person(repository: string): Promise<Person>;
  /** Sets single settings anew: `settings` of what is opened afterwards. */
  with(change: (settings: Settings) => Settings): Settings;
  remove(): Promise<void>;
}

/** Somebody with a clone of one repository. */
export interface Person {
  readonly directory: string;
  /** Writes files (null removes one), commits and pushes; returns the commit. */
  push(files: Readonly<Record<string, string | null>>, branch?: string): Promise<string>;
  git(...args: string[]): Promise<string>;
}

export async function makeInstallation(): Promise<Installation> {
  const scratch = await scratchDirectory("flibs-");
  const candidate = await startDockerRegistry();
  const production = await startDockerRegistry();
  const base = await ensureBaseImage({
    registry: candidate.endpoint,
    cacheDirectory: join(root, "var/cache"),
    log: () => {},
    patienceMs: 1500,
  });
  const directory = join(scratch.path, "i");
  const { prefix, mirror } = base.parent;
  // What is there already is taken: keys that cost no processor time, since each story signs dozens of names.
  for (const name of ["flibs candidate", "flibs production"]) await makeFastKey(join(directory, "gnupg"), name);
  await endAgent(join(directory, "gnupg"));
  await initInstallation(
    {
      directory,
      candidate: candidate.endpoint,
      production: production.endpoint,
      plainHttp: true,
      parents: [mirror === undefined ? { prefix, plainHttp: false } : { prefix, mirror, plainHttp: true }],
      listen: `127.0.0.1:${await freePort()}`,
      socket: process.env.FLIBS_DOCKER_SOCKET ?? "/var/run/docker.sock",
    },
    ["linux/amd64"],
  );
  const settingsFile = join(directory, "flibs.yaml");
  const settings = loadSettings(settingsFile, {});
  const remove = async () => {
    await candidate.stop();
    await production.stop();
    await removeEmbeddedPostgres(join(settings.stateDirectory, "postgres"));
    await scratch.remove();
  };
  return {
    ...{ directory, settingsFile, settings, candidate, production, base, remove },
    person: (repository) => clone(join(scratch.path, "clones", repository), join(localForgeOf(settings).directory, `${repository}.git`)),
    with: (change) => change(settings),
    [Symbol.asyncDispose]: remove,
  };
}

async function clone(directory: string, origin: string): Promise<Person> {
  const env = {
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_AUTHOR_NAME: "alice",
    GIT_AUTHOR_EMAIL: "alice@example.test",
    GIT_COMMITTER_NAME: "alice",
    GIT_COMMITTER_EMAIL: "alice@example.test",
  };
  await mkdir(directory, { recursive: true });
  const git = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await runProgram("git", ["-C", directory, ...args], env);
    if (exitCode !== 0) throw new Error(`git ${args[0]} ended with ${exitCode}: ${stderr}`);
    return stdout.trim();
  };
  await git("init", "--quiet", "--initial-branch=main");
  await git("remote", "add", "origin", origin);
  await git("fetch", "--quiet", "origin");
  if ((await git("branch", "--remotes", "--list", "origin/main")) !== "") await git("reset", "--quiet", "--hard", "origin/main");
  return {
    directory,
    git,
    async push(files, branch = "main") {
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(directory, path)), { recursive: true });
        if (text === null) await git("rm", "--quiet", "--force", path);
        else await writeFile(join(directory, path), text);
      }
      await git("add", "--all");
      await git("commit", "--quiet", "--allow-empty", "--message", "Change");
      await git("push", "--quiet", "--force", "origin", `HEAD:refs/heads/${branch}`);
      return git("rev-parse", "HEAD");
    },
  };
}

/**
 * The template as a maintainer copies it; with `name` as they go on: names of their own, since each belongs to one repository. Its playbook, which costs
 * Ansible seconds in each build, comes along where it is asked for.
 */
export async function copyTemplate(directory: string, name?: string, { playbook = false } = {}): Promise<void> {
  const filter = (path: string) => playbook || !path.endsWith("/tests/tests.yml");
  await cp(join(root, "containers-repo-template"), directory, { recursive: true, filter });
  if (name === undefined) return;
  const dockerfile = join(directory, "Dockerfile");
  const text = (await readFile(dockerfile, "utf8")).replace("hello-container", `${name}-container`).replace("f42/hello", `f42/${name}`);
  await writeFile(dockerfile, text);
}
