import { randomUUID } from "node:crypto";
import type { App } from "./app.ts";
import type { AuditActions } from "./cli/audit-command.ts";
import type { Client } from "./cli/client.ts";
import type { ReleaseActions } from "./cli/release-commands.ts";
import type { Settings } from "./config.ts";
import { appError } from "./domain/errors.ts";
import { openBesideService } from "./installation.ts";
import { requestGate } from "./intake/requests.ts";
import { acceptDrift, findDrift } from "./promotion/accept-drift.ts";
import { auditActions } from "./promotion/audit-actions.ts";
import { planReleases, startReleases } from "./promotion/release-scan-flow.ts";

const appsOfClients = new WeakMap<Client, App>();

/** Commands speak to the database that the service uses. Throws `cli.not-running`. */
export async function openClient(settings: Settings, environment: Readonly<Record<string, string | undefined>>): Promise<Client> {
  const app = await openBesideService(settings, environment);
  const client: Client = {
    settings,
    builds: app.store.builds,
    destinationTags: app.store.destinationTags,
    logs: app.store.logs,
    testResults: app.store.testResults,
    runs: app.runs,
    releases: app.store.releases,
    places: app.store.places,
    gating: {
      ...app.waiving,
      give: (waiver, build) =>
        app.store.transaction(async (transaction) => {
          const id = await app.store.waivers.add(waiver, transaction);
          return { id, run: await app.runs.start(requestGate(build, waiver.username, `gate ${waiver.key}`), transaction) };
        }),
    },
    forge: app.forge,
    people: () => {
      if (app.people) return app.people;
      throw appError("cli.usage", `${settings.forge.kind} has pages of its own for this`, {
        hint: "Use them; this command is for the local forge",
      });
    },
    close: () => app.close(),
  };
  appsOfClients.set(client, app);
  return client;
}

/** What `release` does, with a client that was opened here. */
export function releaseActionsOf(client: Client): ReleaseActions {
  const { promotion } = appOf(client);
  return {
    plan: () => planReleases(promotion, true),
    start: async (full) => (await startReleases(promotion, full, `cli ${randomUUID()}`)).runs,
    findDrift: (drift) => findDrift(promotion, drift),
    acceptDrift: (drifts, by) => acceptDrift(promotion, drifts, by, `cli ${randomUUID()}`),
  };
}

/** What `audit` does, with a client that was opened here. */
export function auditActionsOf(client: Client): AuditActions {
  return auditActions(appOf(client).auditing, randomUUID);
}

function appOf(client: Client): App {
  const app = appsOfClients.get(client);
  if (!app) throw new Error("a client that was not opened here");
  return app;
}
