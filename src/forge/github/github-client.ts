import { appError } from "../../domain/errors.ts";
import { isRepositoryName } from "../git/names.ts";
import type { AppTokens } from "./app-tokens.ts";
import { statusOf } from "./request-errors.ts";
import { type Permissions, type Scope, scopes } from "./scopes.ts";
import type { Answer, Parameters, Route, Transport } from "./transport.ts";

type InRepository<R extends Route> = Omit<Parameters<R>, "owner" | "repo">;

/** Requests by what they are for; which token they need is found here. */
export interface GithubClient {
  /** In one repository, with a token for this scope and this repository alone. */
  request<R extends Route>(repository: string, scope: Scope, route: R, parameters: InRepository<R>): Promise<Answer<R>>;
  /** The same, undefined for 404. */
  find<R extends Route>(repository: string, scope: Scope, route: R, parameters: InRepository<R>): Promise<Answer<R> | undefined>;
  /** Page after page of a listing, 100 a page, until the last one or until nobody asks for more. */
  pages<R extends Route>(repository: string, scope: Scope, route: R, parameters: InRepository<R>): AsyncGenerator<Answer<R>["data"]>;
  /** As the App itself. */
  asApp<R extends Route>(route: R, parameters: Parameters<R>): Promise<Answer<R>>;
  /** In all repositories of an installation. */
  asInstallation<R extends Route>(installation: number, permissions: Permissions, route: R, parameters: Parameters<R>): Promise<Answer<R>>;
  /** For git. */
  sourceToken(repository: string): Promise<string>;
}

export interface GithubClientOptions {
  readonly transport: Transport;
  readonly tokens: AppTokens;
  /** Whose requests may use what is kept for releases. */
  readonly releases: string;
}

export function githubClient({ transport, tokens, releases }: GithubClientOptions): GithubClient {
  async function request<R extends Route>(repository: string, scope: Scope, route: R, parameters: InRepository<R>): Promise<Answer<R>> {
    checkRepository(repository);
    const [owner = "", repo = ""] = repository.split("/");
    const all = { ...parameters, owner, repo } as Parameters<R>;
    for (let tries = 1; ; tries++) {
      const installation = await tokens.installationOf(repository);
      const token = await tokens.token(installation, repository, scopes[scope]);
      const sending = { lane: String(installation), release: repository === releases, authorization: `token ${token}`, where: repository };
      try {
        return await transport.send(route, all, sending);
      } catch (error) {
        // A token ends early when the App's permissions, its key or its installation change; then nothing was done with it.
        if (statusOf(error) !== 401 || tries === 2) throw error;
        tokens.forget(repository);
      }
    }
  }

  return {
    request,
    async find(repository, scope, route, parameters) {
      try {
        return await request(repository, scope, route, parameters);
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    },
    async *pages(repository, scope, route, parameters) {
      for (let page = 1; ; page++) {
        const answer = await request(repository, scope, route, { per_page: 100, ...parameters, page });
        yield answer.data;
        if (!hasNext(answer)) return;
      }
    },
    async asApp(route, parameters) {
      const authorization = await tokens.appAuthorization();
      return transport.send(route, parameters, { lane: "app", release: true, authorization, where: "" });
    },
    async asInstallation(installation, permissions, route, parameters) {
      const authorization = `token ${await tokens.token(installation, undefined, permissions)}`;
      const where = "repo" in parameters ? `${parameters.owner}/${parameters.repo}` : "";
      return transport.send(route, parameters, { lane: String(installation), release: where === releases, authorization, where });
    },
    async sourceToken(repository) {
      checkRepository(repository);
      return tokens.token(await tokens.installationOf(repository), repository, scopes.sources);
    },
  };
}

/** Source specification: RFC 8288, as GitHub pages. */
export function hasNext(answer: { readonly headers: object }): boolean {
  return "link" in answer.headers && /<[^>]*>;\s*rel="next"/.test(String(answer.headers.link));
}

/** A name becomes part of a path, and the other way round a path must not become another name. */
function checkRepository(repository: string): void {
  if (isRepositoryName(repository)) return;
  throw appError("forge.name-invalid", `"${repository.slice(0, 200)}" is no repository name`, {
    hint: "Write <owner>/<name> with letters, digits and . _ + -",
  });
}
