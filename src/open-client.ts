import { randomUUID } from "node:crypto";
import type { App } from "./app.ts";
import { openForge } from "./app-forge.ts";
import type { AuditActions } from "./cli/audit-command.ts";
import type { Client } from "./cli/client.ts";
import type { ReleaseActions } from "./cli/release-commands.ts";
import type { Settings } from "./config.ts";
import { waiverLengths } from "./config-values.ts";
import { appError } from "./domain/errors.ts";
import { findDatabase } from "./installation-database.ts";
import { requestGate } from "./intake/requests.ts";
import { silentLog } from "./log.ts";
import { openStore } from "./store/store.ts";

const appsOfClients = new WeakMap<Client, () => Promise<App>>();

/**
 * Commands speak to the database that the service uses. Most of them only read it or ask the forge; engines, registries, signers and flows take longer
 * to load than all the rest, and are opened by the first command that needs one. Throws `cli.not-running`.
 */
export async function openClient(settings: Settings, environment: Readonly<Record<string, string | undefined>>): Promise<Client> {
  const databaseUrl = await findDatabase(settings, environment);
  const store = await openStore({ url: databaseUrl, log: silentLog });
  let opened: Promise<App> | undefined;
  let closeForge = () => {};
  const app = () => {
    opened ??= import("./app.ts").then(({ openApp }) => openApp(settings, { log: silentLog, environment, databaseUrl, store }));
    return opened;
  };
  const close = async () => {
    closeForge();
    const whole = await opened?.catch(() => undefined);
    await (whole ?? store).close();
  };
  try {
    const { forge, people, close: closeOpened } = await openForge(settings, environment, silentLog, { forgeAsked: () => {} });
    closeForge = closeOpened;
    const client: Client = {
      settings,
      builds: store.builds,
      destinationTags: store.destinationTags,
      logs: store.logs,
      testResults: store.testResults,
      runs: {
        start: async (request, transaction) => (await app()).runs.start(request, transaction),
        cancel: async (run, reason) => (await app()).runs.cancel(run, reason),
        find: (run) => store.journal.find(run),
        journal: (run) => store.journal.listEntries(run),
      },
      releases: store.releases,
      places: store.places,
      gating: {
        gate: { ask: async (build, gates) => (await app()).gate.ask(build, gates) },
        waivers: store.waivers,
        now: () => new Date(),
        lengths: waiverLengths(settings),
        give: async (waiver, build) => {
          const { runs } = await app();
          return await store.transaction(async (transaction) => {
            const id = await store.waivers.add(waiver, transaction);
            return { id, run: await runs.start(requestGate(build, waiver.username, `gate ${waiver.key}`), transaction) };
          });
        },
      },
      forge,
      people: () => {
        if (people) return people;
        throw appError("cli.usage", `${settings.forge.kind} has pages of its own for this`, {
          hint: "Use them; this command is for the local forge",
        });
      },
      close,
    };
    appsOfClients.set(client, app);
    return client;
  } catch (error) {
    await close();
    throw error;
  }
}

/** What `release` does, with a client that was opened here. */
export async function releaseActionsOf(client: Client): Promise<ReleaseActions> {
  const { promotion } = await appOf(client);
  const { planReleases, startReleases } = await import("./promotion/release-scan-flow.ts");
  const { acceptDrift, findDrift } = await import("./promotion/accept-drift.ts");
  return {
    plan: () => planReleases(promotion, true),
    start: async (full) => (await startReleases(promotion, full, `cli ${randomUUID()}`)).runs,
    findDrift: (drift) => findDrift(promotion, drift),
    acceptDrift: (drifts, by) => acceptDrift(promotion, drifts, by, `cli ${randomUUID()}`),
  };
}

/** What `audit` does, with a client that was opened here. */
export async function auditActionsOf(client: Client): Promise<AuditActions> {
  const { auditActions } = await import("./promotion/audit-actions.ts");
  return auditActions((await appOf(client)).auditing, randomUUID);
}

async function appOf(client: Client): Promise<App> {
  const app = appsOfClients.get(client);
  if (!app) throw new Error("a client that was not opened here");
  return await app();
}
