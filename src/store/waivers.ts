import { type ExpressionBuilder, type Selectable, sql } from "kysely";
import type { Waiver, WaiverFilter, WaiverStore } from "../gating/waivers.ts";
import { type Database, storableText } from "./connection.ts";
import type { Tables, WaiverTable } from "./tables.ts";
import { unwrap } from "./transaction.ts";

const mostOfSubjects = 1000;

/** {@link WaiverStore} in PostgreSQL. */
export function waiverStore(database: Database, now: () => Date): WaiverStore {
  return {
    async add({ key, subject, testcase, username, productVersion, waived, comment, expiresAt }, transaction) {
      const values = {
        ...{ request_key: key, subject_type: subject.type, subject_identifier: subject.identifier, testcase, waived, at: now() },
        ...{ username: storableText(username), product_version: productVersion, comment: storableText(comment) },
        expires_at: expiresAt === undefined ? null : new Date(expiresAt),
      };
      const inserted = await unwrap(transaction)
        .insertInto("waiver")
        .values(values)
        .onConflict((conflict) => conflict.column("request_key").doNothing())
        .returning("id")
        .executeTakeFirst();
      if (inserted !== undefined) return inserted.id;
      const known = unwrap(transaction).selectFrom("waiver").select("id").where("request_key", "=", key);
      return (await known.executeTakeFirstOrThrow()).id;
    },

    async find(id) {
      if (!Number.isSafeInteger(id) || id < 1) return undefined;
      const row = await database.selectFrom("waiver").selectAll().where("id", "=", id).executeTakeFirst();
      return row && waiverOf(row);
    },

    async listOf(subjects) {
      if (subjects.length === 0) return [];
      const rows = await database
        .selectFrom("waiver")
        .selectAll()
        .where((one) =>
          one.or(
            subjects.map(({ type, identifier }) => one.and([one("subject_type", "=", type), one("subject_identifier", "=", identifier)])),
          ),
        )
        .orderBy("id", "desc")
        .limit(mostOfSubjects)
        .execute();
      return rows.map(waiverOf);
    },

    async list(filters, { obsolete, offset, limit }) {
      // Anybody may ask: no question takes long.
      return await database.transaction().execute(async (transaction) => {
        await sql`set local statement_timeout = 5000`.execute(transaction);
        let query = transaction.selectFrom("waiver");
        if (filters.length > 0) query = query.where((one) => one.or(filters.map((filter) => fits(one, filter))));
        if (!obsolete) query = query.where("id", "in", newestOfEach(transaction, filters));
        const rows = await query.selectAll().orderBy("id", "desc").offset(offset).limit(limit).execute();
        const isLast = rows.length < limit && (rows.length > 0 || offset === 0);
        if (isLast) return { waivers: rows.map(waiverOf), total: offset + rows.length };
        const { total } = await query.select(sql<number>`count(*)::int`.as("total")).executeTakeFirstOrThrow();
        return { waivers: rows.map(waiverOf), total };
      });
    },
  };
}

/** Of the filters what a group has in common: times would make an older one the newest. */
function newestOfEach(database: Database, filters: readonly WaiverFilter[]) {
  let query = database.selectFrom("waiver");
  const common = filters.map(({ since: _, until: __, ...rest }) => rest);
  if (common.length > 0) query = query.where((one) => one.or(common.map((filter) => fits(one, filter))));
  return query
    .select((one) => one.fn.max("id").as("id"))
    .groupBy(["subject_type", "subject_identifier", "testcase", "username", "product_version"]);
}

function fits(one: ExpressionBuilder<Tables, "waiver">, filter: WaiverFilter) {
  const { subjectType, subjectIdentifier, testcase, productVersion, username, since, until } = filter;
  return one.and([
    ...(subjectType === undefined ? [] : [one("subject_type", "=", subjectType)]),
    ...(subjectIdentifier === undefined ? [] : [one("subject_identifier", "=", subjectIdentifier)]),
    ...(testcase === undefined ? [] : [one("testcase", "=", testcase)]),
    ...(productVersion === undefined ? [] : [one("product_version", "=", productVersion)]),
    ...(username === undefined ? [] : [one("username", "=", username)]),
    ...(since === undefined ? [] : [one("at", ">=", new Date(since))]),
    ...(until === undefined ? [] : [one("at", "<=", new Date(until))]),
  ]);
}

function waiverOf(row: Selectable<WaiverTable>): Waiver {
  return {
    id: row.id,
    subject: { type: row.subject_type, identifier: row.subject_identifier },
    ...{ testcase: row.testcase, username: row.username, productVersion: row.product_version, waived: row.waived, comment: row.comment },
    timestamp: row.at.toISOString(),
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at.toISOString() }),
  };
}
