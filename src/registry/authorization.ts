import { z } from "zod";
import { appError } from "../domain/errors.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { HttpTransport } from "./http-transport.ts";
import { discardBody, invalidAnswer, readBody } from "./read-body.ts";
import { isRetryableStatus, parseRetryAfter } from "./retry-policy.ts";

/**
 * Who we are for one registry. Secrets and tokens stay in here: they go to the registry's own host and to its token server only, and
 * into no message. The scheme is learnt from the first 401, afterwards requests carry their authorization up front.
 */
export interface Authorization {
  /** The `Authorization` header for a request that needs these scopes; undefined while nothing is known or nothing is needed. */
  headerFor(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined>;
  /** After a 401: takes its challenge, forgets what was `rejected`, gives a new header; undefined when there is nothing better. */
  renew(challenge: string | undefined, scopes: readonly string[], rejected?: string, signal?: AbortSignal): Promise<string | undefined>;
}

export interface AuthorizationOptions {
  readonly endpoint: string;
  readonly plainHttp: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly transport: HttpTransport;
  readonly now: () => number;
}

const TokenAnswer = z.object({
  token: z.string().optional(),
  access_token: z.string().optional(),
  expires_in: z.number().nonnegative().optional().catch(undefined),
});
type Scheme = { readonly kind: "basic" } | { readonly kind: "bearer"; readonly realm: URL; readonly service: string | undefined };

/** What the token specification assumes when `expires_in` is left out. */
const defaultLifetimeS = 60;
const mostTokens = 500;
const largestTokenAnswer = 1024 * 1024;

export function authorization(options: AuthorizationOptions): Authorization {
  const { username, password, now } = options;
  const basic = username === undefined ? undefined : `Basic ${Buffer.from(`${username}:${password ?? ""}`).toString("base64")}`;
  let scheme: Scheme | undefined;
  const tokens = new Map<string, { readonly header: Promise<string>; refreshAt: number }>();

  async function tokenFor(bearer: Scheme & { kind: "bearer" }, scopes: readonly string[], signal?: AbortSignal): Promise<string> {
    const key = scopes.join(" ");
    const known = tokens.get(key);
    if (known !== undefined && known.refreshAt > now()) return known.header;
    if (tokens.size >= mostTokens) tokens.clear();
    // Shared by all who ask meanwhile, hence not bound to the first one's signal.
    const asked = requestToken(options, bearer, scopes, basic);
    const entry = { header: asked.then((token) => `Bearer ${token.value}`), refreshAt: Number.POSITIVE_INFINITY };
    tokens.set(key, entry);
    try {
      const { lifetimeMs } = await asked;
      // A fifth of its life, at most ten seconds, before the end: the request must still arrive with it.
      entry.refreshAt = now() + lifetimeMs - Math.min(10_000, lifetimeMs / 5);
      signal?.throwIfAborted();
      return await entry.header;
    } catch (error) {
      entry.header.catch(() => undefined);
      if (tokens.get(key) === entry && entry.refreshAt === Number.POSITIVE_INFINITY) tokens.delete(key);
      throw error;
    }
  }

  return {
    async headerFor(scopes, signal) {
      if (scheme === undefined) return undefined;
      return scheme.kind === "basic" ? basic : tokenFor(scheme, uniteScopes(scopes), signal);
    },
    async renew(header, scopes, rejected, signal) {
      const challenges = parseChallenges(header ?? "");
      const bearer = challenges.find((one) => one.scheme === "bearer" && one.parameters.realm !== undefined);
      if (bearer === undefined) {
        if (!challenges.some((one) => one.scheme === "basic") || basic === undefined || rejected === basic) return undefined;
        scheme = { kind: "basic" };
        return basic;
      }
      scheme = { kind: "bearer", realm: checkRealm(bearer, options), service: bearer.parameters.service };
      const wanted = uniteScopes([...scopes, ...(scopes.length === 0 ? [bearer.parameters.scope ?? ""] : [])]);
      const key = wanted.join(" ");
      if (rejected !== undefined && (await tokens.get(key)?.header.catch(() => undefined)) === rejected) tokens.delete(key);
      return tokenFor(scheme, wanted, signal);
    },
  };
}

/** One scope for each repository, with the union of the actions, in a fixed order: `repository:a:pull` and `:push` make `pull,push`. */
export function uniteScopes(scopes: readonly string[]): readonly string[] {
  const actions = new Map<string, Set<string>>();
  for (const scope of scopes.flatMap((one) => one.split(" ")).filter((one) => one !== "")) {
    const colon = scope.lastIndexOf(":");
    const resource = colon < 0 ? scope : scope.slice(0, colon);
    const united = actions.get(resource) ?? new Set();
    for (const action of colon < 0 ? [] : scope.slice(colon + 1).split(",")) united.add(action);
    actions.set(resource, united);
  }
  return [...actions].map(([resource, united]) => `${resource}:${[...united].sort().join(",")}`).sort();
}

/** The token server is named by the registry, and gets the password: never over plain HTTP, unless the registry itself is reached so. */
function checkRealm(challenge: Challenge, { endpoint, plainHttp }: AuthorizationOptions): URL {
  const realm = challenge.parameters.realm ?? "";
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  const fits = url !== undefined && (url.protocol === "https:" || (plainHttp && url.protocol === "http:"));
  if (fits && url.username === "" && url.password === "") return url;
  throw appError("registry.answer-invalid", `registry ${endpoint} names a token server that is not an https address`);
}

async function requestToken(
  { endpoint, headers, transport, now }: AuthorizationOptions,
  { realm, service }: Scheme & { kind: "bearer" },
  scopes: readonly string[],
  basic: string | undefined,
): Promise<{ readonly value: string; readonly lifetimeMs: number }> {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  const answer = await transport.request({
    method: "GET",
    url,
    headers: { ...headers, accept: "application/json", ...(basic === undefined ? {} : { authorization: basic }) },
  });
  if (answer.status !== 200) {
    await discardBody(answer);
    if (isRetryableStatus(answer.status)) {
      throw appError("registry.unreachable", `token server ${url.host} of ${endpoint} answered ${answer.status}`, {
        details: { retryAfterMs: parseRetryAfter(answer.header("retry-after"), now()) },
      });
    }
    throw appError("registry.denied", `token server ${url.host} of ${endpoint} answered ${answer.status}`, {
      hint: "Check username and password of this registry in the settings",
    });
  }
  const text = Buffer.from(await readBody(answer, largestTokenAnswer)).toString("utf8");
  const parsed = TokenAnswer.safeParse(parseJson(text));
  const value = parsed.data?.token ?? parsed.data?.access_token ?? "";
  // Anything else could not go into a header, or would be one of its own.
  if (!/^[\x21-\x7e]+$/.test(value)) throw invalidAnswer(answer, "without a usable token");
  return { value, lifetimeMs: (parsed.data?.expires_in || defaultLifetimeS) * 1000 };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
