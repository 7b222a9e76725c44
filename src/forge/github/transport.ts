import type { Endpoints, RequestParameters } from "@octokit/types";
import { ProbotOctokit } from "probot";
import { appError } from "../../domain/errors.ts";
import type { Log } from "../../log.ts";
import { openEtagCache } from "./etag-cache.ts";
import type { Limits } from "./limits.ts";
import { isResponseError, translateError } from "./request-errors.ts";

/** `GET /repos/{owner}/{repo}`: an operation of GitHub's published description. */
export type Route = keyof Endpoints;
export type Answer<R extends Route> = Endpoints[R]["response"];
export type Parameters<R extends Route> = Endpoints[R]["parameters"] & RequestParameters;

/** What became of a request, for metrics. `remaining`: of the hourly requests; undefined when GitHub did not say. */
export interface RequestTold {
  readonly operation: string;
  /** 0 = no answer. */
  readonly status: number;
  readonly remaining: number | undefined;
}

export interface Sending {
  readonly lane: string;
  readonly release: boolean;
  /** Value of the header; secret. */
  readonly authorization: string;
  /** Repository, for messages; empty for the App itself. */
  readonly where: string;
}

/** Requests with every rule that holds for all of them: limits, time limit, entity tags, one kind of error. */
export interface Transport {
  send<R extends Route>(route: R, parameters: Parameters<R>, sending: Sending): Promise<Answer<R>>;
  /** What `@octokit/auth-app` sends its own requests with. */
  readonly request: ProbotOctokit["request"];
}

export interface TransportOptions {
  readonly api: string;
  readonly limits: Limits;
  readonly log: Log;
  readonly fetch?: typeof fetch | undefined;
  readonly onRequest?: ((told: RequestTold) => void) | undefined;
  readonly timeoutMs?: number;
}

/** The only POST that makes nothing which people see or which stays. */
const createsNothing: Route = "POST /app/installations/{installation_id}/access_tokens";
const cacheBytes = 32 * 2 ** 20;

/** What of an answer is used, whatever the operation is. */
interface Plain {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number | undefined>>;
  readonly data: unknown;
}

export function openTransport(options: TransportOptions): Transport {
  const timeoutMs = options.timeoutMs ?? 30_000;
  const sendBytes = options.fetch ?? fetch;
  const octokit = new ProbotOctokit({
    baseUrl: options.api,
    userAgent: "flibs",
    log: options.log,
    // Tokens are chosen call by call; Octokit's own repeating and throttling would repeat what creates, and know nothing of releases.
    authStrategy: undefined,
    retry: { enabled: false },
    throttle: { enabled: false },
    request: { fetch: (url: string, init?: RequestInit) => sendBytes(url, { ...init, signal: AbortSignal.timeout(timeoutMs) }) },
  });
  const cache = openEtagCache<Plain>(cacheBytes);

  function tell(operation: string, status: number, headers: Plain["headers"] = {}): void {
    const remaining = headers["x-ratelimit-remaining"];
    options.onRequest?.({ operation, status, remaining: remaining === undefined ? undefined : Number(remaining) });
  }

  async function sendOnce(route: string, parameters: RequestParameters, known: Plain | undefined): Promise<Plain> {
    try {
      const answer: Plain = await octokit.request(route, parameters);
      tell(route, answer.status, answer.headers);
      return answer;
    } catch (error) {
      if (isResponseError(error)) tell(route, error.response === undefined ? 0 : error.status, error.response?.headers);
      if (known === undefined || !isResponseError(error) || error.status !== 304) throw error;
      return { ...known, headers: { ...known.headers, ...error.response?.headers } };
    }
  }

  return {
    request: octokit.request,
    async send(route, parameters, { lane, release, authorization, where }) {
      const method = route.split(" ")[0] ?? "GET";
      const key = method === "GET" ? `${lane} ${octokit.request.endpoint(route as string, parameters).url}` : undefined;
      const known = key === undefined ? undefined : cache.find(key);
      const headers = { authorization, "x-github-api-version": "2022-11-28", ...(known && { "if-none-match": known.etag }) };
      const call = { lane, release, writes: method !== "GET", creates: method === "POST" && route !== createsNothing };
      try {
        const answer = await options.limits.run(call, () => sendOnce(route, { ...parameters, headers }, known?.response));
        checkWhole(answer);
        const etag = answer.headers.etag;
        if (key !== undefined && typeof etag === "string") {
          cache.remember(key, { etag, response: answer }, JSON.stringify(answer.data).length);
        }
        return answer as Answer<typeof route>;
      } catch (error) {
        throw translateError(error, route, where);
      }
    },
  };
}

/** Octokit gives the text of a body that is no JSON: one that broke off in the middle. */
function checkWhole({ status, headers, data }: Plain): void {
  if (typeof data !== "string" || status === 204 || !String(headers["content-type"] ?? "application/json").includes("json")) return;
  throw appError("forge.unreachable", "an answer of GitHub broke off in the middle");
}
