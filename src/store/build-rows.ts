import type { Selectable } from "kysely";
import type { BuildRecord, BuiltImage, SuiteResult } from "../builds/build-record.ts";
import type { Digest } from "../domain/digest.ts";
import type { Database } from "./connection.ts";
import type { BuildImageTable, BuildTable } from "./tables.ts";
import { inPlanOrder, readLatest } from "./test-results.ts";

export type WholeRow = Selectable<BuildTable>;

/** As lists have it: findings may be long, and a list shows none. */
export type Row = Omit<WholeRow, "findings" | "unique_tag"> & { readonly findings?: WholeRow["findings"] };

export const listedColumns = [
  "id",
  "seq",
  "forge",
  "repository",
  "branch",
  "commit",
  "scratch",
  "requested_by",
  "pull",
  "stranger",
  "architectures",
  "options",
  "state",
  "nvr_name",
  "nvr_version",
  "nvr_release",
  "plan",
  "image_repository",
  "digest",
  "error",
  "promotion",
  "created_at",
  "finished_at",
] as const satisfies readonly (keyof Row)[];

interface Parts {
  readonly images: ReadonlyMap<string, readonly BuiltImage[]>;
  readonly tests: ReadonlyMap<string, readonly SuiteResult[]>;
}

/** Images and tests of some builds, two queries for all of them. RPM lists and configurations are big: lists of builds go without. */
export async function findRows(database: Database, ids: readonly string[], want: { readonly whole: boolean }): Promise<Parts> {
  const images = new Map<string, BuiltImage[]>();
  const tests = new Map<string, SuiteResult[]>();
  if (ids.length === 0) return { images, tests };
  const found = await database
    .selectFrom("build_image")
    .select(["build", "image"])
    .$if(want.whole, (query) => query.select(["rpms", "parts"]))
    .where("build", "in", ids)
    .orderBy("platform")
    .execute();
  for (const row of found) images.set(row.build, [...(images.get(row.build) ?? []), imageOf(row)]);
  for (const [build, results] of await readLatest(database, ids, want)) tests.set(build, [...results]);
  return { images, tests };
}

function imageOf({ image, rpms, parts }: Pick<BuildImageTable, "image"> & Partial<Pick<BuildImageTable, "rpms" | "parts">>): BuiltImage {
  return { ...image, rpms: rpms ?? [], ...(parts ? { parts } : {}) };
}

/** Rows to the record that rooms know; what is null in the table is absent in the record. */
export function assembleBuild(row: Row, parts: Parts): BuildRecord {
  const { nvr_name: name, nvr_version: version, nvr_release: release } = row;
  return {
    id: row.id,
    forge: row.forge,
    repository: row.repository,
    branch: row.branch,
    commit: row.commit,
    scratch: row.scratch,
    requestedBy: row.requested_by,
    ...(row.pull === null ? {} : { pull: row.pull }),
    ...(row.stranger ? { stranger: row.stranger } : {}),
    ...(row.architectures === null ? {} : { architectures: row.architectures }),
    ...(row.options ?? {}),
    state: row.state,
    ...(name === null || version === null || release === null ? {} : { nvr: { name, version, release } }),
    ...(row.findings ? { findings: row.findings } : {}),
    ...(row.plan === null ? {} : { plan: row.plan }),
    images: parts.images.get(row.id) ?? [],
    ...(row.digest === null ? {} : { digest: row.digest as Digest }),
    tests: inPlanOrder(row.plan ?? undefined, parts.tests.get(row.id) ?? []),
    ...(row.error === null ? {} : { error: row.error }),
    ...(row.promotion ? { promotion: row.promotion } : {}),
    createdAt: row.created_at.toISOString(),
    ...(row.finished_at === null ? {} : { finishedAt: row.finished_at.toISOString() }),
  };
}
