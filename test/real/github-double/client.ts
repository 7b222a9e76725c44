import { createSign } from "node:crypto";
import { Octokit } from "@octokit/rest";
import type { Github } from "../../fakes/github/github.ts";
import { startGithub } from "../../fakes/github/github.ts";

/** What the double's own tests ask for in place of app.yml. */
export const manifest = {
  slug: "flibs",
  permissions: {
    metadata: "read",
    checks: "write",
    contents: "write",
    issues: "write",
    members: "read",
    merge_queues: "read",
    pull_requests: "write",
    statuses: "write",
  },
  events: ["push", "create", "delete", "pull_request", "issue_comment", "check_run", "check_suite", "merge_group"],
};

export function startDouble(options: Partial<Parameters<typeof startGithub>[0]> = {}): Promise<Github> {
  return startGithub({ app: manifest, ...options });
}

/** RS256 as GitHub wants it; `life` in seconds. */
export function appJwt(github: Github, now: Date = new Date(), life = 540): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const iat = Math.floor(now.getTime() / 1000) - 60;
  const body = `${part({ alg: "RS256", typ: "JWT" })}.${part({ iat, exp: iat + 60 + life, iss: github.app.id })}`;
  return `${body}.${createSign("RSA-SHA256").update(body).sign(github.app.privateKey, "base64url")}`;
}

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export const octokit = (github: Github, auth: string, baseUrl = github.apiUrl) => new Octokit({ auth, baseUrl, log: quiet });

/** A client with an installation's token. */
export async function installed(
  github: Github,
  installation: number,
  permissions?: Readonly<Record<string, string>>,
  now?: Date,
): Promise<Octokit> {
  const app = octokit(github, appJwt(github, now));
  const { data } = await app.rest.apps.createInstallationAccessToken({
    installation_id: installation,
    ...(permissions ? { permissions } : {}),
  });
  return octokit(github, data.token);
}
