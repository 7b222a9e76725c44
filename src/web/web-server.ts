import { fastify } from "fastify";
import { apiRoutes } from "./api-routes.ts";
import { assetRoutes } from "./asset-routes.ts";
import { buildRoutes } from "./build-routes.ts";
import { documentRoutes } from "./document-routes.ts";
import { gatingRoutes } from "./gating-routes.ts";
import { healthRoutes } from "./health-routes.ts";
import { hookRoutes } from "./hook-routes.ts";
import { html } from "./html.ts";
import { logRoutes } from "./log-routes.ts";
import { openConnections } from "./open-connections.ts";
import type { WebOptions, WebPorts } from "./ports.ts";
import { pullRoutes } from "./pull-routes.ts";
import { registryHookRoutes } from "./registry-hook-routes.ts";
import { resultsdbRoutes } from "./resultsdb-routes.ts";
import { testRoutes } from "./test-routes.ts";
import { page } from "./views/page.ts";

export interface WebServer {
  /** Resolves when connections are taken; returns the address as a URL without a slash at the end. */
  listen(): Promise<string>;
  /** Ends live logs, gives running answers ten seconds to finish, then stops. May be called twice. */
  close(): Promise<void>;
  /** Undefined before `listen`. */
  readonly address: string | undefined;
  /** A request without a network, for tests. */
  readonly inject: ReturnType<typeof fastify>["inject"];
}

const securityHeaders = {
  "content-security-policy":
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
};

/** How long an answer may still take when the server closes. */
const answerMs = 10_000;

/** Inbox, health, metrics, pages, logs, lookaside and consumer files on one port. */
export function webServer(ports: WebPorts, options: WebOptions): WebServer {
  const server = fastify({
    logger: false,
    // Of what is no delivery, addresses that nothing stands at included; routes that take more say so.
    bodyLimit: 16 * 1024,
    // A sender that dribbles its headers or body for longer than this is no forge.
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    keepAliveTimeout: 30_000,
    // A log's name or a repository, percent-encoded, is longer than fastify's 100.
    routerOptions: { maxParamLength: 1000 },
    http: { maxHeaderSize: 16_384, headersTimeout: 15_000 },
  });
  const closing = new AbortController();
  // With `done` instead of promises: each of hundreds of deliveries in a second goes through them.
  server.addHook("onRequest", (request, reply, done) => {
    reply.headers(securityHeaders);
    // No name has a NUL, and PostgreSQL takes none: asking for one is not an error of ours.
    if (/%00/.test(request.url)) reply.code(404).type("text/plain; charset=utf-8").send("not found\n");
    else done();
  });
  server.addHook("onResponse", (request, reply, done) => {
    const route = request.routeOptions.url ?? "(none)";
    ports.metrics.requestAnswered(request.method, route, reply.statusCode, reply.elapsedTime);
    done();
  });
  const connections = openConnections(server.server);
  server.addHook("preClose", async () => {
    closing.abort();
    connections.close(answerMs);
  });
  server.setNotFoundHandler((request, reply) => {
    const said = html`<h1>Not found</h1><p>There is nothing here. <a href="/">All builds</a></p>`;
    reply.code(404);
    if (/^\/resultsdb\b/.test(request.url)) return reply.send({ message: "not found" });
    if (request.url.startsWith("/api/")) return reply.send({ error: "not found" });
    if (/^\/(greenwave|waiverdb)\//.test(request.url)) return reply.send({ message: "Not found" });
    // Programs ask there, and one that gets a page may take it for a file.
    if (/^\/(lookaside|consumer|hooks)\b/.test(request.url)) return reply.type("text/plain; charset=utf-8").send("not found\n");
    return reply.type("text/html; charset=utf-8").send(page({ title: "Not found" }, said));
  });
  server.setErrorHandler((error: { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) ports.log.error({ error, route: request.routeOptions.url }, "answering a request failed");
    // What went wrong inside stays in the log: pages are read by strangers.
    const said = status < 500 ? "the request cannot be understood" : "an internal error, see the log of the service";
    return reply.code(status).type("text/plain; charset=utf-8").send(`${said}\n`);
  });
  server.register(hookRoutes(ports, options));
  server.register(registryHookRoutes(ports));
  server.register(healthRoutes(ports));
  server.register(assetRoutes(ports));
  server.register(logRoutes(ports, options, closing.signal));
  server.register(buildRoutes(ports, options));
  server.register(documentRoutes(ports));
  server.register(testRoutes(ports));
  server.register(resultsdbRoutes(ports, options));
  server.register(pullRoutes(ports, options));
  server.register(apiRoutes(ports));
  server.register(gatingRoutes(ports, options));

  let address: string | undefined;
  return {
    async listen() {
      const { host, port } = parseListen(options.listen);
      address = (await server.listen({ host, port })).replace(/\/$/, "");
      return address;
    },
    close: () => server.close(),
    get address() {
      return address;
    },
    inject: server.inject.bind(server) as typeof server.inject,
  };
}

function parseListen(listen: string): { host: string; port: number } {
  const colon = listen.lastIndexOf(":");
  return { host: listen.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), port: Number(listen.slice(colon + 1)) };
}
