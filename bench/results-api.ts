/**
 * The API of results over 100,000 results in a database of tests: the questions that Greenwave and people ask, the slowest of some, twenty times each.
 * Milliseconds, from the query to the rows, in one connection of a warm database.
 */
import pg from "pg";
import { parseResultsQuery } from "../src/gating/results-query.ts";
import { testDatabase } from "../test/support/database.ts";

const results = 100_000;
const perBuild = 20;
const rounds = 20;

await using database = await testDatabase();
const store = await database.open();
const client = new pg.Client({ connectionString: database.url });
await client.connect();
await client.query(
  `insert into build (id, forge, repository, branch, commit, scratch, requested_by, state)
   select 'b' || n, 'local', 'containers/app' || n % 500, 'f42', repeat('c', 40), false, 'alice', 'complete' from generate_series(1, $1) as n`,
  [results / perBuild],
);
await client.query(
  `insert into test_result (build, suite, platform, run, attempt, outcome, latest, submitted_at, group_id, data, result)
   select 'b' || build, 'suite-' || n % 10, case when n % 20 < 10 then 'linux/amd64' else 'linux/arm64' end, 'b' || build, 1,
     case when n % 97 = 0 then 'fail' when n % 1999 = 0 then 'error' else 'pass' end, true, now() - n * interval '1 minute', md5(build::text)::uuid,
     jsonb_build_object('item', jsonb_build_array('app' || build % 500 || '-1-' || build), 'type', jsonb_build_array('koji_build'),
       'nvr', jsonb_build_array('app' || build % 500 || '-1-' || build), 'digest', jsonb_build_array('sha256:' || md5(build::text) || md5(build::text)),
       'full_names', jsonb_build_array('c.test/app' || build % 500 || ':1-' || build),
       'system_architecture', jsonb_build_array(case when n % 20 < 10 then 'x86_64' else 'aarch64' end), 'scratch', jsonb_build_array('False')),
     jsonb_build_object('suite', 'suite-' || n % 10, 'outcome', 'pass', 'message', 'ok', 'durationMs', 1, 'cases', '[]'::jsonb)
   from (select n, 1 + (n - 1) / $2::int as build from generate_series(1, $1::int) as n) as made`,
  [results, perBuild],
);
await client.query("analyze");
await client.end();

const questions = [
  ["newest", ""],
  ["one image, a test case", "item=app7-1-4007&type=koji_build&testcases=flibs.suite-3"],
  ["by digest", `digest=sha256:${"0".repeat(64)}`],
  ["a test case", "testcases=flibs.suite-3"],
  ["rare outcome", "outcome=ERROR"],
  ["rare outcome of an architecture", "outcome=ERROR&system_architecture=aarch64"],
  ["an architecture", "system_architecture=aarch64"],
  ["pattern that nothing fits", "nvr:like=nothing*"],
  ["a day", "since=2020-01-01&_sort=asc:submit_time"],
  ["page 1000", "page=1000"],
] as const;
for (const [name, text] of questions) print(name, await worst((query) => store.results.list(query), text));
print("latest of each test case of an image", await worst((query) => store.results.listLatest(query), "item=app7-1-4007"));
print("latest of each test case", await worst((query) => store.results.listLatest(query), ""));
print("test cases", await worst((query) => store.results.listSuites(query), ""));

async function worst(ask: (query: Parameters<typeof store.results.list>[0]) => Promise<unknown>, text: string): Promise<number> {
  const parsed = parseResultsQuery(new URLSearchParams(text));
  if ("message" in parsed) throw new Error(parsed.message);
  let most = 0;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await ask(parsed.query);
    // The first two load plans and pages.
    if (round >= 2) most = Math.max(most, performance.now() - start);
  }
  return most;
}

function print(name: string, ms: number): void {
  process.stdout.write(`results API, ${results} results, ${name}: ${ms.toFixed(1)} ms at most\n`);
}
