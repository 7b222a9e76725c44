import { mkdirSync } from "node:fs";
import { type App, openApp } from "./app.ts";
import type { Settings } from "./config.ts";
import { databaseUrlOf, findDatabase, postgresDirectory } from "./installation-database.ts";
import { type Log, silentLog } from "./log.ts";
import type { Service } from "./serve.ts";
import { type Part, stopParts } from "./stopping.ts";
import { startEmbeddedPostgres } from "./store/embedded-postgres.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface RunningInstallation {
  readonly app: App;
  readonly service: Service;
  /** Hands running work over, then ends everything that was started here; may be called twice. */
  stop(): Promise<void>;
}

/** The whole service of an installation: its own PostgreSQL when the settings name none, workers, sweeps, web server. */
export async function runInstallation(settings: Settings, environment: Environment, log: Log): Promise<RunningInstallation> {
  mkdirSync(settings.stateDirectory, { recursive: true, mode: 0o700 });
  const url = databaseUrlOf(settings, environment);
  const own = url === undefined ? await startEmbeddedPostgres({ directory: postgresDirectory(settings), log }) : undefined;
  // The first to stop is the last here; each has limits of its own.
  const parts: Part[] = own ? [{ name: "PostgreSQL", stop: () => own.stop(), patienceMs: 70_000 }] : [];
  const stopAll = () => stopParts(parts.splice(0).reverse(), log);
  try {
    const app = await openApp(settings, { log, environment, databaseUrl: url ?? own?.url ?? "" });
    parts.push({ name: "the installation", stop: () => app.close(), patienceMs: 120_000 });
    // The web server and its packages are for the service only; commands open the same app and need not wait for them.
    const { startService } = await import("./serve.ts");
    const service = await startService(app, log);
    parts.push({ name: "the service", stop: () => service.stop(), patienceMs: 120_000 });
    let stopped: Promise<void> | undefined;
    return {
      app,
      service,
      stop() {
        stopped ??= stopAll();
        return stopped;
      },
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/** The service's installation for a command that looks at all of it. Throws `cli.not-running`. */
export async function openBesideService(settings: Settings, environment: Environment): Promise<App> {
  return openApp(settings, { log: silentLog, environment, databaseUrl: await findDatabase(settings, environment) });
}

/** The same database whether or not the service runs: to leave something for it there. Its own PostgreSQL runs for as long as that takes. */
export async function openForService(settings: Settings, environment: Environment): Promise<{ readonly app: App; close(): Promise<void> }> {
  const url = databaseUrlOf(settings, environment);
  const own = url === undefined ? await startEmbeddedPostgres({ directory: postgresDirectory(settings), log: silentLog }) : undefined;
  try {
    const app = await openApp(settings, { log: silentLog, environment, databaseUrl: url ?? own?.url ?? "" });
    const close = async () => {
      try {
        await app.close();
      } finally {
        await own?.stop();
      }
    };
    return { app, close };
  } catch (error) {
    await own?.stop();
    throw error;
  }
}
