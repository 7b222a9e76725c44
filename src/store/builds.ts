import { sql } from "kysely";
import type { BuildFilter, BuildOptions, BuildRecord, BuildStore } from "../builds/build-record.ts";
import { appError } from "../domain/errors.ts";
import type { Nvr } from "../domain/nvr.ts";
import { assembleBuild, findRows, listedColumns, type Row, type WholeRow } from "./build-rows.ts";
import { type Database, jsonb, lockName, storableText } from "./connection.ts";
import { packDocument, unpackDocument } from "./documents.ts";
import { saveResult } from "./test-results.ts";
import { unwrap } from "./transaction.ts";

/** {@link BuildStore} in PostgreSQL. */
export function buildStore(database: Database, now: () => Date): BuildStore {
  return {
    async create(id, request, transaction) {
      await unwrap(transaction)
        .insertInto("build")
        .values({
          id,
          forge: request.forge,
          repository: request.repository,
          branch: request.branch,
          commit: request.commit,
          scratch: request.scratch,
          requested_by: storableText(request.requestedBy),
          pull: request.pull ?? null,
          stranger: request.stranger === undefined ? null : jsonb(request.stranger),
          architectures: request.architectures === undefined ? null : jsonb(request.architectures),
          options: jsonb(optionsOf(request)),
          created_at: now(),
        } as never)
        .onConflict((conflict) => conflict.column("id").doNothing())
        .execute();
    },

    async reserveNvr(id, { name, version, imageRepository }, choose, transaction) {
      const own = unwrap(transaction);
      // One at a time for each name or image and version; who waited sees what the others have taken. The unique index is the second guard.
      for (const lock of [`nvr ${name} ${version}`, `tag ${imageRepository} ${version}`].sort()) await lockName(own, lock);
      const reserved = await own
        .selectFrom("build")
        .select(["nvr_name", "nvr_version", "nvr_release"])
        .where("id", "=", id)
        .executeTakeFirst();
      const before = reserved && nvrOf(reserved);
      if (before) return before;
      const rows = await own
        .selectFrom("build")
        .select(["id", "nvr_name", "nvr_release"])
        .where("nvr_version", "=", version)
        .where("state", "in", ["building", "complete"])
        .where((where) => where.or([where("nvr_name", "=", name), where("image_repository", "=", imageRepository)]))
        .orderBy("seq", "desc")
        .execute();
      const taken = rows.map((row) => ({ build: row.id, name: row.nvr_name ?? "", release: row.nvr_release ?? "" }));
      const release = choose(taken);
      if (taken.some((one) => one.release === release)) {
        throw appError("store.nvr-taken", `${name}-${version}-${release} is taken by another build`, {
          hint: "Raise the version or the release label, or leave the release label out.",
        });
      }
      const taking = { nvr_name: name, nvr_version: version, nvr_release: release, image_repository: imageRepository };
      await own.updateTable("build").set(taking).where("id", "=", id).execute();
      return { name, version, release };
    },

    async findHeldTags(id, imageRepository, tags, transaction) {
      const rows = await unwrap(transaction)
        .selectFrom("build")
        .select(["unique_tag", "state", "nvr_version", "nvr_release"])
        .where("id", "<>", id)
        .where("image_repository", "=", imageRepository)
        .where((where) => where.or([where("unique_tag", "in", tags), where(sql<string>`nvr_version || '-' || nvr_release`, "in", tags)]))
        .execute();
      const held = rows.flatMap(({ unique_tag, state, nvr_version, nvr_release }) => {
        const stands = state === "building" || state === "complete";
        return [unique_tag, stands ? `${nvr_version}-${nvr_release}` : null];
      });
      return tags.filter((tag) => held.includes(tag));
    },

    async findOwners(component, imageRepository, transaction) {
      const own = unwrap(transaction);
      // In one order, so that two builds that name each other's cannot wait for each other.
      for (const name of [`component ${component}`, `image ${imageRepository}`].sort()) await lockName(own, name);
      // Asked one by one: whoever built one of the names first has no right to the other one.
      const first = async (column: "nvr_name" | "image_repository", name: string) =>
        await own
          .selectFrom("build")
          .select("repository")
          .where("scratch", "=", false)
          .where("state", "in", ["building", "complete"])
          .where(column, "=", name)
          .orderBy("seq")
          .limit(1)
          .executeTakeFirst();
      const ofComponent = (await first("nvr_name", component))?.repository;
      const ofImage = (await first("image_repository", imageRepository))?.repository;
      return {
        ...(ofComponent === undefined ? {} : { component: ofComponent }),
        ...(ofImage === undefined ? {} : { image: ofImage }),
      };
    },

    async saveFindings(id, findings, transaction) {
      await unwrap(transaction)
        .updateTable("build")
        .set({ findings: jsonb(findings) })
        .where("id", "=", id)
        .execute();
    },

    async savePlan(id, plan, transaction) {
      await unwrap(transaction)
        .updateTable("build")
        .set({ plan: jsonb(plan), image_repository: plan.imageRepository, unique_tag: plan.uniqueTag })
        .where("id", "=", id)
        .execute();
    },

    async saveImage(id, image, transaction) {
      const { rpms, parts, ...rest } = image;
      const values = { image: jsonb(rest), rpms: jsonb(rpms), parts: parts === undefined ? null : jsonb(parts) };
      await unwrap(transaction)
        .insertInto("build_image")
        .values({ build: id, platform: image.platform, ...values })
        .onConflict((conflict) => conflict.columns(["build", "platform"]).doUpdateSet(values))
        .execute();
    },

    saveTest: (id, result, transaction, data) => saveResult(unwrap(transaction), id, result, data ?? {}, now()),

    async saveDocuments(id, documents) {
      const rows = await Promise.all(documents.map((document) => packDocument(id, document)));
      await database.transaction().execute(async (transaction) => {
        const names = documents.map(({ name }) => name);
        // Replaced as a whole, so that their order is that of the last time.
        if (names.length === 0) return;
        await transaction.deleteFrom("build_document").where("build", "=", id).where("name", "in", names).execute();
        await transaction
          .insertInto("build_document")
          .values(rows as never)
          .execute();
      });
    },

    async listDocuments(id) {
      const rows = await database
        .selectFrom("build_document")
        .select(["name", "media_type", "bytes"])
        .where("build", "=", id)
        .orderBy("seq")
        .execute();
      return rows.map((row) => ({ name: row.name, mediaType: row.media_type, bytes: row.bytes }));
    },

    async findDocument(id, name) {
      const row = await database
        .selectFrom("build_document")
        .selectAll()
        .where("build", "=", id)
        .where("name", "=", name)
        .executeTakeFirst();
      return row && (await unpackDocument(row));
    },

    async complete(id, digest, transaction) {
      await unwrap(transaction)
        .updateTable("build")
        .set({ state: "complete", digest, finished_at: now() })
        .where("id", "=", id)
        .where("state", "=", "building")
        .execute();
    },

    async savePromotion(id, promotion, transaction) {
      await unwrap(transaction)
        .updateTable("build")
        .set({ promotion: jsonb(promotion) })
        .where("id", "=", id)
        .execute();
    },

    async fail(id, state, error, transaction) {
      await unwrap(transaction)
        .updateTable("build")
        .set({ state, error: jsonb(error), finished_at: now() })
        .where("id", "=", id)
        .where("state", "=", "building")
        .execute();
    },

    async find(id) {
      const row = await database.selectFrom("build").selectAll().where("id", "=", id).executeTakeFirst();
      return row && (await withParts(database, row));
    },

    async findByNvr(nvr) {
      const row = await database
        .selectFrom("build")
        .selectAll()
        .where("nvr_name", "=", nvr.name)
        .where("nvr_version", "=", nvr.version)
        .where("nvr_release", "=", nvr.release)
        // A failed build keeps its NVR for the record; the one that holds it now comes first.
        .orderBy(sql`state in ('building', 'complete')`, "desc")
        .orderBy("seq", "desc")
        .limit(1)
        .executeTakeFirst();
      return row && (await withParts(database, row));
    },

    async findByDigest(digest) {
      const row = await database
        .selectFrom("build")
        .selectAll()
        .where("digest", "=", digest)
        .where("state", "=", "complete")
        .orderBy("seq", "desc")
        .limit(1)
        .executeTakeFirst();
      return row && (await withParts(database, row));
    },

    async findNewest({ repository, branch }) {
      const row = await database
        .selectFrom("build")
        .select("id")
        .where("repository", "=", repository)
        .where("branch", "=", branch)
        .where("state", "=", "complete")
        .where("scratch", "=", false)
        .where(sql<boolean>`options ->> 'isolated' is distinct from 'true'`)
        .orderBy("seq", "desc")
        .limit(1)
        .executeTakeFirst();
      return row?.id;
    },

    list: (filter) => listBuilds(database, filter),
  };
}

async function listBuilds(database: Database, filter: BuildFilter): Promise<readonly BuildRecord[]> {
  let query = database.selectFrom("build").select(listedColumns).orderBy("seq", "desc").limit(filter.limit);
  if (filter.repository !== undefined) query = query.where("repository", "=", filter.repository);
  if (filter.state !== undefined) query = query.where("state", "=", filter.state);
  if (filter.imageRepository !== undefined) query = query.where("image_repository", "=", filter.imageRepository);
  const rows = await query.execute();
  const parts = await findRows(
    database,
    rows.map((row) => row.id),
    { whole: false },
  );
  return rows.map((row) => assembleBuild(row, parts));
}

async function withParts(database: Database, row: WholeRow): Promise<BuildRecord> {
  return assembleBuild(row, await findRows(database, [row.id], { whole: true }));
}

function optionsOf({ isolated, release, yumRepositories, parentBuild, target, userdata }: BuildOptions): BuildOptions {
  const given = { isolated, release, yumRepositories, parentBuild, target, userdata };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function nvrOf(row: Pick<Row, "nvr_name" | "nvr_version" | "nvr_release">): Nvr | undefined {
  if (row.nvr_name === null || row.nvr_version === null || row.nvr_release === null) return undefined;
  return { name: row.nvr_name, version: row.nvr_version, release: row.nvr_release };
}
