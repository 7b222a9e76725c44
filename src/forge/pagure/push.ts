import { type AppError, appError, isAppError } from "../../domain/errors.ts";
import { passedEnvironment, transferConfig } from "../git/mirror.ts";
import type { PagureWorld } from "./pagure-world.ts";

/** Pagure's hooks take up to a quarter of a minute on a small instance. */
const timeoutMs = 180_000;

/**
 * Moves a branch of the forge from where it was seen to a commit that the mirror has. False when it stands elsewhere by now: nothing of
 * anybody is written over. Throws `forge.token-refused`, `forge.denied` and `forge.unreachable`.
 */
export async function pushBranch(
  world: PagureWorld,
  repository: string,
  branch: string,
  from: string | undefined,
  to: string,
): Promise<boolean> {
  const { git, tokens, push } = world;
  if (push.kind === "https") tokens.demandGood("promotions", "commit");
  const path = await world.holding(repository, []);
  // Kept by a ref: nothing else names it before the next fetch.
  await git.run(path, ["update-ref", `refs/flibs/seen/${to}`, to]);
  const lease = `--force-with-lease=refs/heads/${branch}:${from ?? ""}`;
  const args = ["push", "--quiet", "--no-verify", "--no-recurse-submodules", lease];
  try {
    await git.run(path, [...args, `${addressOf(world)}/${repository}.git`, `${to}:refs/heads/${branch}`], {
      ...transferOf(world),
      timeoutMs,
    });
    return true;
  } catch (error) {
    if (isLost(error)) return false;
    throw translate(world, repository, branch, error);
  }
}

/** Would a push be let in? Nothing is sent but the question. Throws as {@link pushBranch}. */
export async function tryPush(world: PagureWorld, repository: string, head: string): Promise<void> {
  const path = await world.holding(repository, [head]);
  const branch = "flibs-doctor";
  try {
    const args = ["push", "--quiet", "--dry-run", "--no-verify", `${addressOf(world)}/${repository}.git`, `${head}:refs/heads/${branch}`];
    await world.git.run(path, args, { ...transferOf(world), timeoutMs });
  } catch (error) {
    throw translate(world, repository, branch, error);
  }
}

function addressOf({ root, push }: PagureWorld): string {
  return push.kind === "https" ? root : push.url;
}

function transferOf({ root, user, tokens, push }: PagureWorld) {
  if (push.kind === "https") {
    const basic = Buffer.from(`${user}:${tokens.secretOf("promotions")}`).toString("base64");
    return { config: transferConfig(root, `Basic ${basic}`), env: passedEnvironment() };
  }
  const options = [
    "IdentitiesOnly=yes",
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    `UserKnownHostsFile=${push.knownHosts}`,
    "ConnectTimeout=30",
  ];
  const words = ["ssh", "-F", "none", "-i", push.key, ...options.flatMap((one) => ["-o", one])];
  const command = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  return { config: [["protocol.ssh.allow", "always"]] as const, env: { ...passedEnvironment(), GIT_SSH_COMMAND: command } };
}

/** git's words, in English by its environment. */
function isLost(error: unknown): boolean {
  return (
    isAppError(error) &&
    error.code === "forge.git-failed" &&
    /stale info|fetch first|non-fast-forward|cannot lock ref|already exists/i.test(error.message)
  );
}

function translate({ tokens, push, user }: PagureWorld, repository: string, branch: string, error: unknown): unknown {
  if (!isAppError(error)) return error;
  if (error.code === "forge.git-slow" || error.code === "forge.git-ended") return unreachable(repository, error);
  if (error.code !== "forge.git-failed") return error;
  const said = error.message;
  if (push.kind === "https" && /Authentication failed|could not read (?:Username|Password)|returned error: 401/i.test(said)) {
    return tokens.refused("promotions", "commit", "the push was refused");
  }
  if (/returned error: 403|Permission denied|denied to|pre-receive hook declined|hook declined/i.test(said)) {
    return appError("forge.denied", `${user} may not push ${branch} to ${repository}`, {
      hint: `Give ${user} commit access to ${repository}, and the token the ACL commit or the key a place in ${user}'s settings`,
      cause: error,
    });
  }
  return unreachable(repository, error);
}

function unreachable(repository: string, cause: unknown): AppError {
  return appError("forge.unreachable", `pushing to ${repository} broke off`, { cause });
}
