import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { InstalledRpm } from "../build-record.ts";
import { parseRpmHeader } from "../rpm-header.ts";
import { findRpmDatabase, type RpmList, type SqliteFiles, sortRpms } from "../rpm-list.ts";

const maxDatabaseBytes = 512 * 1024 * 1024;
const maxPackages = 20_000;
/** Largest header that is read; the kernel's is about 2 MiB. */
const maxHeaderBytes = 16 * 1024 * 1024;
/** All headers; a workstation's are about 60 MiB. */
const maxTotalBytes = 128 * 1024 * 1024;
/** What is kept of them, as JSON: it becomes an entry of the run's journal and a row of the build. 20,000 usual packages take 6 MiB. */
const maxKeptBytes = 8 * 1024 * 1024;
/**
 * The table as rpm makes it. Anything else under that name (a view over an endless query, a computed column of gigabytes) would make
 * SQLite work for the image's author.
 */
const tableSql =
  /^CREATE TABLE (?:'Packages'|"Packages"|Packages)\s*\(\s*hnum INTEGER PRIMARY KEY(?: AUTOINCREMENT)?\s*,\s*blob BLOB NOT NULL\s*\)$/i;

/** RPMs of an image out of its `rpmdb.sqlite`, without rpm. Never throws for what stands in the image. */
export async function readRpmDatabase(files: Readonly<Record<string, Uint8Array>>): Promise<RpmList> {
  const found = findRpmDatabase(files);
  if (found === undefined) return { rpms: [] };
  if ("problem" in found) return { rpms: [], problem: found.problem };
  if (found.main.length + (found.wal?.length ?? 0) > maxDatabaseBytes)
    return { rpms: [], problem: "the rpm database is larger than 512 MiB" };
  // A copy of our own: SQLite wants a file, and writes an index beside a write-ahead log.
  const directory = await mkdtemp(join(tmpdir(), "flibs-rpmdb-"));
  try {
    return await readSqlite(directory, found);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function readSqlite(directory: string, { main, wal }: SqliteFiles): Promise<RpmList> {
  const path = join(directory, "rpmdb.sqlite");
  await writeFile(path, main, { mode: 0o600 });
  if (wal !== undefined) await writeFile(`${path}-wal`, wal, { mode: 0o600 });
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { allowExtension: false, enableForeignKeyConstraints: false });
    database.exec("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA query_only = ON;");
    return readPackages(database);
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 200) : "unknown reason";
    return { rpms: [], problem: `the rpm database can't be read: ${why}` };
  } finally {
    database?.close();
  }
}

function readPackages(database: DatabaseSync): RpmList {
  const table = database.prepare("SELECT type, sql FROM sqlite_schema WHERE name = 'Packages' LIMIT 1").get();
  if (table?.type !== "table" || !tableSql.test(String(table.sql))) {
    return { rpms: [], problem: "the rpm database has no table Packages as rpm makes it" };
  }
  const rpms: InstalledRpm[] = [];
  let total = 0;
  let kept = 0;
  let unread = 0;
  let rows = 0;
  const query = database.prepare(
    `SELECT CASE WHEN length(blob) <= ${maxHeaderBytes} THEN blob END AS header FROM Packages LIMIT ${maxPackages + 1}`,
  );
  for (const { header } of query.iterate()) {
    rows += 1;
    if (rows > maxPackages) return { rpms: sortRpms(rpms), problem: `the rpm database has more than ${maxPackages} packages` };
    if (!(header instanceof Uint8Array)) {
      unread += 1;
      continue;
    }
    total += header.length;
    if (total > maxTotalBytes) return { rpms: sortRpms(rpms), problem: "the rpm database's headers are larger than 128 MiB together" };
    const rpm = parseRpmHeader(header);
    kept += rpm === undefined ? 0 : Buffer.byteLength(JSON.stringify(rpm));
    if (kept > maxKeptBytes)
      return { rpms: sortRpms(rpms), problem: "the names, versions and licenses in the rpm database are larger than 8 MiB together" };
    if (rpm !== undefined) rpms.push(rpm);
    else if (!Buffer.from(header.buffer, header.byteOffset, header.length).includes("gpg-pubkey")) unread += 1;
  }
  return { rpms: sortRpms(rpms), ...(unread === 0 ? {} : { problem: `${unread} packages of the rpm database can't be read` }) };
}
