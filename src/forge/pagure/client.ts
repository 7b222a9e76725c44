import { setTimeout as sleep } from "node:timers/promises";
import PQueue from "p-queue";
import type { z } from "zod";
import { type AppError, appError, isAppError } from "../../domain/errors.ts";
import { isRepositoryName } from "../git/names.ts";
import { errorCodeOf, reasonOf, refusedError, statusOf } from "./request-errors.ts";
import type { TokenUse, TokenWatch } from "./token-watch.ts";

type Query = Readonly<Record<string, string | number>>;

/** What became of a request, for metrics. */
export interface RequestTold {
  readonly operation: string;
  /** 0 = no answer. */
  readonly status: number;
}

export interface Write {
  readonly use: TokenUse;
  readonly acl: string;
  /** Below `/api/0/<project>/`: `c/<sha>/flag`. */
  readonly path: string;
  /** Sent form-encoded: there a percent is a text, as Pagure wants it. */
  readonly form: Readonly<Record<string, string>>;
  /** Said twice it is said once: may be sent again when no answer came, or a broken one. */
  readonly repeatable: boolean;
}

/** Requests to the API. Reading asks without a token: what flibs watches is public. */
export interface PagureClient {
  /** `path` below `/api/0/`. Throws `forge.unreachable`, `forge.refused`, `forge.name-invalid`. */
  read<S extends z.ZodType>(path: string, schema: S, query?: Query): Promise<z.infer<S>>;
  /** The same, undefined for 404. */
  find<S extends z.ZodType>(path: string, schema: S, query?: Query): Promise<z.infer<S> | undefined>;
  /** Page after page of a listing, until the last one or until nobody asks for more. */
  pages<S extends z.ZodType<{ readonly pagination: { readonly next: string | null } }>>(
    path: string,
    schema: S,
    query?: Query,
  ): AsyncGenerator<z.infer<S>>;
  /** Throws `forge.token-refused`, too, without asking when it was refused before. */
  write<S extends z.ZodType>(repository: string, write: Write, schema: S): Promise<z.infer<S>>;
  /** Reads what only a token's owner may. A refusal is about what was asked for, and stops no writing. */
  readAs<S extends z.ZodType>(use: TokenUse, method: "GET" | "POST", path: string, schema: S): Promise<z.infer<S>>;
  /** Status that a write with an empty form is answered with: 401 tells that the token may not do it, and nothing is done. */
  probe(use: TokenUse, path: string): Promise<number>;
}

export interface PagureClientOptions {
  /** Without a slash at the end. */
  readonly root: string;
  readonly tokens: TokenWatch;
  readonly fetch?: typeof fetch | undefined;
  /** Merges and pushes elsewhere make a small instance slow: a minute when left out. */
  readonly timeoutMs?: number | undefined;
  readonly delay?: ((ms: number) => Promise<unknown>) | undefined;
  /** Longest answer that is read; 64 MiB when left out. */
  readonly maxAnswerBytes?: number | undefined;
  readonly onRequest?: ((told: RequestTold) => void) | undefined;
}

/** Requests at a time; Pagure counts none, but small instances answer four a second. */
const atOnce = 4;
const mostTries = 4;
/** A listing of 100 pull requests with long talks; more is no answer that flibs asked for. */
const mostBytes = 64 * 2 ** 20;
/** Of one listing; nobody has so many pull requests, and a server that never ends must not hold a sweep for ever. */
export const mostPages = 1000;

interface Sending {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly query?: Query | undefined;
  readonly form?: Readonly<Record<string, string>> | undefined;
  readonly authorization?: string | undefined;
}

export function pagureClient(options: PagureClientOptions): PagureClient {
  const { root, tokens, delay = sleep } = options;
  const queue = new PQueue({ concurrency: atOnce });
  const send = (sending: Sending) => queue.add(() => sendOnce(options, sending));

  /** Server errors, pages in place of data, and silence are tried again; so are races of the database, where asking again is allowed. */
  async function insist(sending: Sending, repeatable: boolean): Promise<unknown> {
    for (let tries = 1; ; tries++) {
      try {
        return await send(sending);
      } catch (error) {
        const isPassing = isAppError(error) && (error.code === "forge.unreachable" || errorCodeOf(error) === "EDBERROR");
        if (!repeatable || !isPassing || tries === mostTries) throw error;
        await delay(200 * 3 ** (tries - 1));
      }
    }
  }

  async function read<S extends z.ZodType>(path: string, schema: S, query?: Query): Promise<z.infer<S>> {
    return parse(schema, await insist({ method: "GET", path, query }, true), `GET ${path}`);
  }

  async function authorized(use: TokenUse, acl: string, sending: Sending, repeatable: boolean): Promise<unknown> {
    tokens.demandGood(use, acl);
    try {
      return await insist({ ...sending, authorization: `token ${tokens.secretOf(use)}` }, repeatable);
    } catch (error) {
      // A 401 of another kind is about the project.
      const isToken = statusOf(error) === 401 && ["EINVALIDTOK", ""].includes(errorCodeOf(error));
      throw isToken ? tokens.refused(use, acl, reasonOf(error)) : error;
    }
  }

  return {
    read,
    async find(path, schema, query) {
      try {
        return await read(path, schema, query);
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    },
    async *pages(path, schema, query) {
      for (let page = 1; page <= mostPages; page++) {
        const answer = await read(path, schema, { per_page: 100, ...query, page });
        yield answer;
        if (answer.pagination.next === null) return;
      }
      throw appError("forge.unreachable", `${root} lists more than ${mostPages} pages of ${path}`);
    },
    async write(repository, { use, acl, path, form, repeatable }, schema) {
      const whole = `${checkRepository(repository)}/${path}`;
      return parse(schema, await authorized(use, acl, { method: "POST", path: whole, form }, repeatable), `POST ${whole}`);
    },
    async readAs(use, method, path, schema) {
      const authorization = `token ${tokens.secretOf(use)}`;
      return parse(schema, await insist({ method, path, authorization }, true), `${method} ${path}`);
    },
    async probe(use, path) {
      try {
        await send({ method: "POST", path, form: {}, authorization: `token ${tokens.secretOf(use)}` });
        return 200;
      } catch (error) {
        const status = statusOf(error);
        if (status === undefined) throw error;
        return status;
      }
    },
  };

  function parse<S extends z.ZodType>(schema: S, body: unknown, operation: string): z.infer<S> {
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw appError("forge.refused", `what Pagure answered to ${operation} is not what its API says`, { cause: parsed.error });
  }
}

async function sendOnce(options: PagureClientOptions, { method, path, query, form, authorization }: Sending): Promise<unknown> {
  const operation = `${method} /api/0/${path}`;
  const url = new URL(`${options.root}/api/0/${path.split("/").map(encodeURIComponent).join("/")}`);
  for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, String(value));
  const tell = (status: number) => options.onRequest?.({ operation: withoutNames(method, path), status });
  let status = 0;
  let text: string;
  let type: string;
  try {
    const answer = await (options.fetch ?? fetch)(url, {
      method,
      headers: { accept: "application/json", "user-agent": "flibs", ...(authorization && { authorization }) },
      ...(form && { body: new URLSearchParams(form) }),
      // A token goes to the instance that the settings name and nowhere else.
      redirect: "manual",
      signal: AbortSignal.timeout(options.timeoutMs ?? 60_000),
    });
    status = answer.status;
    type = answer.headers.get("content-type") ?? "";
    text = await readBounded(answer, operation, options.maxAnswerBytes ?? mostBytes);
  } catch (cause) {
    tell(status);
    if (isAppError(cause)) throw cause;
    throw unreachable(`Pagure did not answer ${operation}`, status, cause);
  }
  tell(status);
  if (status >= 300 && status < 400) {
    throw appError("forge.refused", `Pagure answered ${operation} with ${status}: it is to be found elsewhere`, {
      hint: "Let forge.url in the settings be the address that it leads to",
      details: { status },
    });
  }
  // Whatever a page says, it was not written for us.
  if (status >= 500 || (!type.includes("json") && status !== 404)) {
    throw unreachable(`Pagure answered ${operation} with ${status}${type.includes("json") ? "" : " and no JSON"}`, status);
  }
  const body = parseJson(text, type, operation, status);
  if (status >= 400) throw refusedError(operation, { status, body });
  return body;
}

/** A page that says "not found" is an answer, too; its text is none. */
function parseJson(text: string, type: string, operation: string, status: number): unknown {
  if (!type.includes("json")) return {};
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unreachable(`the answer of Pagure to ${operation} broke off in the middle`, status, cause);
  }
}

/** Without `status` in its details: what may pass is no answer to look at. */
function unreachable(message: string, answered: number, cause?: unknown): AppError {
  return appError("forge.unreachable", message, { cause, details: { answered } });
}

async function readBounded(answer: Response, operation: string, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw appError("forge.output-too-large", `the answer of Pagure to ${operation} is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** For metrics: few words, whoever the project is. */
function withoutNames(method: string, path: string): string {
  const known =
    /(?:^|\/)(hascommit|contributors|git\/branches|c\/|pull-requests?|webhook\/token|group|projects|-\/whoami)(?=\/|$|[0-9a-f])/.exec(path);
  const last = /\/(flag|comment|info|new|close)$/.exec(path)?.[1];
  return `${method} ${known === null ? "project" : (known[1] ?? "").replace(/\/$/, "")}${last === undefined ? "" : `/…/${last}`}`;
}

/** A name becomes part of a path, and the other way round a path must not become another name. */
export function checkRepository(repository: string): string {
  if (isRepositoryName(repository)) return repository;
  throw appError("forge.name-invalid", `"${repository.slice(0, 200)}" is no repository name`, {
    hint: "Write <namespace>/<name> with letters, digits and . _ + -",
  });
}
