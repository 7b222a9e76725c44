import { promisify } from "node:util";
import { deflateRaw, inflateRaw } from "node:zlib";
import { type Insertable, type Selectable, sql } from "kysely";
import type { BuildPlan, SuiteResult } from "../builds/build-record.ts";
import type { PastResult, TestResults } from "../builds/test-results.ts";
import { isFlaky } from "../gating/flaky.ts";
import { groupOf, type ResultData } from "../gating/resultsdb-data.ts";
import type { TestOutcome } from "../gating/test-runner.ts";
import { type Database, jsonb, storableText } from "./connection.ts";
import type { TestArtifactTable, TestResultTable } from "./tables.ts";

const pack = promisify(deflateRaw);
const unpack = promisify(inflateRaw);
/** A page shows them all at once. */
const mostHistory = 500;

/** Artifacts that one statement of the sweep removes. */
const prunedAtOnce = 500;

type Named = Pick<Selectable<TestResultTable>, "id" | "build" | "suite" | "platform" | "run" | "digest" | "result">;
type Judged = Pick<Selectable<TestResultTable>, "build" | "suite" | "platform" | "digest" | "outcome">;

/** {@link TestResults} in PostgreSQL. */
export function testResults(database: Database, now: () => Date): TestResults {
  return {
    async saveArtifacts({ build, run, suite, platform, attempt }, artifacts) {
      const at = { build, run, suite, platform, attempt };
      const rows: Insertable<TestArtifactTable>[] = [];
      for (const { name, mediaType, content } of artifacts) {
        const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
        const packed = await pack(bytes);
        const smaller = packed.length < bytes.length;
        const stored = smaller ? { packing: "deflate" as const, content: packed } : { packing: "none" as const, content: bytes };
        rows.push({ ...at, name, media_type: mediaType, bytes: bytes.length, ...stored, saved_at: now() });
      }
      await database.transaction().execute(async (transaction) => {
        await transaction
          .deleteFrom("test_artifact")
          .where("build", "=", build)
          .where("run", "=", run)
          .where("suite", "=", suite)
          .where("platform", "=", platform)
          .where("attempt", "=", attempt)
          .execute();
        // One at a time: together they would be one statement of a hundred megabytes.
        for (const row of rows) await transaction.insertInto("test_artifact").values(row).execute();
      });
    },

    async artifactBytes({ build, run, suite, platform, attempt }) {
      const { bytes } = await database
        .selectFrom("test_artifact")
        .select((select) => select.fn.coalesce(select.fn.sum<string>("bytes"), sql<string>`0`).as("bytes"))
        .where("build", "=", build)
        .where(sql<boolean>`(run, suite, platform, attempt) <> (${run}, ${suite}, ${platform}, ${attempt})`)
        .executeTakeFirstOrThrow();
      return Number(bytes);
    },

    async listHistory(build) {
      const all = database.selectFrom("test_result").selectAll().where("build", "=", build);
      const rows = await all.orderBy("id", "desc").limit(mostHistory).execute();
      const isChance = flakyAmong(rows);
      return rows.map((row): PastResult => ({ ...resultOf(row, isChance(row)), id: row.id, run: row.run, latest: row.latest }));
    },

    async listArtifacts(build) {
      const rows = await joined(database)
        .select(["test_result.id as result", "test_artifact.name", "test_artifact.media_type", "test_artifact.bytes"])
        .where("test_artifact.build", "=", build)
        .orderBy("test_artifact.seq")
        .execute();
      return rows.map(({ result, name, media_type: mediaType, bytes }) => ({ result, name, mediaType, bytes }));
    },

    async findArtifact(build, result, name) {
      const row = await joined(database)
        .select(["test_artifact.name", "test_artifact.media_type", "test_artifact.packing", "test_artifact.content"])
        .where("test_artifact.build", "=", build)
        .where("test_result.id", "=", result)
        .where("test_artifact.name", "=", name)
        .executeTakeFirst();
      if (row === undefined) return undefined;
      const content = row.packing === "deflate" ? await unpack(row.content) : row.content;
      return { name: row.name, mediaType: row.media_type, content };
    },

    async pruneArtifacts(before) {
      for (let pruned = 0; ; ) {
        const old = database
          .selectFrom("test_artifact")
          .select("seq")
          .where("saved_at", "<", before)
          .orderBy("saved_at")
          .limit(prunedAtOnce);
        const { numDeletedRows } = await database.deleteFrom("test_artifact").where("seq", "in", old).executeTakeFirst();
        pruned += Number(numDeletedRows);
        if (Number(numDeletedRows) < prunedAtOnce) return pruned;
      }
    },
  };
}

/** Adds a row that counts in the place of the one before it; saved twice it is one. Returns its id. */
export async function saveResult(database: Database, build: string, result: SuiteResult, data: ResultData, now: Date): Promise<number> {
  const { id: _, flaky: __, ...kept } = result;
  const at = {
    build,
    suite: storableText(result.suite),
    platform: storableText(result.platform ?? ""),
    run: result.run ?? build,
    attempt: result.attempt ?? 1,
  };
  const values = {
    outcome: result.outcome,
    digest: result.digest ?? null,
    latest: true,
    submitted_at: result.finishedAt === undefined ? now : new Date(result.finishedAt),
    data: jsonb(data),
    result: jsonb(kept),
  };
  await database
    .updateTable("test_result")
    .set({ latest: false })
    .where("build", "=", build)
    .where("suite", "=", at.suite)
    .where("platform", "=", at.platform)
    .where("latest", "=", true)
    .execute();
  const { id } = await database
    .insertInto("test_result")
    .values({ ...at, ...values, group_id: groupOf(build) })
    .onConflict((conflict) => conflict.columns(["build", "suite", "platform", "run", "attempt"]).doUpdateSet(values))
    .returning("id")
    .executeTakeFirstOrThrow();
  return id;
}

/** What counts, by build; with the cases only when `whole`: some hundred builds in a list would be long. */
export async function readLatest(
  database: Database,
  builds: readonly string[],
  { whole }: { readonly whole: boolean },
): Promise<ReadonlyMap<string, readonly SuiteResult[]>> {
  const latest = new Map<string, SuiteResult[]>();
  const [rows, judged] = await Promise.all([
    database
      .selectFrom("test_result")
      .select(["id", "build", "suite", "platform", "run", "digest"])
      .select((whole ? sql<SuiteResult>`result` : sql<SuiteResult>`result || '{"cases": []}'`).as("result"))
      .where("build", "in", builds)
      .where("latest", "=", true)
      .orderBy("id")
      .execute(),
    database.selectFrom("test_result").select(["build", "suite", "platform", "digest", "outcome"]).where("build", "in", builds).execute(),
  ]);
  const isChance = flakyAmong(judged);
  for (const row of rows) latest.set(row.build, [...(latest.get(row.build) ?? []), resultOf(row, isChance(row))]);
  return latest;
}

/** Suites as they stand in the plan, of each its platforms as they do; what is not in the plan comes last. */
export function inPlanOrder(plan: BuildPlan | undefined, results: readonly SuiteResult[]): readonly SuiteResult[] {
  const suites = (plan?.suites ?? []).map((suite) => suite.name);
  const platforms = plan?.platforms ?? [];
  const place = (list: readonly string[], name: string | undefined) => {
    const found = name === undefined ? -1 : list.indexOf(name);
    return found < 0 ? list.length : found;
  };
  return results.toSorted(
    (a, b) => place(suites, a.suite) - place(suites, b.suite) || place(platforms, a.platform) - place(platforms, b.platform),
  );
}

function resultOf({ id, build, run, result }: Named, flaky: boolean): SuiteResult {
  return { ...result, id, ...(run === build ? {} : { run }), ...(flaky ? { flaky } : {}) };
}

/** Of one build's one suite on one platform against one digest. */
function flakyAmong(rows: readonly Judged[]): (row: Omit<Judged, "outcome">) => boolean {
  const key = (row: Omit<Judged, "outcome">) => JSON.stringify([row.build, row.suite, row.platform, row.digest]);
  const outcomes = new Map<string, TestOutcome[]>();
  for (const row of rows) outcomes.set(key(row), [...(outcomes.get(key(row)) ?? []), row.outcome]);
  return (row) => isFlaky(outcomes.get(key(row)) ?? []);
}

function joined(database: Database) {
  return database
    .selectFrom("test_artifact")
    .innerJoin("test_result", (join) =>
      join
        .onRef("test_result.build", "=", "test_artifact.build")
        .onRef("test_result.run", "=", "test_artifact.run")
        .onRef("test_result.suite", "=", "test_artifact.suite")
        .onRef("test_result.platform", "=", "test_artifact.platform")
        .onRef("test_result.attempt", "=", "test_artifact.attempt"),
    );
}
