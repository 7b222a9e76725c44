import { sql } from "kysely";
import { hourMs, namespaceOf, type ProposalPlaces, underWayMs } from "../promotion/proposal-places.ts";
import { type Database, lockName } from "./connection.ts";

/** {@link ProposalPlaces} in PostgreSQL; a lock makes those who ask at once take turns. */
export function proposalPlaces(database: Database, now: () => Date): ProposalPlaces {
  return {
    take: async ({ build, imageRepository, open, openPerNamespace, newPerHour }) =>
      await database.transaction().execute(async (transaction) => {
        await lockName(transaction, "flibs promotions");
        const ago = (ms: number) => new Date(now().getTime() - ms);
        await transaction
          .deleteFrom("promotion_opening")
          .where("at", "<", ago(24 * hourMs))
          .execute();
        const rows = await transaction.selectFrom("promotion_opening").selectAll().where("at", ">=", ago(hourMs)).execute();
        if (rows.some((row) => row.build === build)) return "free";
        if (rows.length >= newPerHour) return "hour-full";
        const namespace = namespaceOf(imageRepository);
        const underWay = rows.filter((row) => row.at >= ago(underWayMs) && namespaceOf(row.image_repository) === namespace);
        if (new Set([...open, ...underWay.map((row) => row.image_repository)]).size >= openPerNamespace) return "namespace-full";
        const values = { build, image_repository: imageRepository, at: now() };
        await transaction
          .insertInto("promotion_opening")
          .values(values)
          .onConflict((conflict) => conflict.column("build").doUpdateSet(values))
          .execute();
        return "free";
      }),

    async countTaken() {
      const since = new Date(now().getTime() - hourMs);
      const query = database.selectFrom("promotion_opening").select((row) => row.fn.countAll().as("count"));
      return Number((await query.where("at", ">=", since).executeTakeFirstOrThrow()).count);
    },

    async hold({ imageRepository, build, builtAt, why }) {
      const values = { build, built_at: new Date(builtAt), why, held_at: now() };
      await database
        .insertInto("held_promotion")
        .values({ image_repository: imageRepository, ...values, attempt: 1 })
        .onConflict((conflict) =>
          conflict
            .column("image_repository")
            .doUpdateSet({
              build: values.build,
              built_at: values.built_at,
              why,
              // Whoever waits longest is served first, whatever newer build takes its place.
              attempt: sql<number>`held_promotion.attempt + 1`,
            })
            .where("held_promotion.built_at", "<=", values.built_at),
        )
        .execute();
    },

    async forget(imageRepository, builtAt) {
      await database
        .deleteFrom("held_promotion")
        .where("image_repository", "=", imageRepository)
        .where("built_at", "<=", new Date(builtAt))
        .execute();
    },

    async listHeld() {
      const rows = await database.selectFrom("held_promotion").selectAll().orderBy("held_at").orderBy("image_repository").execute();
      return rows.map((row) => ({
        imageRepository: row.image_repository,
        build: row.build,
        builtAt: row.built_at.toISOString(),
        why: row.why,
        heldAt: row.held_at.toISOString(),
        attempt: row.attempt,
      }));
    },
  };
}
