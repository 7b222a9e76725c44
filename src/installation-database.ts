import { join } from "node:path";
import type { Settings } from "./config.ts";
import { readSecret } from "./config-load.ts";
import { appError } from "./domain/errors.ts";
import { connectEmbedded } from "./store/embedded-postgres.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The database that the service uses; without a service there is nobody who would do the work. Throws `cli.not-running`. */
export async function findDatabase(settings: Settings, environment: Environment): Promise<string> {
  const url = databaseUrlOf(settings, environment) ?? (await connectEmbedded(postgresDirectory(settings)));
  if (url !== undefined) return url;
  throw appError("cli.not-running", `flibs is not running on ${settings.stateDirectory}`, { hint: "Start it: flibs serve" });
}

/** That of the settings; undefined for an installation with a PostgreSQL of its own. */
export function databaseUrlOf(settings: Settings, environment: Environment): string | undefined {
  const { url } = settings.database;
  return url === undefined ? environment.DATABASE_URL || undefined : readSecret(url, environment);
}

/** Of an installation's own PostgreSQL. */
export function postgresDirectory(settings: Settings): string {
  return join(settings.stateDirectory, "postgres");
}
