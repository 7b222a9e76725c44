import { sql } from "kysely";
import type { DestinationTags } from "../builds/destination-tags.ts";
import type { Database } from "./connection.ts";
import { unwrap } from "./transaction.ts";

/** {@link DestinationTags} in PostgreSQL. */
export function destinationTags(database: Database, now: () => Date): DestinationTags {
  return {
    async tagBuild(build, tag, transaction) {
      await unwrap(transaction)
        .insertInto("destination_tag")
        .values({ tag, build, tagged_at: now() })
        .onConflict((conflict) => conflict.columns(["tag", "build"]).doNothing())
        .execute();
    },

    async listTagged(tag, { latest }) {
      const rows = await database
        .selectFrom("destination_tag")
        .innerJoin("build", "build.id", "destination_tag.build")
        .select(["build.id", "build.repository", "build.requested_by", "destination_tag.tagged_at"])
        .select(["build.nvr_name", "build.nvr_version", "build.nvr_release"])
        .where("destination_tag.tag", "=", tag)
        .orderBy("build.seq", "desc")
        .execute();
      const tagged = rows.map((row) => ({
        ...{ tag, build: row.id, repository: row.repository, requestedBy: row.requested_by, taggedAt: row.tagged_at.toISOString() },
        nvr: { name: row.nvr_name ?? "", version: row.nvr_version ?? "", release: row.nvr_release ?? "" },
      }));
      if (!latest) return tagged;
      const seen = new Set<string>();
      return tagged.filter(({ nvr }) => !seen.has(nvr.name) && seen.add(nvr.name));
    },

    async listTags() {
      return await database
        .selectFrom("destination_tag")
        .select(["tag", sql<number>`count(*)::int`.as("builds")])
        .groupBy("tag")
        .orderBy("tag")
        .execute();
    },
  };
}
