import { createHash, type KeyObject } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { authenticate, BadJwt } from "./auth.ts";
import type { Contract, Route } from "./contract.ts";
import type { Exclusive } from "./exclusive.ts";
import type { Fault, Faults } from "./faults.ts";
import { checkHandRules } from "./hand-rules.ts";
import type { Hooks } from "./hooks.ts";
import { gitPath, serveGit, tarball } from "./http-git.ts";
import { type Limits, secondaryLimit } from "./limits.ts";
import { operations } from "./operations.ts";
import type { Answer, Call, Caller, Handlers } from "./routes/call.ts";
import { covers } from "./state/installations.ts";
import type { Usage } from "./usage.ts";
import { findRepository, notFound, Refusal, type World } from "./world.ts";

export interface Parts {
  readonly world: () => World;
  readonly contract: Contract;
  readonly handlers: Handlers;
  readonly publicKey: KeyObject;
  readonly limits: Limits;
  readonly faults: Faults;
  readonly usage: Usage;
  readonly hooks: Hooks;
  readonly exclusive: Exclusive;
  readonly violation: (what: string) => void;
}

export interface ApiServer {
  readonly server: Server;
  /** Once nothing is being carried out, for its sender or for one that has gone, and nothing more comes. */
  idle(): Promise<void>;
}

export function createApiServer(parts: Parts): ApiServer {
  let serving = 0;
  const server = createServer((request, response) => {
    serving += 1;
    serve(parts, request, response)
      .catch((error: unknown) => {
        parts.violation(`the double itself failed on ${request.method} ${request.url}: ${error instanceof Error ? error.stack : error}`);
        if (!response.headersSent) response.writeHead(500);
        response.end();
      })
      .finally(() => (serving -= 1));
  });
  async function idle(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet = serving === 0 ? quiet + 1 : 0) await delay(10);
  }
  return { server, idle };
}

async function serve(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const world = parts.world();
  const url = new URL(request.url ?? "/", world.url);
  if (gitPath.test(url.pathname)) return serveGit(world, parts.usage, request, response, url);
  if (url.pathname.startsWith("/_codeload/")) {
    const bytes = await tarball(world, url);
    response.writeHead(bytes ? 200 : 404, bytes ? { "content-type": "application/x-gzip" } : {});
    return void response.end(bytes);
  }
  const path = url.pathname.replace(/^\/api\/v3(?=\/)/, "");
  const method = request.method ?? "GET";
  const route = parts.contract.findRoute(method, path);
  const asked: Asked = { parts, world, request, method, path, url, route, headers: {}, by: "nobody" };
  const fault = route ? parts.faults.take(route.operationId) : undefined;
  if (fault?.kind === "hang") return;
  if (fault?.kind === "reset-before") return void request.socket.destroy();
  const answer = await respond(asked, fault).catch((error: unknown) => refused(error));
  // Deliveries leave while the answer goes back: who caused them does not wait for them.
  void parts.hooks.flush();
  const shown = overruled(fault) ?? answer;
  parts.usage.made({
    operationId: route?.operationId ?? "unknown",
    method,
    path,
    status: shown.status,
    by: asked.by,
    userAgent: request.headers["user-agent"] ?? "",
  });
  if (fault?.kind === "hang-after") return;
  if (fault?.kind === "reset-after") return void request.socket.destroy();
  send(asked, response, shown);
}

interface Asked {
  readonly parts: Parts;
  readonly world: World;
  readonly request: IncomingMessage;
  readonly method: string;
  readonly path: string;
  readonly url: URL;
  readonly route: Route | undefined;
  /** Of the rate limit; grows on the way. */
  headers: Readonly<Record<string, string>>;
  by: string;
}

async function respond(asked: Asked, fault: Fault | undefined): Promise<Answer> {
  const { parts, request, route } = asked;
  const text = await readBody(request);
  if (!route) {
    parts.violation(`unknown route ${asked.method} ${asked.path}`);
    throw notFound();
  }
  if (!request.headers["user-agent"]) {
    parts.violation(`${route.operationId}: no User-Agent`);
    throw new Refusal(403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header");
  }
  if (fault?.kind === "502-before") throw new Refusal(502, "Server Error");
  if (fault?.kind === "500-before") throw new Refusal(500, "Server Error");
  if (fault?.kind === "503-before") throw new Refusal(503, "Service unavailable");
  if (fault?.kind === "secondary-limit") throw secondaryLimit(fault.retryAfterSeconds);
  if (fault?.kind === "429") throw new Refusal(429, "Too many requests", undefined, { "retry-after": String(fault.retryAfterSeconds) });
  const caller = identify(asked);
  asked.by = caller.kind === "installation" ? `installation ${caller.installation.id}` : caller.kind;
  const who = caller.kind === "installation" ? `installation ID ${caller.installation.id}` : "app";
  if (route.operationId === "rate-limit/get") return { status: 200, body: limitView(parts.limits, who) };
  asked.headers = parts.limits.spend(who, operations[route.operationId]?.creates === true);
  mayCall(asked, route, caller);
  const body = parse(asked, text);
  const faults = parts.contract.checkRequest(route, asked.url.searchParams, body, request.headers["content-type"]);
  const broken = faults.length > 0 ? faults : checkHandRules(route.operationId, body, asked.world, route.params);
  if (broken.length > 0) {
    for (const each of broken) parts.violation(`${route.operationId}: ${each}`);
    throw new Refusal(422, `Invalid request.\n\n${broken.join("\n")}`);
  }
  const world = fault?.snapshot ? { ...asked.world, data: fault.snapshot } : asked.world;
  const accept = request.headers.accept ?? "";
  const call: Call = { world, caller, params: route.params, query: asked.url.searchParams, body, accept, url: asked.url };
  const handler = parts.handlers[route.operationId];
  if (!handler) throw new Error(`nothing answers ${route.operationId}`);
  const answer = await parts.exclusive(() => handler(call));
  return conditional(asked, who, checked(asked, route, answer));
}

function identify({ parts, world, request, route }: Asked): Caller {
  try {
    return authenticate(world, parts.publicKey, request.headers.authorization);
  } catch (error) {
    if (error instanceof BadJwt) parts.violation(`${route?.operationId}: ${error.message}`);
    throw error;
  }
}

/** GitHub hides repositories that a token does not reach, and names the lack of a permission. */
function mayCall({ parts, world }: Asked, route: Route, caller: Caller): void {
  const needs = operations[route.operationId];
  if (needs?.as !== caller.kind) {
    parts.violation(`${route.operationId} is called with the credentials of ${caller.kind}`);
    throw caller.kind === "app"
      ? new Refusal(403, "Resource not accessible by integration")
      : new Refusal(401, "A JSON web token could not be decoded");
  }
  if (caller.kind !== "installation") return;
  const { owner, repo } = route.params;
  const { installation, token } = caller;
  if (owner !== undefined) {
    const repository = findRepository(world, `${owner}/${repo}`);
    const isReached = repository && covers(installation, repository) && (token.repositories?.includes(repository.id) ?? true);
    if (!isReached) throw notFound();
  }
  const has = (permission: string, level: string) =>
    permission === "metadata" || token.permissions[permission] === level || token.permissions[permission] === "write";
  if (!needs.any || needs.any.some(([permission, level]) => has(permission, level))) return;
  const wanted = needs.any.map(([permission, level]) => `${permission}=${level}`).join("; ");
  parts.violation(`${route.operationId} needs ${wanted}`);
  throw new Refusal(403, "Resource not accessible by integration", undefined, { "x-accepted-github-permissions": wanted });
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function parse({ parts, route }: Asked, text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    parts.violation(`${route?.operationId}: the body is no JSON`);
    throw new Refusal(400, "Problems parsing JSON");
  }
}

function checked({ parts }: Asked, route: Route, answer: Answer): Answer {
  const faults = answer.bytes
    ? []
    : parts.contract.checkResponse(route, answer.status, answer.body === undefined ? undefined : JSON.parse(JSON.stringify(answer.body)));
  for (const fault of faults) parts.violation(`answer of ${route.operationId}: ${fault}`);
  if (faults.length > 0) throw new Refusal(500, "the double's answer does not fit the description");
  return answer;
}

/** A conditional request that finds nothing new is 304 and does not count against the primary limit. */
function conditional(asked: Asked, who: string, answer: Answer): Answer {
  if (asked.method !== "GET" || answer.status !== 200) return answer;
  const content = answer.bytes ?? JSON.stringify(answer.body);
  const etag = `W/"${createHash("sha256").update(content).digest("hex")}"`;
  if (asked.request.headers["if-none-match"] !== etag) return { ...answer, headers: { ...answer.headers, etag } };
  asked.headers = asked.parts.limits.refund(who);
  return { status: 304, headers: { etag } };
}

function overruled(fault: Fault | undefined): Answer | undefined {
  return fault?.kind === "502-after" ? { status: 502, body: { message: "Server Error" } } : undefined;
}

function refused(error: unknown): Answer {
  if (!(error instanceof Refusal)) throw error;
  const body = {
    message: error.message,
    ...(error.errors ? { errors: error.errors } : {}),
    documentation_url: "https://docs.github.com/rest",
    status: String(error.status),
  };
  return { status: error.status, body, headers: error.headers };
}

function limitView(limits: Limits, who: string) {
  const rate = limits.state(who);
  return { resources: { core: rate, search: { ...rate, limit: 30, remaining: 30, used: 0 } }, rate };
}

function send(asked: Asked, response: ServerResponse, answer: Answer): void {
  // The client's clock is set by this when it differs from the double's.
  response.setHeader("date", asked.world.now().toUTCString());
  response.setHeader("x-github-media-type", "github.v3; format=json");
  response.setHeader("x-github-request-id", "0000:0000:0000:0000:00000000");
  const json = answer.bytes === undefined && answer.body !== undefined;
  const headers = { ...(json ? { "content-type": "application/json; charset=utf-8" } : {}), ...asked.headers, ...answer.headers };
  response.writeHead(answer.status, headers);
  response.end(answer.bytes ?? (json ? JSON.stringify(answer.body) : undefined));
}
