import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { stringify } from "yaml";
import type { InitOptions } from "./cli/program.ts";
import { localForgeOf, type Settings } from "./config.ts";
import { loadSettings } from "./config-load.ts";
import { publicNamed, registryNames } from "./config-values.ts";
import { appError } from "./domain/errors.ts";
import { localForge } from "./forge/local/local-forge.ts";
import { silentLog } from "./log.ts";
import { initialManifestRepository } from "./promotion/initial-manifest-repository.ts";
import { consumerFilesOf } from "./serve.ts";
import { openGnupgHome } from "./signing/openpgp/gnupg-home.ts";
import { ensureKey } from "./signing/openpgp/make-key.ts";
import { writeConsumerFiles } from "./signing/openpgp/write-consumer-files.ts";

const run = promisify(execFile);
const manifestRepository = "releng/manifests";

/**
 * Makes an installation: keys, settings, local forge, registry-manifest repository, files for consumers. Whatever is there already is kept, so an
 * interrupted init is simply called again. Returns what it made, a line each. Throws `config.invalid` for a directory with other things in it.
 */
export async function initInstallation(options: InitOptions, platforms: readonly string[]): Promise<readonly string[]> {
  const directory = resolve(options.directory);
  const file = join(directory, "flibs.yaml");
  await demandOurDirectory(directory);
  const gnupgHome = join(directory, "gnupg");
  await mkdir(gnupgHome, { recursive: true, mode: 0o700 });
  const gnupg = openGnupgHome({ directory: gnupgHome, timeoutMs: 60_000, agent: true });
  try {
    const keys = { candidate: await ensureKey(gnupg, "flibs candidate"), production: await ensureKey(gnupg, "flibs production") };
    await ensureText(join(directory, "hook.secret"), `${randomBytes(32).toString("hex")}\n`, 0o600);
    await ensureText(file, settingsText(options, keys), 0o644);
    const settings = loadSettings(file, {});
    await mkdir(settings.stateDirectory, { recursive: true, mode: 0o700 });
    await ensureManifestRepository(settings, platforms);
    const consumer = join(directory, "consumer");
    await writeConsumerFiles(consumer, await consumerFilesOf({ settings, gnupg, environment: {} }));
    return [
      `settings      ${file}`,
      `keys          ${gnupgHome}: candidate ${keys.candidate}, production ${keys.production}`,
      `repositories  ${localForgeOf(settings).directory}`,
      `manifests     ${settings.manifests.repository}`,
      `for consumers ${consumer}: policy.json, registries.d, public keys`,
      `next          flibs --config ${file} serve`,
    ];
  } finally {
    await gnupg.close();
  }
}

async function demandOurDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const names = await readdir(directory);
  const ours = new Set(["flibs.yaml", "gnupg", "hook.secret", "git", "state", "consumer"]);
  const foreign = names.filter((name) => !ours.has(name));
  if (foreign.length === 0) return;
  throw appError("config.invalid", `${directory} has other things in it: ${foreign.slice(0, 3).join(", ")}`, {
    hint: "Name an absent or empty directory",
  });
}

function settingsText(options: InitOptions, keys: { candidate: string; production: string }): string {
  const registry = (endpoint: string) => (options.plainHttp ? { endpoint, plainHttp: true } : { endpoint });
  const settings = {
    stateDirectory: "state",
    web: { listen: options.listen },
    forge: { kind: "local", directory: "git", hookSecrets: [{ file: "hook.secret" }] },
    manifests: { repository: manifestRepository },
    registries: { candidate: registry(options.candidate), production: registry(options.production) },
    ...(options.parents.length === 0 ? {} : { parents: { allowed: options.parents } }),
    engines: [{ kind: "docker", host: `unix://${options.socket}` }],
    signing: {
      gnupgHome: "gnupg",
      keys: { candidate: { openpgp: [{ fingerprint: keys.candidate }] }, production: { openpgp: [{ fingerprint: keys.production }] } },
    },
  };
  return `# flibs config explain tells every setting\n${stringify(settings)}`;
}

/** Keeps a file that is there: an installation's secret and settings are never written over. */
async function ensureText(path: string, text: string, mode: number): Promise<void> {
  await writeFile(path, text, { flag: "wx", mode }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  await chmod(path, mode);
  if ((await readFile(path, "utf8")).trim() === "")
    throw appError("config.invalid", `${path} is empty`, { hint: "Remove it and try again" });
}

async function ensureManifestRepository(settings: Settings, platforms: readonly string[]): Promise<void> {
  const { repository, branch } = settings.manifests;
  const forge = localForge({
    name: "local",
    directory: localForgeOf(settings).directory,
    hookSecrets: [],
    admins: localForgeOf(settings).admins,
    log: silentLog,
  });
  await mkdir(localForgeOf(settings).directory, { recursive: true });
  await forge.createRepository(repository);
  if ((await forge.findHead(repository, branch)) !== undefined) return;
  const registries = Object.fromEntries(registryNames(settings).map((name) => [name, publicNamed(settings, name)]));
  const files = initialManifestRepository(registries, platforms);
  const clone = await mkdtemp(join(tmpdir(), "flibs-init-"));
  const git = (...args: string[]) =>
    run("git", ["-C", clone, "-c", "user.name=flibs", "-c", "user.email=flibs@localhost", "-c", "core.hooksPath=/dev/null", ...args], {
      env: { PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" },
    });
  try {
    await git("init", "--quiet", `--initial-branch=${branch}`);
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(clone, path)), { recursive: true });
      await writeFile(join(clone, path), text);
    }
    await git("add", "--all");
    await git("commit", "--quiet", "--message", "Begin the registry manifests");
    await git("push", "--quiet", join(localForgeOf(settings).directory, `${repository}.git`), `HEAD:refs/heads/${branch}`);
  } finally {
    await rm(clone, { recursive: true, force: true });
  }
}
