import { setTimeout as delay } from "node:timers/promises";
import type { App } from "./app.ts";
import { answerDecision } from "./builds/answer-decision.ts";
import { boundDecisions } from "./builds/bound-decisions.ts";
import type { Settings } from "./config.ts";
import { durationMs } from "./config-durations.ts";
import { keySetOf } from "./config-signing.ts";
import { keysToWatch, lookasideOf, productionNames, publicNamed, publicUrlOf, registryNames, registryOf } from "./config-values.ts";
import { requestScan } from "./intake/requests.ts";
import type { Log } from "./log.ts";
import { cosignKeys } from "./open-signers.ts";
import { dueAudit, requestAudit } from "./promotion/audit-flow.ts";
import { consumerFiles } from "./signing/consumer-files.ts";
import type { GnupgHome } from "./signing/openpgp/gnupg-home.ts";
import { exportKeyring } from "./signing/openpgp/gpg-sign.ts";
import { watchKeys } from "./signing/openpgp/watch-keys.ts";
import { stopParts } from "./stopping.ts";
import { version } from "./version.ts";
import { servedDirectory } from "./web/directory/served-directory.ts";
import type { Metrics } from "./web/metrics.ts";
import { type ReadinessBoard, readinessBoard } from "./web/readiness.ts";
import { webServer } from "./web/web-server.ts";
import { isFinal } from "./workflow/run.ts";

/** A running service. */
export interface Service {
  /** URL of the web server. */
  readonly address: string;
  /** Hands running work over and ends everything; may be called twice. */
  stop(): Promise<void>;
}

const maxSignatureBytes = 64 * 1024;
const lookEveryMs = 15_000;
const cleanEveryMs = 3_600_000;
const networkEveryMs = 60_000;
const auditEveryMs = 60_000;
/** At start and once a day (DG18). */
const keysEveryMs = 86_400_000;

/** Starts the workers, the sweeps and the web server of an installation. Everything that a stopped flibs left behind is taken up again. */
export async function startService(app: App, log: Log): Promise<Service> {
  const { settings, store, metrics } = app;
  const board = readinessBoard(
    { database: true, engine: false, ...Object.fromEntries(registryNames(settings).map((name) => [name, false])) },
    () => new Date(),
  );
  const decisions = boundDecisions({ ...app.gatePorts, builds: store.builds });
  const web = webServer(
    {
      inboxes: { [app.forge.name]: app.forge },
      inbox: store.inbox,
      builds: store.builds,
      testResults: store.testResults,
      results: store.results,
      logs: store.logs,
      runs: app.runs,
      releases: store.releases,
      audits: store.audits,
      pulls: app.forge,
      registryHooks: app.registryHooks,
      lookasides: Object.fromEntries(
        registryNames(settings).map((name) => [name, servedDirectory(lookasideOf(settings, name), maxSignatureBytes)]),
      ),
      consumer: await consumerFilesOf(app),
      gating: { answer: (body) => answerDecision(decisions, body), policies: app.gatePorts.policies },
      waivers: store.waivers,
      readiness: board,
      metrics,
      log,
    },
    {
      listen: settings.web.listen,
      maxBodyBytes: settings.web.maxBodyBytes,
      publicUrl: publicUrlOf(settings),
      version,
      manifestRepository: settings.manifests.repository,
      namespace: settings.containers.namespace,
      candidate: publicNamed(settings, "candidate").publicName,
      production: Object.fromEntries(productionNames(settings).map((name) => [name, publicNamed(settings, name).publicName])),
      now: () => new Date(),
    },
  );
  await openNetwork(app, log);
  await app.worker.start();
  const address = await web.listen();
  if (app.people && settings.forge.kind === "local") {
    const [secret] = settings.forge.hookSecrets;
    if (secret) await app.people.setHookAddress(address, secret);
  }

  const stopping = new AbortController();
  const sweeps = [
    every("readiness", lookEveryMs, () => lookAround(app, board)),
    every("forge", durationMs(settings.sweeps.forge), async () => (await app.sweepForge()).length),
    every("release", durationMs(settings.sweeps.release), async () => {
      // While the forge is away scans wait; a queue of them would stand before the scan of the next merge.
      const open = await app.runs.list({ flow: "release-scan", status: ["queued", "running", "waiting"], limit: 1 });
      if (open.length > 0) return 0;
      await app.runs.start(requestScan(settings.manifests.repository, `timer ${new Date().toISOString()}`, false));
      return 0;
    }),
    every("audit", auditEveryMs, () => startDueAudit(app)),
    every("deliveries", durationMs(settings.sweeps.deliveries), () => app.sweepDeliveries()),
    every("promotions", durationMs(settings.sweeps.promotions), () => app.promoteHeld()),
    every("statuses", durationMs(settings.sweeps.statuses), () => app.repairStatuses()),
    every("logs", cleanEveryMs, async () => {
      const pruned = await app.pruneLogs();
      if (pruned > 0) log.info({ pruned }, "logs that were kept long enough are removed");
      // Nothing was missed: that is what this sweep is for.
      return 0;
    }),
    every("keys", keysEveryMs, () => lookAtKeys(app, log)),
    every("runs", lookEveryMs, () => app.worker.sweep()),
    every("network", networkEveryMs, async () => {
      await app.network.demandClosed();
      return 0;
    }),
    every("engine", cleanEveryMs, async () => (await cleanEngine(app)).length),
  ];
  const running = sweeps.map((sweep) => sweep(stopping.signal, metrics, log));
  let stopped: Promise<void> | undefined;
  return {
    address,
    stop() {
      stopping.abort();
      stopped ??= stopParts(
        [
          { name: "the web server", stop: () => web.close(), patienceMs: 15_000 },
          app.stopWorker,
          { name: "looks around", stop: () => Promise.all(running) },
        ],
        log,
      );
      return stopped;
    },
  };
}

/** Before any build: rules do not outlive a reboot. What could not be closed is said here and refused at the first build. */
async function openNetwork(app: App, log: Log): Promise<void> {
  for (const { name, state, message, hint } of (await app.network.open()).findings) {
    if (state !== "ok") log.warn({ part: name, state, reason: message, hint }, "the build network needs a look");
  }
}

/** What users need to demand signatures; also written into the installation's directory by `flibs init`. */
export async function consumerFilesOf({ settings, gnupg, environment }: Pick<App, "settings" | "gnupg" | "environment">) {
  const stages = registryNames(settings).map(async (name) => ({
    stage: name,
    publicName: publicNamed(settings, name).publicName,
    lookaside: `${publicUrlOf(settings)}/lookaside/${name}`,
    keyring: await keyringOf(settings, gnupg, name),
    cosignKeys: cosignKeys({ settings, environment }, name).map((key) => key.publicPem),
  }));
  return consumerFiles(await Promise.all(stages));
}

async function lookAtKeys({ settings, gnupg, metrics }: App, log: Log): Promise<number> {
  for (const { registry, fingerprint, expiresAt, problem } of await watchKeys(gnupg, keysToWatch(settings), Date.now(), log)) {
    metrics.keyWatched(registry, fingerprint, problem === undefined ? expiresAt : 0);
  }
  return 0;
}

async function keyringOf(settings: Settings, gnupg: GnupgHome, registry: string): Promise<Uint8Array | undefined> {
  const fingerprints = keySetOf(settings, registry).openpgp.map((key) => key.fingerprint);
  return fingerprints.length === 0 ? undefined : await exportKeyring(gnupg, fingerprints);
}

/** At once, then again after each pause; a failure is told and tried again, since the next look may succeed. */
function every(name: string, pauseMs: number, sweep: () => Promise<number>) {
  return async (signal: AbortSignal, metrics: Metrics, log: Log): Promise<void> => {
    while (!signal.aborted) {
      try {
        const found = await sweep();
        metrics.sweepFound(name, found);
        if (found > 0) log.info({ sweep: name, found }, "sweep found something that was missed");
      } catch (error) {
        if (!signal.aborted) log.warn({ sweep: name, err: error }, "sweep failed, it will be tried again");
      }
      await delay(pauseMs, undefined, { signal, ref: false }).catch(() => {});
    }
  };
}

/** Asked of the database and not of this process's clock, so that a restart or another replica starts no further look. */
async function startDueAudit({ settings, store, runs }: App): Promise<number> {
  const every = { plainMs: durationMs(settings.sweeps.audit), deepMs: durationMs(settings.sweeps.deepAudit) };
  const due = dueAudit(await store.audits.listAudits({ whole: true, limit: 1000 }), new Date(), every);
  if (due === undefined) return 0;
  const open = await runs.list({ flow: "audit", status: ["queued", "running", "waiting"], limit: 1 });
  if (open.length === 0) await runs.start(requestAudit(settings.manifests.repository, due === "deep", `timer ${new Date().toISOString()}`));
  return 0;
}

/** Containers and tags of runs that have ended: what a crash left behind. Asked anew for each, since builds begin while this goes on. */
async function cleanEngine(app: App): Promise<readonly string[]> {
  return app.engines.cleanUp(async (key) => {
    const run = await app.runs.find(key.split("/")[0] ?? key);
    return run !== undefined && !isFinal(run.status);
  });
}

async function lookAround(app: App, board: ReadinessBoard): Promise<number> {
  const look = async (name: string, ask: () => Promise<unknown>) => {
    try {
      await ask();
      board.seen(name, true);
    } catch (error) {
      board.seen(name, false, error instanceof Error ? error.message : String(error));
    }
  };
  await look("database", () => app.runs.list({ limit: 1 }));
  await look("engine", async () => {
    for (const engine of app.engines.all) await engine.platforms();
  });
  for (const name of registryNames(app.settings)) {
    await look(name, () => app.registries.named(name).findManifest("flibs", "readiness"));
  }
  return 0;
}

/** The settings' own words for where things stand, for the first lines of the log. */
export function describeInstallation(settings: Settings): Record<string, unknown> {
  return {
    forge: settings.forge.kind,
    engines: settings.engines.map(({ name, host }) => `${name} ${host}`).join(", "),
    manifests: settings.manifests.repository,
    registries: registryNames(settings)
      .map((name) => `${name} ${registryOf(settings, name).endpoint}`)
      .join(", "),
  };
}
