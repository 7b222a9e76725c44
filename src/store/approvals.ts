import type { ApprovalStore } from "../intake/approvals.ts";
import { type Database, storableText } from "./connection.ts";
import { unwrap } from "./transaction.ts";

/** {@link ApprovalStore} in PostgreSQL. */
export function approvalStore(database: Database, now: () => Date): ApprovalStore {
  return {
    async approve({ forge, repository, number, head, approvedBy }, transaction) {
      await unwrap(transaction)
        .insertInto("approval")
        .values({ forge, repository, number, head, approved_by: storableText(approvedBy), at: now() })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    },
    async findApproval(forge, repository, number, head) {
      const row = await database
        .selectFrom("approval")
        .selectAll()
        .where("forge", "=", forge)
        .where("repository", "=", repository)
        .where("number", "=", number)
        .where("head", "=", head)
        .executeTakeFirst();
      return row && { forge, repository, number, head, approvedBy: row.approved_by, at: row.at.toISOString() };
    },
  };
}
