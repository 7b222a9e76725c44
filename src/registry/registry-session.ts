import { type AppError, appError, isAppError } from "../domain/errors.ts";
import type { Authorization } from "./authorization.ts";
import type { HttpAnswer, HttpRequest, HttpTransport } from "./http-transport.ts";
import { discardBody, readBody } from "./read-body.ts";
import { isRetryableStatus, parseRetryAfter, type RetryPolicy, retryDelay } from "./retry-policy.ts";

export interface Call {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE";
  /** A path below the endpoint (`/v2/…`), or where the registry sent us. */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpRequest["body"];
  /** `repository:<name>:pull,push`; one for each repository that the request touches. */
  readonly scopes: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** Requests to one registry with authorization, redirects and retries. */
export interface RegistrySession {
  readonly endpoint: string;
  /**
   * Asks until there is an answer that no further try would change, and reads it: `read` gets every status but 401, 403 (these throw
   * `registry.denied`), 429 and 5xx, and is tried again with the request when the answer breaks off. Only for what may be repeated.
   */
  ask<T>(call: Call, read: (answer: HttpAnswer) => Promise<T>): Promise<T>;
  /** One try, for bodies that cannot be sent again; the same statuses throw. */
  askOnce<T>(call: Call, read: (answer: HttpAnswer) => Promise<T>): Promise<T>;
  /** Runs `work` again while it throws `registry.unreachable`, as `ask` does: for work that looks first. */
  retrying<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

export interface SessionOptions {
  readonly endpoint: string;
  readonly plainHttp: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly transport: HttpTransport;
  readonly authorization: Authorization;
  readonly policy: RetryPolicy;
}

const mostRedirects = 5;
const largestErrorBody = 65_536;

export function registrySession(options: SessionOptions): RegistrySession {
  const { endpoint, plainHttp, transport, authorization, policy } = options;
  const base = new URL(`${plainHttp ? "http" : "https"}://${endpoint}`);

  async function retrying<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    let waited = 0;
    for (let attempt = 0; ; attempt += 1) {
      try {
        signal?.throwIfAborted();
        return await work();
      } catch (error) {
        signal?.throwIfAborted();
        if (!isAppError(error) || error.code !== "registry.unreachable") throw error;
        const asked = error.details.retryAfterMs;
        const wait = retryDelay(attempt, typeof asked === "number" ? asked : undefined, policy.random);
        if (attempt >= policy.retries || waited + wait > policy.budgetMs) throw error;
        waited += wait;
        await policy.delay(wait, signal);
      }
    }
  }

  async function send(call: Call): Promise<HttpAnswer> {
    const { method, body, signal } = call;
    let url = new URL(call.target, base);
    for (let hop = 0; hop <= mostRedirects; hop += 1) {
      const isOurs = url.origin === base.origin;
      const request = (auth: string | undefined): HttpRequest => ({
        method,
        url,
        headers: { ...options.headers, ...call.headers, ...(auth === undefined ? {} : { authorization: auth }) },
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
      });
      // Storage that a registry redirects to has its own signature in the URL and must never see our credential.
      const auth = isOurs ? await authorization.headerFor(call.scopes, signal) : undefined;
      let answer = await transport.request(request(auth));
      if (answer.status === 401 && isOurs) {
        await discardBody(answer);
        const renewed = await authorization.renew(answer.header("www-authenticate"), call.scopes, auth, signal);
        if (renewed === undefined) throw denied(call, answer, "");
        if (typeof body === "function") {
          throw appError("registry.unreachable", `${method} ${url.host}${url.pathname} needs a new token`, {
            details: { retryAfterMs: 0 },
          });
        }
        answer = await transport.request(request(renewed));
      }
      if (![301, 302, 303, 307, 308].includes(answer.status) || (method !== "GET" && method !== "HEAD")) return answer;
      await discardBody(answer);
      url = redirectTarget(answer, url, plainHttp);
    }
    throw appError("registry.answer-invalid", `${method} ${base.host}${new URL(call.target, base).pathname} was redirected too often`);
  }

  async function askOnce<T>(call: Call, read: (answer: HttpAnswer) => Promise<T>): Promise<T> {
    const answer = await send(call);
    if (answer.status === 401 || answer.status === 403) throw denied(call, answer, await readErrors(answer));
    if (isRetryableStatus(answer.status)) {
      await discardBody(answer);
      throw appError("registry.unreachable", `${call.method} ${answer.url.host}${answer.url.pathname} answered ${answer.status}`, {
        details: { status: answer.status, retryAfterMs: parseRetryAfter(answer.header("retry-after"), policy.now()) },
      });
    }
    return read(answer);
  }

  return { endpoint, askOnce, retrying, ask: (call, read) => retrying(() => askOnce(call, read), call.signal) };
}

function redirectTarget(answer: HttpAnswer, from: URL, plainHttp: boolean): URL {
  const location = answer.header("location") ?? "";
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const fits = to !== undefined && (to.protocol === "https:" || (to.protocol === "http:" && plainHttp));
  if (location !== "" && fits) return to;
  throw appError("registry.answer-invalid", `${from.host}${from.pathname} redirects to something that is no https address`);
}

function denied(call: Call, answer: HttpAnswer, why: string): AppError {
  const said = why === "" ? "" : `: ${why}`;
  return appError("registry.denied", `${call.method} ${answer.url.host}${answer.url.pathname} answered ${answer.status}${said}`, {
    hint: "Check username and password of this registry in the settings, and what its account may do",
  });
}

/** For a status that the caller did not expect; reads the registry's own words. */
export async function refusal(call: Pick<Call, "method">, answer: HttpAnswer): Promise<AppError> {
  const why = await readErrors(answer);
  return appError(
    "registry.refused",
    `${call.method} ${answer.url.host}${answer.url.pathname} answered ${answer.status}${why && `: ${why}`}`,
    {
      details: { status: answer.status },
    },
  );
}

/** `CODE message` of the specification's error body, short and without control characters; what is no such body is left out. */
async function readErrors(answer: HttpAnswer): Promise<string> {
  try {
    const body: unknown = JSON.parse(Buffer.from(await readBody(answer, largestErrorBody)).toString("utf8"));
    const errors = typeof body === "object" && body !== null && "errors" in body && Array.isArray(body.errors) ? body.errors : [];
    const texts = errors.slice(0, 3).map((one: { code?: unknown; message?: unknown } | null) => `${one?.code ?? ""} ${one?.message ?? ""}`);
    return texts
      .join("; ")
      .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
      .trim()
      .slice(0, 300);
  } catch {
    return "";
  }
}
