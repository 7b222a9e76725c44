import { CompiledQuery, sql } from "kysely";
import { appError } from "../domain/errors.ts";
import type { Log } from "../log.ts";
import { type Database, lockName } from "./connection.ts";
import { statements as runs } from "./migrations/0001-runs.ts";
import { statements as builds } from "./migrations/0002-builds.ts";
import { statements as logs } from "./migrations/0003-logs.ts";
import { statements as inbox } from "./migrations/0004-inbox.ts";
import { statements as releases } from "./migrations/0005-releases.ts";
import { statements as installation } from "./migrations/0006-installation.ts";
import { statements as inboxStorage } from "./migrations/0007-inbox-storage.ts";
import { statements as approvals } from "./migrations/0008-approvals.ts";
import { statements as findings } from "./migrations/0009-findings.ts";
import { statements as deliveryPacks } from "./migrations/0010-delivery-packs.ts";
import { statements as buildOptions } from "./migrations/0011-build-options.ts";
import { statements as records } from "./migrations/0012-records.ts";
import { statements as turns } from "./migrations/0013-turns.ts";
import { statements as destinations } from "./migrations/0014-destinations.ts";
import { statements as audits } from "./migrations/0015-audits.ts";
import { statements as proposalPlaces } from "./migrations/0016-proposal-places.ts";
import { statements as testResults } from "./migrations/0017-test-results.ts";
import { statements as waivers } from "./migrations/0018-waivers.ts";
import { statements as logFences } from "./migrations/0019-log-fences.ts";

/** Forward only, never edited once released; a migration's number is its place in this list, counted from one. */
export const migrations = [
  { name: "runs", statements: runs },
  { name: "builds", statements: builds },
  { name: "logs", statements: logs },
  { name: "inbox", statements: inbox },
  { name: "releases", statements: releases },
  { name: "installation", statements: installation },
  { name: "inbox storage", statements: inboxStorage },
  { name: "approvals", statements: approvals },
  { name: "findings", statements: findings },
  { name: "delivery packs", statements: deliveryPacks },
  { name: "build options", statements: buildOptions },
  { name: "records", statements: records },
  { name: "turns", statements: turns },
  { name: "destinations", statements: destinations },
  { name: "audits", statements: audits },
  { name: "proposal places", statements: proposalPlaces },
  { name: "test results", statements: testResults },
  { name: "waivers", statements: waivers },
  { name: "log fences", statements: logFences },
];

/**
 * Brings the schema up to this release. Replicas that start together wait for each other; each migration is one transaction, so that a
 * crash leaves whole steps only. Throws `store.schema-newer` when a newer release has been here. Returns the names applied.
 */
export async function migrate(database: Database, openPatient: () => Database, log: Log): Promise<readonly string[]> {
  // Nearly every start finds a schema of this release: that is one look, not a transaction for each migration there ever was.
  if (await isCurrent(database)) return [];
  const patient = openPatient();
  try {
    return await applyAll(patient, log);
  } finally {
    await patient.destroy();
  }
}

async function applyAll(database: Database, log: Log): Promise<readonly string[]> {
  const applied: string[] = [];
  for (const [index, migration] of migrations.entries()) {
    const number = index + 1;
    const done = await database.transaction().execute(async (transaction) => {
      await lockName(transaction, "flibs migrations");
      const current = await findVersion(transaction);
      if (current > migrations.length) {
        throw appError("store.schema-newer", `the database has schema ${current}, this release knows up to ${migrations.length}`, {
          hint: "Start the newer release again, or restore the backup made before its upgrade.",
        });
      }
      if (current >= number) return false;
      for (const statement of migration.statements) await transaction.executeQuery(CompiledQuery.raw(statement));
      await sql`insert into migration (number, name) values (${number}, ${migration.name})`.execute(transaction);
      return true;
    });
    if (done) applied.push(migration.name);
  }
  if (applied.length > 0) log.info({ applied }, "database schema brought up to date");
  return applied;
}

async function isCurrent(database: Database): Promise<boolean> {
  const found = await sql<{ there: boolean }>`select to_regclass('migration') is not null as there`.execute(database);
  return found.rows[0]?.there === true && (await readVersion(database)) === migrations.length;
}

async function findVersion(database: Database): Promise<number> {
  await sql`create table if not exists migration (number integer primary key, name text not null, applied_at timestamptz not null default now())`.execute(
    database,
  );
  return await readVersion(database);
}

async function readVersion(database: Database): Promise<number> {
  const answer = await sql<{ number: number | null }>`select max(number) as number from migration`.execute(database);
  return answer.rows[0]?.number ?? 0;
}
