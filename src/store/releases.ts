import type { Selectable } from "kysely";
import type { Digest } from "../domain/digest.ts";
import { type ReconciledFile, type ReleaseStore, reconciledKey } from "../promotion/release-store.ts";
import { type Database, jsonb } from "./connection.ts";
import type { ReconciledTable } from "./tables.ts";
import { unwrap } from "./transaction.ts";

/** {@link ReleaseStore} in PostgreSQL. */
export function releaseStore(database: Database): ReleaseStore {
  return {
    async listReconciled(repository) {
      const rows = await database.selectFrom("reconciled").selectAll().where("repository", "=", repository).execute();
      const files = rows.map((row): [string, ReconciledFile] => [reconciledKey(row.registry, row.path), assembleReconciled(row)]);
      return new Map(files);
    },

    async findReconciled(repository, registry, path) {
      const query = database.selectFrom("reconciled").selectAll();
      const row = await query
        .where("repository", "=", repository)
        .where("registry", "=", registry)
        .where("path", "=", path)
        .executeTakeFirst();
      return row && assembleReconciled(row);
    },

    async reopen(repository, registry, path, begun, transaction) {
      await unwrap(transaction)
        .updateTable("reconciled")
        .set({ blob: "" })
        .where("repository", "=", repository)
        .where("registry", "=", registry)
        .where("path", "=", path)
        .where((or) => or.or([or("blob", "!=", begun.blob), or("policy_blob", "!=", begun.policyBlob)]))
        .execute();
    },

    async saveReconciled(repository, registry, path, file, transaction) {
      const values = { blob: file.blob, policy_blob: file.policyBlob, commit: file.commit, at: file.at };
      await unwrap(transaction)
        .insertInto("reconciled")
        .values({ repository, registry, path, ...values })
        .onConflict((conflict) => conflict.columns(["repository", "registry", "path"]).doUpdateSet(values))
        .execute();
    },

    async saveReport(report, transaction) {
      await unwrap(transaction)
        .insertInto("release_report")
        .values({ run: report.run, image_repository: report.imageRepository, report: jsonb(report) })
        .onConflict((conflict) => conflict.columns(["run", "image_repository"]).doUpdateSet({ report: jsonb(report) }))
        .execute();
    },

    async listAcceptedDrift(registry, imageRepository) {
      const query = database.selectFrom("accepted_drift").selectAll();
      const rows = await query
        .where("registry", "=", registry)
        .where("image_repository", "=", imageRepository)
        .orderBy("accepted_at")
        .execute();
      return rows.map(({ tag, digest, accepted_by: by }) => ({ registry, imageRepository, tag, digest: digest as Digest, by }));
    },

    async saveAcceptedDrift({ registry, imageRepository, tag, digest, by }) {
      await database
        .insertInto("accepted_drift")
        .values({ registry, image_repository: imageRepository, tag, digest, accepted_by: by })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    },

    async listReports(filter) {
      let query = database.selectFrom("release_report").select("report").orderBy("seq", "desc").limit(filter.limit);
      if (filter.imageRepository !== undefined) query = query.where("image_repository", "=", filter.imageRepository);
      return (await query.execute()).map((row) => row.report);
    },
  };
}

function assembleReconciled(row: Selectable<ReconciledTable>): ReconciledFile {
  return { blob: row.blob, policyBlob: row.policy_blob, commit: row.commit, at: row.at };
}
