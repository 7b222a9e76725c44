import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Only names the directory of the run's PostgreSQL: jest's workers inherit the variable, the first test that needs a database starts the
 * server, the others find it running. A run without such a test starts none.
 */
export default function globalSetup() {
  process.env.FLIBS_TEST_POSTGRES = mkdtempSync(join(tmpdir(), "flibs-test-postgres-"));
}
