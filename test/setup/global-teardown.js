import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Stops the PostgreSQL of this run, if a test started it, and removes it. */
export default async function globalTeardown() {
  const directory = process.env.FLIBS_TEST_POSTGRES;
  if (directory !== undefined) await removeTestPostgres(directory);
}

export async function removeTestPostgres(directory) {
  if (existsSync(join(directory, "password")) || existsSync(join(directory, "location"))) {
    const { removeEmbeddedPostgres } = await import("../../src/store/embedded-postgres.ts");
    await removeEmbeddedPostgres(directory);
  }
  rmSync(directory, { recursive: true, force: true });
}
