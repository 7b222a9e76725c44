import { existsSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeTestPostgres } from "./global-teardown.js";

/**
 * Only names the directory of the run's PostgreSQL: jest's workers inherit the variable, the first test that needs a database starts the
 * server, the others find it running. A run without such a test starts none. What killed runs have left behind is removed.
 */
export default async function globalSetup() {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = /^flibs-test-postgres-(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid)) && existsSync(join(tmpdir(), name))) await removeTestPostgres(join(tmpdir(), name));
  }
  // Every process of flibs that a test starts reads the same sources.
  process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, "../../node_modules/.cache/flibs-tests");
  process.env.FLIBS_TEST_POSTGRES = mkdtempSync(join(tmpdir(), `flibs-test-postgres-${process.pid}-`));
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
