import { setTimeout as delay } from "node:timers/promises";
import type { ApplicationFunctionOptions, Probot } from "probot";
import type { App } from "./app.ts";
import { loadSettings } from "./config-load.ts";
import { appError } from "./domain/errors.ts";
import { openForService, type RunningInstallation, runInstallation } from "./installation.ts";
import { createLog } from "./log.ts";

/** How long `probot receive` waits for the service to look at what was handed in. */
const patienceMs = 60_000;

/**
 * flibs as a Probot app, for `probot run` and `probot receive`. Settings as for `flibs serve`: `$FLIBS_CONFIG`, ./flibs.yaml, /etc/flibs/flibs.yaml.
 * An event is stored in the inbox before Probot answers, and looked at from there like any other: Probot would lose it with the process, and hear it
 * again with each repeated delivery. `flibs serve` has an inbox of its own and is what an installation should run.
 */
export default async function flibs(app: Probot, options: ApplicationFunctionOptions): Promise<void> {
  const settings = loadSettings(undefined, process.env);
  if (settings.forge.kind !== "github") {
    throw appError("config.invalid", `the forge is ${settings.forge.kind}, a Probot app needs github`, {
      hint: "docs/github.md tells how to set it up",
    });
  }
  if (isServed(options)) {
    demandSecret();
    const running = await runInstallation(settings, process.env, createLog(settings.log.level));
    stopOnSignals(app, running);
    app.onAny(async ({ id, name, payload }) => void (await store(running.app, id, name, payload)));
  } else {
    app.onAny(async ({ id, name, payload }) => {
      const { app: beside, close } = await openForService(settings, process.env);
      try {
        await store(beside, id, name, payload);
        app.log.info(await outcomeOf(beside, id));
      } finally {
        await close();
      }
    });
  }
}

/** `probot receive` has no server that a handler could be added to. */
function isServed(options: ApplicationFunctionOptions): boolean {
  try {
    options.addHandler(() => false);
    return true;
  } catch {
    return false;
  }
}

/**
 * `probot run` hears no signal, and its server cannot be reached from here: what it takes while flibs stops is answered by an error, and found by
 * the sweep of deliveries later.
 */
function stopOnSignals(app: Probot, running: RunningInstallation): void {
  const stop = () => {
    running.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        app.log.error(error, "flibs could not stop as it should");
        process.exit(1);
      },
    );
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, stop);
}

/** Without it Probot believes everything that is signed with the word "development". */
function demandSecret(): void {
  if (process.env.WEBHOOK_SECRET && process.env.WEBHOOK_SECRET !== "development") return;
  throw appError("config.invalid", "WEBHOOK_SECRET is not set, so anybody could send deliveries", {
    hint: "Set it to the App's webhook secret, or use flibs serve, which takes two during a change",
  });
}

/** What Probot has verified and parsed, as the inbox keeps it. */
async function store({ store, forge }: App, deliveryId: string, name: string, payload: unknown): Promise<void> {
  const headers = { "x-github-event": name, "x-github-delivery": deliveryId };
  // As the other ways into the inbox write it.
  await store.inbox.store({ forge: forge.name, deliveryId: deliveryId.toLowerCase(), headers, body: Buffer.from(JSON.stringify(payload)) });
}

/** What became of a delivery, in one line. */
async function outcomeOf({ store, forge }: App, deliveryId: string): Promise<string> {
  if (!(await store.isAttended())) return "stored; no flibs is running, so nobody looks at it before one starts: flibs serve";
  for (const end = Date.now() + patienceMs; Date.now() < end; await delay(200)) {
    const found = (await store.inbox.list({ limit: 1000 })).find((one) => one.forge === forge.name && one.deliveryId === deliveryId);
    if (found && found.status !== "stored") return `${found.status}: ${found.outcome ?? ""}`;
  }
  return "stored; the service has not looked at it yet";
}
