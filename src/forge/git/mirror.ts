import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { formatBytes } from "../../domain/amounts.ts";
import { type AppError, appError, isAppError } from "../../domain/errors.ts";
import { oneAtATime } from "../one-at-a-time.ts";
import type { Git } from "./git.ts";
import { repositoryPath } from "./names.ts";
import { lackingCommits } from "./objects.ts";
import type { GitRepositories } from "./sources.ts";
import { rememberTooLarge, type TooLarge } from "./too-large.ts";

export interface MirrorOptions {
  readonly git: Git;
  /** Absolute; holds `<owner>/<name>.git`. A cache: may be deleted at any time. */
  readonly directory: string;
  /** `https://github.com`. */
  readonly server: string;
  /** Value of the header Authorization that may read this repository; nobody is asked who reads when left out. Secret. */
  readonly authorization?: (repository: string) => Promise<string>;
  /**
   * Refs that are fetched in search of a commit, where a server may hand out nothing that it was asked for by its id alone. The first are always
   * looked at, the others for what is neither there nor handed out.
   */
  readonly refs?: readonly string[];
  /** Largest pack that one fetch may bring; a mirror that grew to twice of it begins anew. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/** What was fetched is kept by such a ref: git tells the server of what it has by its refs. */
const seenRef = (commit: string) => `refs/flibs/seen/${commit}`;
/** Each fetch makes one pack; with more than so many, git looks slowly. */
const mostPacks = 40;
/** Proxy and certificates of the machine count for fetching; nothing else of its environment does. */
const passed = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/**
 * Bare mirrors of a forge's repositories, brought up commit by commit over smart HTTP: see docs/decisions/0018. Processes that share the
 * directory fetch one after another (`flock`), and no transfer is larger than the limit (`prlimit`); both are util-linux.
 */
export function openMirrors(options: MirrorOptions): GitRepositories {
  const { git } = options;
  const inTurn = oneAtATime();
  const tooLarge = rememberTooLarge();

  return {
    git,
    async holding(repository, commits) {
      const path = repositoryPath(options.directory, repository);
      if ((await lackingCommits(git, path, commits)).length === 0) return path;
      await inTurn(repository, async () => {
        const lacking = (await lackingCommits(git, path, commits)).filter((one) => tooLarge.find(repository, one) === undefined);
        if (lacking.length > 0) await fetchCommits({ ...options, repository, path, tooLarge }, lacking);
      });
      const [still] = await lackingCommits(git, path, commits);
      if (still === undefined) return path;
      throw tooLarge.find(repository, still) ?? unknownCommit(repository, still);
    },
  };
}

interface Fetching extends MirrorOptions {
  readonly repository: string;
  /** Of the mirror. */
  readonly path: string;
  readonly tooLarge: TooLarge;
}

async function fetchCommits(fetching: Fetching, commits: readonly string[]): Promise<void> {
  const { git, path, maxBytes, timeoutMs, refs } = fetching;
  const authorization = await fetching.authorization?.(fetching.repository);
  await makeRoom(path, maxBytes);
  await mkdir(dirname(path), { recursive: true });
  if (!(await isWhole(path))) await makeMirror(git, path);
  const bring: Bring = (specs, more = []) => fetchInto(fetching, authorization, more, specs);
  if (refs === undefined) await fetchIds(fetching, bring, commits);
  else await fetchRefs(fetching, bring, refs, commits);
  if ((await packs(path)).length > mostPacks) {
    // Nothing is thrown away: a commit that no branch has any more may still be read.
    await git.run(path, ["repack", "-a", "-d", "--keep-unreachable", "-q"], {
      launcher: launcher(path, 2 * maxBytes, timeoutMs),
      timeoutMs,
    });
    await git.run(path, ["pack-refs", "--all"]);
  }
}

/** One fetch of these refs or commits. */
type Bring = (specs: readonly string[], more?: readonly string[]) => Promise<void>;

/** Has `git init` come to its end? This folder is the last that it makes. */
function isWhole(path: string): Promise<boolean> {
  return stat(join(path, "objects", "info")).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** Aside, and renamed when it is whole: of two processes at it in one place, git refuses the second; and what a killed one leaves stops all others. */
async function makeMirror(git: Git, path: string): Promise<void> {
  const fresh = asideOf(path, "new");
  try {
    await git.run(fresh, ["init", "--quiet", "--bare", "--template="]);
    if (await isNamed(fresh, path)) return;
    // Half of one, of an older release; or another process was faster.
    await throwAway(path);
    await isNamed(fresh, path);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** Has the directory the name now, or another one that is whole? */
async function isNamed(fresh: string, path: string): Promise<boolean> {
  try {
    await rename(fresh, path);
    return true;
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    return await isWhole(path);
  }
}

/** Or another process was faster. */
async function throwAway(path: string): Promise<void> {
  const aside = asideOf(path, "old");
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  await rm(aside, { recursive: true, force: true });
}

/** No other process, and no other call of this one, has that name. */
const asideOf = (path: string, what: string) => `${path}.${what}-${process.pid}-${randomUUID()}`;

const seenSpecs = (commits: readonly string[]) => commits.map((commit) => `${commit}:${seenRef(commit)}`);

/** All at once, which is one fetch for a whole listing; one that is not there or too large makes it one for each. */
async function fetchIds(fetching: Fetching, bring: Bring, commits: readonly string[]): Promise<void> {
  if (commits.length > 1) {
    try {
      return await bring(seenSpecs(commits));
    } catch (error) {
      if (!isOfOneCommit(error)) throw error;
    }
  }
  await fetchEach(fetching, bring, commits);
}

/** One by one: a commit that is not there or too large hides no other. */
async function fetchEach({ repository, tooLarge }: Fetching, bring: Bring, commits: readonly string[]): Promise<void> {
  for (const commit of commits) {
    try {
      await bring(seenSpecs([commit]));
    } catch (error) {
      if (!isOfOneCommit(error)) throw error;
      if (error.code === "forge.tree-too-large") tooLarge.add(repository, commit, error);
    }
  }
}

function isOfOneCommit(error: unknown): error is AppError {
  return isAppError(error) && ["forge.commit-unknown", "forge.tree-too-large"].includes(error.code);
}

/**
 * Branches first, and what anybody may write to only for what is still lacking: one stranger's huge pull request must stop neither branches nor
 * others' pull requests. Most servers hand out a commit by its id, which brings that one alone; all refs are the last resort.
 */
async function fetchRefs(
  fetching: Fetching,
  bring: Bring,
  [first, ...others]: readonly string[],
  commits: readonly string[],
): Promise<void> {
  const { git, repository, path, tooLarge } = fetching;
  const lackingNow = () => lackingCommits(git, path, commits);
  if (first !== undefined) await bring(thereSpecs([first]), ["--prune"]);
  await fetchEach(fetching, bring, await lackingNow());
  const [unknown] = (await lackingNow()).filter((one) => tooLarge.find(repository, one) === undefined);
  if (unknown !== undefined && others.length > 0) {
    await bring(thereSpecs(others), ["--prune"]).catch((error) => {
      throw unknownBeside(error, repository, unknown);
    });
  }
  const lacking = await lackingNow();
  const seen = commits.filter((commit) => !lacking.includes(commit));
  await git.run(path, ["update-ref", "--stdin"], { input: seen.map((commit) => `update ${seenRef(commit)} ${commit}\n`).join("") });
}

const thereSpecs = (refs: readonly string[]) => refs.map((ref) => `+${ref}:${ref.replace(/^refs\//, "refs/flibs/there/")}`);

/** Whoever waits for a commit that the server does not have yet goes on waiting, although what strangers keep there is too large to look through. */
function unknownBeside(error: unknown, repository: string, commit: string): unknown {
  if (!isAppError(error) || error.code !== "forge.tree-too-large") return error;
  const { hint } = error;
  return appError(
    "forge.commit-unknown",
    `no branch of ${repository} has commit ${commit}, and its other refs are too large to be looked through`,
    {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    },
  );
}

async function fetchInto(
  { git, maxBytes, timeoutMs, server, repository, path }: Fetching,
  authorization: string | undefined,
  more: readonly string[],
  specs: readonly string[],
): Promise<void> {
  const url = `${server}/${repository}.git`;
  const quiet = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules"];
  try {
    await git.run(path, ["fetch", ...quiet, ...more, url, ...specs], {
      config: transferConfig(server, authorization),
      env: passedEnvironment(),
      launcher: launcher(path, maxBytes, timeoutMs),
      timeoutMs,
    });
  } catch (error) {
    const cutOff = await removeHalves(path, maxBytes, timeoutMs);
    if (!cutOff) throw translate(error, repository, timeoutMs);
    throw appError("forge.tree-too-large", `the history of ${repository} is larger than ${formatBytes(maxBytes)}`, {
      hint: "Remove big files from the repository's history",
      details: { maxBytes },
      cause: error,
    });
  }
}

export function passedEnvironment(): Record<string, string> {
  return Object.fromEntries(passed.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
}

/** The credential is sent to this server only, and a redirect is not followed at all. */
export function transferConfig(server: string, authorization: string | undefined): readonly (readonly [string, string])[] {
  return [
    [`protocol.${new URL(server).protocol.replace(":", "")}.allow`, "always"],
    ...(authorization === undefined ? [] : [[`http.${server}/.extraHeader`, `Authorization: ${authorization}`] as const]),
    ["http.followRedirects", "false"],
    ["credential.helper", ""],
    ["core.askPass", ""],
    // Bytes per second, seconds: a server that fell silent.
    ["http.lowSpeedLimit", "1000"],
    ["http.lowSpeedTime", "60"],
    // Always one pack, never loose objects: so the limit of a file's size is one of the transfer.
    ["fetch.unpackLimit", "1"],
  ];
}

function launcher(path: string, maxBytes: number, timeoutMs: number): readonly string[] {
  const seconds = String(Math.ceil(timeoutMs / 1000));
  return ["flock", "--no-fork", "--wait", seconds, `${path}.lock`, "prlimit", `--fsize=${maxBytes}`];
}

/** A mirror that grew by branches that were thrown away is thrown away itself. */
async function makeRoom(path: string, maxBytes: number): Promise<void> {
  let total = 0;
  for (const pack of await packs(path)) total += (await stat(pack).catch(() => undefined))?.size ?? 0;
  if (total <= 2 * maxBytes) return;
  await throwAway(path);
}

/**
 * What a transfer that was ended leaves behind. Tells whether one of these is as long as a file may be: git itself only says that its helper
 * fell silent. Halves of others' transfers are left alone until nobody can be writing them any more.
 */
async function removeHalves(path: string, maxBytes: number, timeoutMs: number): Promise<boolean> {
  const directory = join(path, "objects", "pack");
  let cutOff = false;
  for (const name of await readdir(directory).catch(() => [])) {
    if (!name.startsWith("tmp_")) continue;
    const half = join(directory, name);
    const found = await stat(half).catch(() => undefined);
    const isFull = found !== undefined && found.size >= maxBytes;
    cutOff ||= isFull;
    if (isFull || (found !== undefined && Date.now() - found.mtimeMs > timeoutMs)) await rm(half, { force: true });
  }
  return cutOff;
}

async function packs(path: string): Promise<readonly string[]> {
  const directory = join(path, "objects", "pack");
  const names = await readdir(directory).catch(() => []);
  return names.filter((name) => name.endsWith(".pack")).map((name) => join(directory, name));
}

function unknownCommit(repository: string, commit: string): AppError {
  return appError("forge.commit-unknown", `${repository} has no commit ${commit}`);
}

/** What git said, in the words of git 2.38 and newer. */
function translate(error: unknown, repository: string, timeoutMs: number): unknown {
  if (!isAppError(error)) return error;
  if (error.code === "forge.git-slow") {
    return appError("forge.unreachable", `fetching ${repository} took longer than ${timeoutMs} ms`, { cause: error });
  }
  if (error.code === "forge.git-ended") return appError("forge.unreachable", `fetching ${repository} broke off`, { cause: error });
  if (error.code !== "forge.git-failed") return error;
  const said = error.message;
  const unknown = /(?:not our ref|couldn't find remote ref|unadvertised object) ([0-9a-f]{40,64})/.exec(said);
  if (unknown) return unknownCommit(repository, unknown[1] ?? "");
  if (/repository '.*' not found/i.test(said)) return appError("forge.repository-unknown", `there is no repository ${repository}`);
  return appError("forge.unreachable", `fetching ${repository} broke off`, { cause: error });
}
