import type { Agent, ClientRequest, IncomingMessage } from "node:http";
import https from "node:https";
import { finished, type Readable } from "node:stream";
import { appError, isAppError } from "../domain/errors.ts";
import { type BodyLimits, patience } from "./patience.ts";

// An import of node:http also loads undici, for a name that is not used here: a twentieth of a second of each start.
const http = process.getBuiltinModule("node:http");

/** Writes a request's body; must stop when the request is destroyed. Called at most once. */
export type BodyWriter = (request: ClientRequest) => Promise<void>;

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | BodyWriter;
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  /** The URL that was asked, after redirects. */
  readonly url: URL;
  header(name: string): string | undefined;
  /** Must be read to the end or destroyed; broken connections and silence end it with `registry.unreachable`. */
  readonly body: Readable;
}

export interface TransportLimits extends BodyLimits {
  readonly connectMs: number;
  /** From the end of a GET or HEAD to the head of the answer; at most `headersMs`. */
  readonly lookMs: number;
  /** From the end of the request to the head of the answer; registries on object stores take long to finish a big upload. */
  readonly headersMs: number;
}

export interface HttpTransport {
  request(request: HttpRequest): Promise<HttpAnswer>;
  /** Ends idle connections. */
  close(): void;
}

export const defaultTransportLimits: TransportLimits = {
  connectMs: 10_000,
  lookMs: 60_000,
  headersMs: 300_000,
  idleMs: 60_000,
  bodyMs: 60_000,
  leastBytesPerSecond: 32_768,
};

/**
 * One HTTP exchange, with kept-alive connections and time limits for each part of it, and nothing else: no redirects, no retries, no decoding. node:http
 * and not fetch, since a body must be pumped with back-pressure and watched, and fetch gives no hand on either. Whatever goes wrong on
 * the way is `registry.unreachable`; an aborted signal throws its reason.
 */
export function httpTransport(limits: TransportLimits = defaultTransportLimits): HttpTransport {
  // The fullest buffers Node offers: fewer turns of the event loop for the same bytes.
  const options = { keepAlive: true, maxSockets: 32, maxFreeSockets: 8, scheduling: "lifo" as const };
  const agents = { "http:": new http.Agent(options), "https:": new https.Agent(options) };
  return {
    request: (request) => exchange(request, request.url.protocol === "https:" ? agents["https:"] : agents["http:"], limits),
    close() {
      agents["http:"].destroy();
      agents["https:"].destroy();
    },
  };
}

function exchange(wanted: HttpRequest, agent: Agent | https.Agent, limits: TransportLimits): Promise<HttpAnswer> {
  const { method, url, signal } = wanted;
  const unreachable = (what: string, cause?: unknown) =>
    appError("registry.unreachable", `${method} ${url.host}${url.pathname} ${what}`, cause === undefined ? {} : { cause });
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const client = url.protocol === "https:" ? https : http;
    const body = wanted.body;
    const headers = { ...wanted.headers, ...(body instanceof Uint8Array ? { "content-length": String(body.length) } : {}) };
    const request = client.request(url, { method, headers, agent, maxHeaderSize: 65_536 });
    const abort = () => request.destroy(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    const done = () => signal?.removeEventListener("abort", abort);
    let waiting = setTimeout(() => request.destroy(unreachable("could not connect in time")), limits.connectMs);
    const wait = (ms: number, what: string) => {
      clearTimeout(waiting);
      waiting = setTimeout(() => request.destroy(unreachable(what)), ms);
    };
    const answerMs = method === "GET" || method === "HEAD" ? Math.min(limits.lookMs, limits.headersMs) : limits.headersMs;
    const sent = () => wait(answerMs, "got no answer in time");
    request.once("socket", (socket) => {
      const connected = () => (typeof body === "function" ? clearTimeout(waiting) : sent());
      if (socket.connecting) socket.once(url.protocol === "https:" ? "secureConnect" : "connect", connected);
      else connected();
    });
    let answered = false;
    let writing = typeof body === "function";
    request.on("error", (error) => {
      clearTimeout(waiting);
      done();
      reject(signal?.aborted ? signal.reason : isAppError(error) ? error : unreachable(`failed: ${describe(error)}`, error));
    });
    request.once("response", (response) => {
      clearTimeout(waiting);
      answered = true;
      watchBody(response, limits, () => unreachable("went silent or too slow in the middle of its answer"));
      finished(response, () => {
        done();
        // An answer to half a body: the rest of the body must not become the next request of a kept connection.
        if (writing) request.destroy();
      });
      const header = (name: string) => {
        const value = response.headers[name.toLowerCase()];
        return Array.isArray(value) ? value.join(", ") : value;
      };
      resolve({ status: response.statusCode ?? 0, url, header, body: response });
    });
    if (typeof body !== "function") {
      request.end(body);
      return;
    }
    watchWrites(request, limits, () => unreachable("stopped taking the body, or takes it too slowly"));
    body(request).then(
      () => {
        writing = false;
        if (!answered) sent();
      },
      (error: unknown) => {
        // The writer's own failure (source broke, wrong digest) is the reason, not the broken request that follows from it.
        if (answered) return;
        clearTimeout(waiting);
        done();
        reject(error);
        request.destroy();
      },
    );
  });
}

/**
 * Destroys a body that gives nothing for a while, or too little, although somebody wants more; a reader that takes its time is not the peer's fault.
 * Demand is `_read`, supply is `push`: the only two places that see both flowing and iterated reading.
 */
function watchBody(body: IncomingMessage, limits: BodyLimits, tooSlow: () => Error): void {
  const peer = patience(limits, () => body.destroy(tooSlow()));
  const read = body._read.bind(body);
  const push = body.push.bind(body);
  body._read = (size) => {
    peer.wait();
    read(size);
  };
  body.push = (chunk: unknown, encoding?: BufferEncoding) => {
    peer.moved(chunk instanceof Uint8Array ? chunk.length : 0);
    return push(chunk, encoding);
  };
  body.on("close", peer.stop);
}

/** The same for a body that we send: it is the peer's turn while the buffers are full. */
function watchWrites(request: ClientRequest, limits: BodyLimits, tooSlow: () => Error): void {
  const peer = patience(limits, () => request.destroy(tooSlow()));
  const write = request.write.bind(request) as (chunk: Uint8Array, ...rest: unknown[]) => boolean;
  request.write = (chunk: Uint8Array, ...rest: unknown[]) => {
    const goesOn = write(chunk, ...rest);
    // What is handed over counts at once: the peer is given the time that these bytes may take.
    peer.moved(chunk.length);
    if (!goesOn) peer.wait();
    return goesOn;
  };
  request.on("drain", peer.stop);
  request.on("close", peer.stop);
}

function describe(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
