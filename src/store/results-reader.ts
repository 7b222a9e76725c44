import { type RawBuilder, sql } from "kysely";
import { appError } from "../domain/errors.ts";
import { likePattern, type ResultsQuery } from "../gating/results-query.ts";
import type { ResultsReader } from "../gating/results-reader.ts";
import type { KnownResult } from "../gating/resultsdb.ts";
import { testcaseOf } from "../gating/testcase.ts";
import { type Database, jsonText } from "./connection.ts";
import { codeOf } from "./error-code.ts";
import { gate } from "./gate.ts";

interface Row {
  readonly id: number;
  readonly build: string;
  readonly suite: string;
  readonly outcome: KnownResult["outcome"];
  readonly message: string;
  readonly submitted_at: Date;
  readonly group_id: string;
  readonly data: KnownResult["data"];
}

const columns = sql`id, build, suite, outcome, result ->> 'message' as message, submitted_at, group_id, data`;
/** Without an item: of a stranger's pull request. */
const isShown = sql`item is not null`;

/** {@link ResultsReader} in PostgreSQL; the indexes are those of migration 17. */
export function resultsReader(database: Database): ResultsReader {
  const enter = gate(atOnce, () => appError("store.unavailable", "too many ask for results at once"));
  const ask: Ask = (question) => enter(() => askFor(database, question));
  return {
    async find(id) {
      if (!Number.isSafeInteger(id)) return undefined;
      const [row] = await ask<Row>(sql`select ${columns} from test_result where id = ${id} and ${isShown}`);
      return row && knownOf(row);
    },

    async list(query) {
      const direction = query.oldestFirst ? sql`asc` : sql`desc`;
      const read = async (among: RawBuilder<unknown>) => {
        const rows = await ask<Row>(
          sql`select ${columns} from ${matching(query, among)} as fitting
            order by submitted_at ${direction}, id ${direction} limit ${query.limit + 1} offset ${query.page * query.limit}`,
        );
        return { items: rows.slice(0, query.limit).map(knownOf), more: rows.length > query.limit };
      };
      if (query.data.length > 0 && !query.oldestFirst) {
        // What much fits, as an architecture, fits often enough among the newest: then the page is found without reading all that fits.
        const page = await read(newestResults);
        if (page.more) return page;
      }
      return await read(sql`test_result`);
    },

    async listLatest(query) {
      // Of few results the newest are found among all of them; else suite by suite, each from its newest on.
      const isNarrow = query.data.length > 0 || query.groups !== undefined || query.distinctOn.length > 0;
      const newest = isNarrow ? newestAmong(query) : newestOfEach(query);
      const rows = await ask<Row>(
        sql`select ${columns} from test_result where id in (${newest}) order by submitted_at desc, id desc limit ${query.limit}`,
      );
      return rows.map(knownOf);
    },

    async listSuites({ names, like, page, limit }) {
      const shown = sql`exists (select 1 from test_result where test_result.suite = known.suite and ${isShown})`;
      const narrow = [shown, ...(names === undefined ? [] : [sql`suite = any(${[...names]})`]), ...testcasesLike(like)];
      const rows = await ask<{ suite: string }>(
        sql`${allSuites} select suite from known where ${sql.join(narrow, sql` and `)} order by suite limit ${limit + 1} offset ${page * limit}`,
      );
      return { items: rows.slice(0, limit).map((row) => row.suite), more: rows.length > limit };
    },

    async listGroups({ uuids, page, limit }) {
      const only = uuids === undefined ? sql`true` : sql`group_id = any(${[...uuids]}::uuid[])`;
      const rows = await ask<{ uuid: string; build: string }>(
        sql`select group_id as uuid, build from test_result where ${isShown} and ${only}
          group by group_id, build order by max(id) desc limit ${limit + 1} offset ${page * limit}`,
      );
      return { items: rows.slice(0, limit), more: rows.length > limit };
    },
  };
}

type Ask = <T>(question: RawBuilder<unknown>) => Promise<readonly T[]>;

/** Anybody may ask, and some questions go through all results: they leave most connections to others, and none is asked for long. */
const atOnce = { running: 2, waiting: 20 };

async function askFor<T>(database: Database, question: RawBuilder<unknown>): Promise<readonly T[]> {
  try {
    return await database.transaction().execute(async (transaction) => {
      await sql`set local statement_timeout = 2000`.execute(transaction);
      return (await sql<T>`${question}`.execute(transaction)).rows;
    });
  } catch (error) {
    // PostgreSQL's query_canceled.
    if (codeOf(error) !== "57014") throw error;
    throw appError("store.unavailable", "the question takes too long; narrow it, as with since", { cause: error });
  }
}

const newestResults = sql`(select * from test_result where ${isShown} order by submitted_at desc, id desc limit 2000) as newest`;

/** From one name to the next in the index: there are few, however many results. */
const allSuites = sql`with recursive step (suite) as (
    select min(suite) from test_result
    union all select (select min(test_result.suite) from test_result where test_result.suite > step.suite) from step where step.suite is not null
  ), known as (select suite from step where suite is not null)`;

function newestOfEach(query: ResultsQuery): RawBuilder<unknown> {
  return sql`${allSuites} select newest.id from known cross join lateral (
    select id from ${matching(query)} as fitting where fitting.suite = known.suite order by submitted_at desc, id desc limit 1
  ) as newest`;
}

function newestAmong(query: ResultsQuery): RawBuilder<unknown> {
  const keys = [sql`suite`, ...query.distinctOn.map((key) => sql`data -> ${key}::text`)];
  return sql`select distinct on (place) id from (
    select id, submitted_at, jsonb_build_array(${sql.join(keys)}) as place from ${matching(query)} as fitting
  ) as placed order by place, submitted_at desc, id desc`;
}

/**
 * The rows that fit. Those that are found by their data are looked up first, whatever the planner thinks of how many they are: it knows nothing of what
 * is in JSON, and reading all rows from the newest on until enough fit is slow when few do.
 */
function matching(query: ResultsQuery, among: RawBuilder<unknown> = sql`test_result`): RawBuilder<unknown> {
  const byData = query.data.filter(({ key, like }) => !like && key !== "item");
  const rest = [
    isShown,
    ...(query.suites === undefined ? [] : [sql`suite = any(${[...query.suites]})`]),
    ...testcasesLike(query.testcasesLike),
    ...(query.outcomes === undefined ? [] : [sql`outcome = any(${[...query.outcomes]})`]),
    ...(query.groups === undefined ? [] : [sql`group_id = any(${[...query.groups]}::uuid[])`]),
    ...(query.since === undefined ? [] : [sql`submitted_at >= ${query.since}::timestamptz`]),
    ...(query.until === undefined ? [] : [sql`submitted_at <= ${query.until}::timestamptz`]),
    ...query.data.filter(({ key, like }) => !like && key === "item").map(({ values }) => sql`item = any(${[...values]})`),
    ...query.data.filter(({ like }) => like).map(({ key, values }) => dataLike(key, values)),
  ];
  const isNarrow = byData.length > 0 && rest.length === 1;
  const all = sql.join([...rest, ...byData.map(({ key, values }) => hasData(key, values))], sql` and `);
  return isNarrow ? sql`(select * from ${among} where ${all} offset 0)` : sql`(select * from ${among} where ${all})`;
}

function hasData(key: string, values: readonly string[]): RawBuilder<unknown> {
  const one = values.map((value) => sql`data @> ${jsonText({ [key]: [value] })}::jsonb`);
  return sql`(${sql.join(one, sql` or `)})`;
}

function dataLike(key: string, values: readonly string[]): RawBuilder<unknown> {
  const patterns = values.map(likePattern);
  const texts = sql`jsonb_array_elements_text(case when jsonb_typeof(data -> ${key}::text) = 'array' then data -> ${key}::text else '[]' end)`;
  return sql`exists (select 1 from ${texts} as one (value) where one.value like any(${patterns}))`;
}

function testcasesLike(patterns: readonly string[] | undefined): readonly RawBuilder<unknown>[] {
  return patterns === undefined ? [] : [sql`${testcaseOf("")} || suite like any(${patterns.map(likePattern)})`];
}

function knownOf(row: Row): KnownResult {
  const { id, build, suite, outcome, message, data } = row;
  return { id, build, suite, outcome, message, submittedAt: row.submitted_at.toISOString(), group: row.group_id, data };
}
