import { generateKeyPairSync } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import Fastify from "fastify";
import { createNodeMiddleware, Probot } from "probot";
import { localForge } from "../../src/forge/local/local-forge.ts";
import { createLog, silentLog } from "../../src/log.ts";
import { removeEmbeddedPostgres, startEmbeddedPostgres } from "../../src/store/embedded-postgres.ts";
import { openStore } from "../../src/store/store.ts";
import { hookRoutes } from "../../src/web/hook-routes.ts";
import { createMetrics } from "../../src/web/metrics.ts";
import type { WebOptions, WebPorts } from "../../src/web/ports.ts";
import { scratchDirectory } from "../../test/support/scratch-directory.ts";

/**
 * `inbox-server.ts <flibs|probot> <secret>`: one of the two receivers in a process of its own; tells its parent the port, and
 * ends when the parent says so (or goes away), with the number of deliveries that it has.
 */
const [, , kind = "", secret = ""] = process.argv;
const receiver = kind === "flibs" ? await flibsInbox() : await bareProbot();
process.send?.({ port: receiver.port });
process.once("message", () => void end());
process.once("disconnect", () => void end());
let ending: Promise<void> | undefined;

function end(): Promise<void> {
  ending ??= receiver.close().then((taken) => {
    if (process.connected) process.send?.({ taken }, () => process.exit(0));
    else process.exit(0);
  });
  return ending;
}

/** The service's own route, store and PostgreSQL with `fsync` on. */
async function flibsInbox() {
  const scratch = await scratchDirectory("flibs-bench-");
  const directory = join(scratch.path, "postgres");
  const postgres = await startEmbeddedPostgres({ directory, log: silentLog });
  const store = await openStore({ url: postgres.url, log: silentLog });
  await store.migrate();
  const forge = localForge({ name: "local", directory: scratch.path, hookSecrets: [secret], admins: [], log: silentLog });
  const maxBodyBytes = 25 * 2 ** 20;
  const ports = { inboxes: { local: forge }, inbox: store.inbox, metrics: createMetrics(store.metrics), log: createLog("error") };
  const server = Fastify({ bodyLimit: maxBodyBytes });
  await server.register(hookRoutes(ports as unknown as WebPorts, { maxBodyBytes } as WebOptions));
  await server.listen({ host: "127.0.0.1", port: 0 });
  return {
    port: (server.server.address() as AddressInfo).port,
    async close() {
      await server.close();
      const taken = (await store.inbox.list({ limit: 10_000_000 })).length;
      await store.close();
      await postgres.stop();
      await removeEmbeddedPostgres(directory);
      await scratch.remove();
      return taken;
    },
  };
}

/** Probot's own middleware with a handler that only counts: nothing is stored. */
async function bareProbot() {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  const probot = new Probot({ appId: 1, privateKey, secret, logLevel: "fatal" });
  let taken = 0;
  const middleware = await createNodeMiddleware(
    (app) => {
      app.on("issue_comment", () => {
        taken += 1;
      });
    },
    { probot, webhooksPath: "/hooks/github" },
  );
  const server: Server = createServer((request, response) => void middleware(request, response));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      return taken;
    },
  };
}
