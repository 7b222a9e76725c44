import { type Selectable, sql } from "kysely";
import type { AuditState } from "../promotion/audit-states.ts";
import type { AuditFinding, AuditStore } from "../promotion/audit-store.ts";
import { type Database, jsonb } from "./connection.ts";
import type { AuditFindingTable } from "./tables.ts";
import { unwrap } from "./transaction.ts";

const rowsAtOnce = 500;
/** Older walks are of no use to anybody. */
const auditsKept = 1000;

/** {@link AuditStore} in PostgreSQL. */
export function auditStore(database: Database): AuditStore {
  return {
    async saveFindings({ registry, imageRepository }, findings, { at, pending }) {
      await database.transaction().execute(async (transaction) => {
        // One statement may not touch a row twice.
        const lines = [...new Map(findings.map((line) => [`${line.tag} ${line.digest} ${line.state}`, line])).values()];
        for (let first = 0; first < lines.length; first += rowsAtOnce) {
          const rows = lines.slice(first, first + rowsAtOnce).map(({ tag, digest, state, message }) => ({
            ...{ registry, tag, digest, state, message, pending },
            image_repository: imageRepository,
            first_seen_at: new Date(at),
            seen_at: new Date(at),
          }));
          await transaction
            .insertInto("audit_finding")
            .values(rows)
            .onConflict((conflict) =>
              conflict.columns(["registry", "image_repository", "tag", "digest", "state"]).doUpdateSet((row) => ({
                message: row.ref("excluded.message"),
                pending: row.ref("excluded.pending"),
                seen_at: row.ref("excluded.seen_at"),
              })),
            )
            .execute();
        }
        await transaction
          .deleteFrom("audit_finding")
          .where("registry", "=", registry)
          .where("image_repository", "=", imageRepository)
          .where("seen_at", "<>", new Date(at))
          .execute();
      });
    },

    async listPlaces() {
      const rows = await database.selectFrom("audit_finding").select(["registry", "image_repository"]).distinct().execute();
      return rows.map((row) => ({ registry: row.registry, imageRepository: row.image_repository }));
    },

    async listFindings({ imageRepository, registry, untold, limit }) {
      let query = database
        .selectFrom("audit_finding")
        .selectAll()
        .orderBy(sql`pending or state = 'unmanaged'`)
        .orderBy("registry")
        .orderBy("image_repository")
        .orderBy("tag")
        .limit(limit);
      if (imageRepository !== undefined) query = query.where("image_repository", "=", imageRepository);
      if (registry !== undefined) query = query.where("registry", "=", registry);
      if (untold) query = query.where("told_at", "is", null).where("pending", "=", false);
      return (await query.execute()).map(toFinding);
    },

    async markTold(findings, at) {
      for (let first = 0; first < findings.length; first += rowsAtOnce) {
        const rows = findings.slice(first, first + rowsAtOnce);
        await database
          .updateTable("audit_finding")
          .set({ told_at: new Date(at) })
          .where((row) =>
            row.or(
              rows.map((one) =>
                row.and({
                  registry: one.registry,
                  image_repository: one.imageRepository,
                  tag: one.tag,
                  digest: one.digest,
                  state: one.state,
                }),
              ),
            ),
          )
          .execute();
      }
    },

    async saveAudit(audit, transaction) {
      const at = transaction === undefined ? database : unwrap(transaction);
      const values = { whole: audit.whole, finished_at: new Date(audit.finishedAt), audit: jsonb(audit) };
      await at
        .insertInto("audit")
        .values({ id: audit.id, ...values })
        .onConflict((conflict) => conflict.column("id").doUpdateSet(values))
        .execute();
      await at.deleteFrom("audit").where("seq", "<=", sql<number>`(select max(seq) from audit) - ${auditsKept}`).execute();
    },

    async listAudits({ whole, limit }) {
      let query = database.selectFrom("audit").select("audit").orderBy("seq", "desc").limit(limit);
      if (whole !== undefined) query = query.where("whole", "=", whole);
      return (await query.execute()).map((row) => row.audit);
    },
  };
}

function toFinding(row: Selectable<AuditFindingTable>): AuditFinding {
  const { registry, tag, digest, message, pending } = row;
  return {
    ...{ registry, tag, digest, message, pending },
    imageRepository: row.image_repository,
    state: row.state as AuditState,
    firstSeenAt: row.first_seen_at.toISOString(),
    seenAt: row.seen_at.toISOString(),
  };
}
