import { generateKeyPairSync } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createNodeMiddleware, Probot } from "probot";
import type { ForgeInbox } from "../../src/forge/forge.ts";
import { verifyDelivery } from "../../src/forge/github/verify-delivery.ts";
import { createLog, silentLog } from "../../src/log.ts";
import { removeEmbeddedPostgres, startEmbeddedPostgres } from "../../src/store/embedded-postgres.ts";
import { openStore } from "../../src/store/store.ts";
import { createMetrics } from "../../src/web/metrics.ts";
import type { WebOptions, WebPorts } from "../../src/web/ports.ts";
import { webServer } from "../../src/web/web-server.ts";
import { scratchDirectory } from "../../test/support/scratch-directory.ts";

/**
 * `inbox-server.ts <flibs|probot> <secret>`: one of the two receivers in a process of its own; tells its parent the port, and
 * ends when the parent says so (or goes away), with the number of deliveries that it has.
 */
const [, , kind = "", secret = ""] = process.argv;
const receiver = kind === "flibs" ? await flibsInbox() : await bareProbot();
process.send?.({ port: receiver.port, postgres: receiver.postgres });
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

/** The service's own web server, store and PostgreSQL with `fsync` on. Workers are not started: what a delivery leads to is not measured. */
async function flibsInbox() {
  const scratch = await scratchDirectory("flibs-bench-");
  const directory = join(scratch.path, "postgres");
  const postgres = await startEmbeddedPostgres({ directory, log: silentLog });
  const store = await openStore({ url: postgres.url, log: silentLog });
  await store.migrate();
  const github: Pick<ForgeInbox, "verifyDelivery"> = { verifyDelivery: (delivery) => verifyDelivery(delivery, [secret]) };
  const ports = { inboxes: { github }, inbox: store.inbox, metrics: createMetrics(store.metrics), log: createLog("error") };
  // Pages are not asked for, so that what they show is left out.
  const server = webServer(
    ports as unknown as WebPorts,
    { listen: "127.0.0.1:0", maxBodyBytes: 25 * 2 ** 20, now: () => new Date() } as WebOptions,
  );
  const { pid } = JSON.parse(await readFile(join(directory, "connection.json"), "utf8")) as { pid: number };
  return {
    port: Number(new URL(await server.listen()).port),
    postgres: pid,
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
      app.on(["issue_comment", "push", "pull_request"], () => {
        taken += 1;
      });
    },
    { probot, webhooksPath: "/hooks/github" },
  );
  const server: Server = createServer((request, response) => void middleware(request, response));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    port: (server.address() as AddressInfo).port,
    postgres: undefined,
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      return taken;
    },
  };
}
