import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { appError, isAppError } from "../../domain/errors.ts";
import type { ForgeSources } from "../forge.ts";
import { createGit } from "./git.ts";
import { passedEnvironment } from "./mirror.ts";
import { findRef } from "./ref-files.ts";
import { reaches } from "./refs.ts";
import { gitSources } from "./sources.ts";

export interface BranchCloneOptions {
  /** `https://…`, or an absolute path of a bare repository on this machine. */
  readonly url: string;
  readonly branch: string;
  /** Where the bare clone stands; may be deleted at any time. */
  readonly directory: string;
  /** For an `https` address that wants one. */
  readonly credential?: { readonly username: string; readonly password: string } | undefined;
  readonly timeoutMs: number;
}

const headRef = "refs/flibs/head";
/** What git holds while it writes what we let it write; one that was killed leaves them behind, and every later one stops at them. */
const locks = ["config.lock", "HEAD.lock", "packed-refs.lock", "shallow.lock", `${headRef}.lock`];

/**
 * One branch of one repository, in a clone of one's own: what it says is what was fetched from `url`, whoever asks. `findHead` fetches, one at
 * a time; the directory belongs to one clone of one process. The other methods read what was fetched, and know no other repository, so the name that they are called with does not matter.
 * Throws `forge.unreachable` (transient) when the address does not answer.
 */
export function branchClone(options: BranchCloneOptions): Pick<ForgeSources, "findFile" | "findHead" | "isAncestor"> {
  const git = createGit();
  const { directory, url, branch } = options;
  const { findFile } = gitSources({ git, holding: async () => directory });

  async function fetchHead(): Promise<string | undefined> {
    await mkdir(dirname(directory), { recursive: true });
    // Nobody else writes here, and the fetch before has ended.
    for (const lock of locks) await rm(join(directory, lock), { force: true });
    await git.run(directory, ["init", "--quiet", "--bare", "--template="]);
    const quiet = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules"];
    try {
      await git.run(directory, ["fetch", ...quiet, url, `+refs/heads/${branch}:${headRef}`], {
        config: transferConfig(options),
        env: url.startsWith("/") ? await localEnvironment(directory) : passedEnvironment(),
        timeoutMs: options.timeoutMs,
      });
    } catch (cause) {
      // A head that was fetched before is not the head now: without the address nothing is known.
      throw appError("forge.unreachable", `fetching ${branch} of the registry-manifest repository failed`, {
        hint: "Fetch it by hand as the same user, from the address in the signer's settings",
        cause,
        ...(isAppError(cause) ? { details: cause.details } : {}),
      });
    }
    return await findRef(directory, headRef);
  }

  return {
    findFile,
    findHead: oneAtATime(fetchHead),
    isAncestor: async (_repository, ancestor, descendant) => await reaches(git, directory, ancestor, descendant),
  };
}

/** Those who ask before the next one has begun share it: what it finds was there after each of them asked. */
function oneAtATime<T>(work: () => Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  let waiting: Promise<T> | undefined;
  return () => {
    if (waiting !== undefined) return waiting;
    const begin = () => {
      waiting = undefined;
      return work();
    };
    waiting = last.then(begin, begin);
    last = waiting;
    return waiting;
  };
}

/**
 * A repository on this machine is another user's as a rule, and git's other half, which reads it, refuses that unless a settings file says
 * otherwise; of ours it gets nothing else. What that user wrote into it must not make it start anything: no other protocol, no promised objects.
 */
async function localEnvironment(directory: string): Promise<Record<string, string>> {
  const settings = join(directory, "flibs.gitconfig");
  await writeFile(settings, "[safe]\n\tdirectory = *\n");
  return { GIT_CONFIG_GLOBAL: settings, GIT_ALLOW_PROTOCOL: "file", GIT_NO_LAZY_FETCH: "1" };
}

/** The credential is sent to this address only, and a redirect is not followed at all. */
function transferConfig({ url, credential }: BranchCloneOptions): readonly (readonly [string, string])[] {
  if (url.startsWith("/")) return [["protocol.file.allow", "always"]];
  const { protocol, origin } = new URL(url);
  const basic = credential && Buffer.from(`${credential.username}:${credential.password}`).toString("base64");
  return [
    [`protocol.${protocol.replace(":", "")}.allow`, "always"],
    ...(basic === undefined ? [] : [[`http.${origin}/.extraHeader`, `Authorization: Basic ${basic}`] as const]),
    ["http.followRedirects", "false"],
    ["credential.helper", ""],
    ["core.askPass", ""],
    ["http.lowSpeedLimit", "1000"],
    ["http.lowSpeedTime", "60"],
  ];
}
