import { createAppAuth } from "@octokit/auth-app";
import { type AppError, appError } from "../../domain/errors.ts";
import type { Limits } from "./limits.ts";
import { reasonOf, statusOf, translateError } from "./request-errors.ts";
import type { Permissions } from "./scopes.ts";
import type { Transport } from "./transport.ts";

/** The App's credentials: its JWT, and tokens of its installations that can do one thing in one repository. */
export interface AppTokens {
  /** Value of an `authorization` header, for operations of the App itself. */
  appAuthorization(): Promise<string>;
  /** Throws `forge.app-not-installed`, `forge.repository-unknown` and `forge.app-denied`. */
  installationOf(repository: string): Promise<number>;
  /** `repository` undefined: all that the installation may reach. Kept until five minutes before it ends. */
  token(installation: number, repository: string | undefined, permissions: Permissions): Promise<string>;
  /** A token that was refused, or an installation that is no longer there. */
  forget(repository: string): void;
}

export interface AppTokensOptions {
  readonly appId: number;
  /** PEM. */
  readonly privateKey: string;
  readonly transport: Transport;
  readonly limits: Limits;
  readonly now: () => number;
}

const earlyMs = 5 * 60_000;
const installationMs = 10 * 60_000;

interface Kept<T> {
  readonly value: Promise<T>;
  readonly until: Promise<number>;
}

export function openAppTokens({ appId, privateKey, transport, limits, now }: AppTokensOptions): AppTokens {
  const auth = createAppAuth({ appId, privateKey, request: transport.request });
  const installations = new Map<string, Kept<number>>();
  const tokens = new Map<string, Kept<string>>();

  async function appAuthorization(): Promise<string> {
    return `bearer ${(await auth({ type: "app" })).token}`;
  }

  async function findInstallation(repository: string): Promise<number> {
    const [owner = "", repo = ""] = repository.split("/");
    const sending = { lane: "app", release: true, authorization: await appAuthorization(), where: repository };
    try {
      return (await transport.send("GET /repos/{owner}/{repo}/installation", { owner, repo }, sending)).data.id;
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
      // Not installed and not there look the same; whether the owner has an installation tells which it is.
      const { data } = await transport.send("GET /app/installations", { per_page: 100 }, { ...sending, where: "" });
      const own = data.find(({ account }) => account !== null && "login" in account && account.login.toLowerCase() === owner.toLowerCase());
      if (own) {
        throw appError(
          "forge.repository-unknown",
          `${repository} does not exist or is not among the repositories of the GitHub App's installation`,
          {
            hint: `Compare the name, or add the repository at ${own.html_url}`,
            cause: error,
          },
        );
      }
      throw appError("forge.app-not-installed", `GitHub App ${appId} is not installed for ${owner}`, {
        hint: `Install the App for ${owner}, for all repositories or for ${repository}`,
        cause: error,
      });
    }
  }

  async function makeToken(installation: number, repository: string | undefined, permissions: Permissions) {
    const operation = "POST /app/installations/{installation_id}/access_tokens";
    const call = { lane: "app", writes: false, creates: false, release: true };
    const names = repository === undefined ? {} : { repositoryNames: [repository.split("/")[1] ?? ""] };
    try {
      return await limits.run(call, async () => {
        const made = await auth({
          type: "installation",
          installationId: installation,
          permissions: { ...permissions },
          refresh: true,
          ...names,
        });
        return { ...made, headers: {} };
      });
    } catch (error) {
      if (repository !== undefined) installations.delete(repository);
      throw refusedToken(translateError(error, operation, repository ?? ""), repository, permissions);
    }
  }

  return {
    appAuthorization,
    installationOf: (repository) =>
      keep(installations, repository, now, async () => ({ value: await findInstallation(repository), until: now() + installationMs })),
    token: (installation, repository, permissions) =>
      keep(tokens, tokenKey(installation, repository, permissions), now, async () => {
        const { token, expiresAt } = await makeToken(installation, repository, permissions);
        return { value: token, until: Date.parse(expiresAt) - earlyMs };
      }),
    forget(repository) {
      installations.delete(repository);
      for (const key of tokens.keys()) if (key.split(" ")[1] === repository) tokens.delete(key);
    },
  };
}

/** GitHub answers 422 for two things: what was not granted, and where the App is no longer installed. */
function refusedToken(error: AppError, repository: string | undefined, permissions: Permissions): AppError {
  if (statusOf(error) !== 422) return error;
  if (/permission/i.test(reasonOf(error))) {
    const wanted = Object.entries(permissions).map(([name, level]) => `${name}: ${level}`);
    return appError("forge.app-denied", `the GitHub App was not granted ${wanted.join(", ")}`, {
      hint: "Compare the App's permissions with app.yml, and accept new ones where it is installed",
      cause: error,
    });
  }
  return appError("forge.repository-unknown", `${repository} is not among the repositories of the GitHub App's installation`, {
    hint: "Add it to the installation",
    cause: error,
  });
}

function tokenKey(installation: number, repository: string | undefined, permissions: Permissions): string {
  return `${installation} ${repository ?? "*"} ${JSON.stringify(permissions)}`;
}

/** Who asks while it is being made waits for the same one; what failed is not kept. */
async function keep<T>(
  kept: Map<string, Kept<T>>,
  key: string,
  now: () => number,
  make: () => Promise<{ readonly value: T; readonly until: number }>,
): Promise<T> {
  const found = kept.get(key);
  if (found !== undefined && (await found.until.catch(() => 0)) > now()) return found.value;
  // Somebody else may have begun one while this one looked.
  const other = kept.get(key);
  if (other !== undefined && other !== found) return other.value;
  const making = make();
  const entry: Kept<T> = { value: making.then(({ value }) => value), until: making.then(({ until }) => until) };
  entry.until.catch(() => {});
  kept.set(key, entry);
  try {
    return await entry.value;
  } catch (error) {
    if (kept.get(key) === entry) kept.delete(key);
    throw error;
  }
}
