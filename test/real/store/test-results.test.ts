import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import type { BuildPlan, SuiteResult } from "../../../src/builds/build-record.ts";
import { parseResultsQuery } from "../../../src/gating/results-query.ts";
import { groupOf, type ResultData } from "../../../src/gating/resultsdb-data.ts";
import { silentLog } from "../../../src/log.ts";
import { migrations } from "../../../src/store/migrate.ts";
import { openStore, type Store } from "../../../src/store/store.ts";
import { testClock } from "../../support/clock.ts";
import { emptyDatabase, type TestDatabase, testDatabase } from "../../support/database.ts";

let database: TestDatabase;
let store: Store;
const clock = testClock();
let count = 0;

beforeAll(async () => {
  database = await testDatabase();
  store = await database.open(clock);
});
afterAll(() => database.drop());

const digest = (letter: string) => `sha256:${letter.repeat(64)}` as const;
const plan: BuildPlan = {
  ...{
    imageRepository: "f40/cockpit",
    platforms: ["linux/amd64", "linux/arm64"],
    parents: [],
    labels: {},
    uniqueTag: "u",
    floatingTags: [],
  },
  suites: ["smoke", "slow"].map((name) => ({ name, kind: "command", definition: {}, required: true })),
};

async function newBuild(): Promise<string> {
  const id = `b${++count}`;
  const request = {
    forge: "local",
    repository: "containers/cockpit",
    branch: "f40",
    commit: "c".repeat(40),
    scratch: false,
    requestedBy: "alice",
  };
  await store.transaction(async (transaction) => {
    await store.builds.create(id, request, transaction);
    await store.builds.savePlan(id, { ...plan, uniqueTag: id }, transaction);
  });
  return id;
}

const result = (changes: Partial<SuiteResult> = {}): SuiteResult => ({
  ...{ suite: "smoke", platform: "linux/amd64", digest: digest("a"), kind: "command", outcome: "pass", cases: [], message: "ok" },
  ...{ durationMs: 5, attempt: 1 },
  ...changes,
});
const save = (build: string, changes: Partial<SuiteResult> = {}, data?: ResultData) =>
  store.transaction((transaction) => store.builds.saveTest(build, result(changes), transaction, data));

describe("results of a build", () => {
  test("the last one of each suite and platform counts, in the plan's order; everything before stays in the history", async () => {
    const build = await newBuild();
    await save(build, { suite: "slow" });
    await save(build, { platform: "linux/arm64", outcome: "fail" });
    await save(build, { cases: [{ name: "a", outcome: "pass", message: "", durationMs: 1 }] });
    await save(build, { platform: "linux/arm64", outcome: "pass", run: "r2" });
    const record = await store.builds.find(build);
    expect(record?.tests.map((one) => [one.suite, one.platform, one.outcome, one.run, one.flaky])).toEqual([
      ["smoke", "linux/amd64", "pass", undefined, undefined],
      ["smoke", "linux/arm64", "pass", "r2", true],
      ["slow", "linux/amd64", "pass", undefined, undefined],
    ]);
    const history = await store.testResults.listHistory(build);
    expect(history.map((one) => [one.suite, one.platform, one.outcome, one.run, one.latest])).toEqual([
      ["smoke", "linux/arm64", "pass", "r2", true],
      ["smoke", "linux/amd64", "pass", build, true],
      ["smoke", "linux/arm64", "fail", build, false],
      ["slow", "linux/amd64", "pass", build, true],
    ]);
    expect((await store.builds.list({ limit: 1 }))[0]?.tests).toEqual(record?.tests.map((one) => ({ ...one, cases: [] })));
  });

  test("another digest is another image: what it did is no chance", async () => {
    const build = await newBuild();
    await save(build, { outcome: "fail" });
    await save(build, { outcome: "pass", digest: digest("b"), run: "r2" });
    expect((await store.builds.find(build))?.tests.map((one) => one.flaky)).toEqual([undefined]);
  });

  test("saved twice it is one, and a rolled back transaction leaves what counted before", async () => {
    const build = await newBuild();
    const first = await save(build, { outcome: "fail" });
    expect(await save(build, { outcome: "pass" })).toBe(first);
    await store
      .transaction(async (transaction) => {
        await store.builds.saveTest(build, result({ outcome: "error", run: "r2" }), transaction);
        throw new Error("killed");
      })
      .catch(() => {});
    expect((await store.builds.find(build))?.tests.map((one) => [one.id, one.outcome])).toEqual([[first, "pass"]]);
  });

  test("text that PostgreSQL cannot hold is mended", async () => {
    const build = await newBuild();
    await save(build, { message: "a\0b\ud800", cases: [{ name: "\0", outcome: "fail", message: "\ud800", durationMs: 1 }] });
    const [found] = (await store.builds.find(build))?.tests ?? [];
    expect([found?.message, found?.cases[0]?.name]).toEqual(["a\ufffdb\ufffd", "\ufffd"]);
  });
});

describe("artifacts", () => {
  const at = (build: string) => ({ build, run: build, suite: "smoke", platform: "linux/amd64", attempt: 1 });
  const text = (name: string, content: string) => ({ name, mediaType: "text/plain; charset=utf-8", content: Buffer.from(content) });

  test("come back byte for byte with the result that names them, and are replaced as a whole", async () => {
    const build = await newBuild();
    await store.testResults.saveArtifacts(at(build), [text("old", "x"), text("test.log", "old")]);
    await store.testResults.saveArtifacts(at(build), [
      text("test.log", "line\n".repeat(1000)),
      { name: "sub/core", mediaType: "application/octet-stream", content: new Uint8Array([0, 255, 1]) },
      text("empty", ""),
    ]);
    // A result that has not been saved has none: the step that makes it may have been killed.
    expect(await store.testResults.listArtifacts(build)).toEqual([]);
    const id = await save(build, { artifacts: ["test.log", "sub/core", "empty"] });
    expect(await store.testResults.listArtifacts(build)).toEqual([
      { result: id, name: "test.log", mediaType: "text/plain; charset=utf-8", bytes: 5000 },
      { result: id, name: "sub/core", mediaType: "application/octet-stream", bytes: 3 },
      { result: id, name: "empty", mediaType: "text/plain; charset=utf-8", bytes: 0 },
    ]);
    const found = await Promise.all(
      ["test.log", "sub/core", "empty", "old"].map((name) => store.testResults.findArtifact(build, id, name)),
    );
    expect(found.map((one) => one && Buffer.from(one.content).toString("latin1"))).toEqual([
      "line\n".repeat(1000),
      "\0\u00ff\u0001",
      "",
      undefined,
    ]);
    expect(await store.testResults.findArtifact("other", id, "test.log")).toBeUndefined();
    expect(await store.testResults.findArtifact(build, id + 1000, "test.log")).toBeUndefined();
  });

  test("are counted with those of all other tries of the build", async () => {
    const build = await newBuild();
    const first = at(build);
    const second = { ...first, attempt: 2 };
    expect(await store.testResults.artifactBytes(first)).toBe(0);
    await store.testResults.saveArtifacts(first, [text("a", "12345"), text("b", "678")]);
    await store.testResults.saveArtifacts(second, [text("a", "90")]);
    const others = [first, second, { ...first, platform: "linux/arm64" }];
    expect(await Promise.all(others.map((one) => store.testResults.artifactBytes(one)))).toEqual([2, 8, 10]);
  });

  test("when saving them fails in the middle, what was there stays whole", async () => {
    const build = await newBuild();
    await store.testResults.saveArtifacts(at(build), [text("a", "1"), text("b", "2")]);
    await expect(store.testResults.saveArtifacts(at(build), [text("c", "3"), text("nul\0", "4")])).rejects.toThrow();
    const id = await save(build);
    expect((await store.testResults.listArtifacts(build)).map((one) => one.name)).toEqual(["a", "b"]);
    expect(id).toBeGreaterThan(0);
  });

  test("are removed when they are old enough; the result stays and still names them", async () => {
    const build = await newBuild();
    await store.testResults.saveArtifacts(at(build), [text("test.log", "x")]);
    const id = await save(build, { artifacts: ["test.log"] });
    expect(await store.testResults.pruneArtifacts(new Date(Date.now() - 3_600_000))).toBe(0);
    expect(await store.testResults.pruneArtifacts(new Date(Date.now() + 1000))).toBeGreaterThan(0);
    expect(await store.testResults.findArtifact(build, id, "test.log")).toBeUndefined();
    expect((await store.builds.find(build))?.tests[0]?.artifacts).toEqual(["test.log"]);
  });
});

describe("the API of results", () => {
  const item = (n: number) => `httpd-container-2.4-${n}.f40container`;
  const ids: number[] = [];
  let builds: string[];
  const data = (n: number, architecture: string, more: ResultData = {}): ResultData => ({
    ...{
      item: [item(n)],
      type: ["koji_build"],
      digest: [digest("d")],
      nvr: [item(n)],
      system_architecture: [architecture],
      scratch: ["False"],
    },
    full_names: [`c.test/httpd:2.4-${n}`, "c.test/100%_sure"],
    ...more,
  });
  const find = async (query: string) => {
    const parsed = parseResultsQuery(new URLSearchParams(query));
    if ("message" in parsed) throw new Error(parsed.message);
    return (await store.results.list(parsed.query)).items.map((one) => ids.indexOf(one.id)).filter((one) => one >= 0);
  };

  beforeAll(async () => {
    builds = [await newBuild(), await newBuild(), await newBuild()];
    const add = async (build: number, changes: Partial<SuiteResult>, of: ResultData | undefined, hour: number) =>
      void ids.push(await save(builds[build] ?? "", { ...changes, finishedAt: `2036-11-24T0${hour}:00:00.000Z` }, of));
    await add(0, { suite: "api" }, data(1, "x86_64"), 1);
    await add(0, { suite: "api", platform: "linux/arm64", outcome: "fail" }, data(1, "aarch64"), 2);
    await add(1, { suite: "api-two", outcome: "error" }, data(2, "x86_64", { type: ["container-image"], scratch: ["True"] }), 3);
    await add(0, { suite: "api", platform: "linux/arm64", run: "r2", outcome: "skip" }, data(1, "aarch64"), 4);
    // Of a stranger.
    await add(2, { suite: "api" }, {}, 5);
  });

  test.each([
    ["testcases=flibs.api", [3, 1, 0]],
    ["testcases=flibs.api,flibs.api-two", [3, 2, 1, 0]],
    ["testcases=api", []],
    ["testcases:like=flibs.api*", [3, 2, 1, 0]],
    ["testcases:like=*two", [2]],
    ["testcases:like=flibs_api*", []],
    [`item=${item(1)}`, [3, 1, 0]],
    [`item=${item(1)},${item(2)}`, [3, 2, 1, 0]],
    [`item=${item(1)}&testcases=flibs.api&outcome=FAILED`, [1]],
    ["type=koji_build,container-image&testcases:like=flibs.api*", [3, 2, 1, 0]],
    ["type=container-image&testcases:like=flibs.api*", [2]],
    ["outcome=passed,error&testcases:like=flibs.api*", [2, 0]],
    ["outcome=QUEUED", []],
    ["system_architecture=aarch64", [3, 1]],
    [`system_architecture=aarch64&item=${item(2)}`, []],
    ["full_names:like=*2.4-2", [2]],
    ["full_names:like=*100%*", [3, 2, 1, 0]],
    ["full_names:like=*100__sure", []],
    ["scratch=True", [2]],
    ["nothing=at-all", []],
    ["nothing:like=*", []],
    ["since=2036-11-24T02:00:00", [3, 2, 1]],
    ["since=2036-11-24T02:00:00,2036-11-24T03:00:00", [2, 1]],
    ["since=2036-11-24&_sort=asc:submit_time", [0, 1, 2, 3]],
    ["testcases:like=flibs.api*&limit=2", [3, 2]],
    ["testcases:like=flibs.api*&limit=2&page=1", [1, 0]],
    ["testcases:like=flibs.api*&limit=2&page=2", []],
    ["groups=not-a-uuid", []],
  ])("?%s", async (query, expected) => {
    expect(await find(query)).toEqual(expected);
  });

  test("beyond the newest two thousand a page goes on, in order", async () => {
    const many = await newBuild();
    await database.query(
      `insert into test_result (build, suite, platform, run, attempt, outcome, latest, submitted_at, group_id, data, result)
       select $1, 'many', 'linux/amd64', 'r' || n, 1, 'pass', false, '2026-01-01'::timestamptz + n * interval '1 second', $2, '{"item": ["x"], "kind": ["many"]}', '{}'
       from generate_series(1, 2500) as n`,
      [many, groupOf(many)],
    );
    const seen: string[] = [];
    for (let page = 0; page < 3; page++) {
      const parsed = parseResultsQuery([
        ["kind", "many"],
        ["limit", "1000"],
        ["page", String(page)],
      ]);
      const found = "query" in parsed ? await store.results.list(parsed.query) : undefined;
      expect([page, found?.items.length, found?.more]).toEqual([page, page < 2 ? 1000 : 500, page < 2]);
      seen.push(...(found?.items ?? []).map((one) => one.submittedAt));
    }
    expect(seen).toEqual(seen.toSorted().toReversed());
    expect(new Set(seen).size).toBe(2500);
    await database.query("delete from test_result where build = $1", [many]);
  });

  test("groups are builds", async () => {
    expect(await find(`groups=${groupOf(builds[0] ?? "")}`)).toEqual([3, 1, 0]);
    const groups = await store.results.listGroups({ page: 0, limit: 2 });
    expect([groups.items.map((one) => one.build), groups.more]).toEqual([[builds[0], builds[1]], false]);
    const one = await store.results.listGroups({ uuids: [groupOf(builds[1] ?? "")], page: 0, limit: 20 });
    expect(one.items).toEqual([{ uuid: groupOf(builds[1] ?? ""), build: builds[1] }]);
  });

  test("the latest of each test case, or of each architecture", async () => {
    const latest = async (query: string) => {
      const parsed = parseResultsQuery(new URLSearchParams(query));
      if ("message" in parsed) throw new Error(parsed.message);
      return (await store.results.listLatest(parsed.query)).map((one) => ids.indexOf(one.id));
    };
    expect(await latest("testcases:like=flibs.api*")).toEqual([3, 2]);
    expect(await latest("testcases=flibs.api&_distinct_on=system_architecture")).toEqual([3, 0]);
    expect(await latest(`item=${item(1)}&_distinct_on=system_architecture,nothing`)).toEqual([3, 0]);
  });

  test("a stranger's result is in none of it", async () => {
    expect(await store.results.find(ids[4] ?? 0)).toBeUndefined();
    expect(await store.results.find(ids[0] ?? 0)).toMatchObject({ suite: "api", outcome: "pass", data: { item: [item(1)] } });
    expect((await store.results.listGroups({ uuids: [groupOf(builds[2] ?? "")], page: 0, limit: 1 })).items).toEqual([]);
  });

  test("test cases by name", async () => {
    const all = await store.results.listSuites({ like: ["flibs.api*"], page: 0, limit: 1 });
    expect(all).toEqual({ items: ["api"], more: true });
    expect((await store.results.listSuites({ names: ["api-two", "none"], page: 0, limit: 20 })).items).toEqual(["api-two"]);
  });

  test("hostile keys and values are values", async () => {
    for (const evil of ["'; drop table test_result; --", '"}]', "\\", "%", "{}", "$1", "\u0001"]) {
      expect(await find(new URLSearchParams({ [evil]: evil, [`${evil}:like`]: evil }).toString())).toEqual([]);
      const parsed = parseResultsQuery([
        ["_distinct_on", evil],
        ["testcases", "flibs.api"],
      ]);
      expect("query" in parsed && (await store.results.listLatest(parsed.query)).length).toBe(1);
    }
  });
});

describe("the upgrade", () => {
  test("rows of older releases become results with platform, digest, time and data", async () => {
    const old = await emptyDatabase();
    const client = new pg.Client({ connectionString: old.url });
    await client.connect();
    await client.query(
      "create table migration (number integer primary key, name text not null, applied_at timestamptz not null default now())",
    );
    for (const [n, { name, statements }] of migrations.entries()) {
      if (name === "test results") break;
      for (const statement of statements) await client.query(statement);
      await client.query("insert into migration (number, name) values ($1, $2)", [n + 1, name]);
    }
    const insert = `insert into build (id, forge, repository, branch, commit, scratch, requested_by, state, plan, digest, stranger, nvr_name, nvr_version, nvr_release, finished_at)
      values ($1, 'local', 'containers/a', 'main', 'c', $2, 'alice', 'complete', $3, $4, $5, $6, '1', '2', '2026-01-01T00:00:00Z')`;
    const two = JSON.stringify(plan);
    const one = JSON.stringify({ ...plan, platforms: ["linux/s390x"] });
    await client.query(insert, ["two", false, two, digest("i"), null, "a"]);
    await client.query(insert, ["one", true, one, digest("j"), null, null]);
    await client.query(insert, ["stranger", true, one, digest("j"), { base: "b" }, null]);
    const image = "insert into build_image (build, platform, image, rpms) values ('two', $1, $2, '[]')";
    await client.query(image, ["linux/amd64", { digest: digest("a") }]);
    await client.query(image, ["linux/arm64", { digest: digest("b") }]);
    await client.query("insert into run (id, flow, subject, intent, request_key) values ('two', 'build', 's', '{}', 'k')");
    await client.query(
      "insert into journal (run, step, phase, result, started_at, finished_at) values ('two', 'test smoke linux/amd64', 'run', '{}', '2026-01-01T01:00:00Z', '2026-01-01T01:02:03.456Z')",
    );
    const row = "insert into build_test (build, suite, result) values ($1, $2, $3)";
    const kept = { outcome: "fail", cases: [], message: "m", durationMs: 5 };
    await client.query(row, ["two", "smoke (linux/amd64)", { ...kept, suite: "smoke (linux/amd64)" }]);
    await client.query(row, ["two", "smoke (linux/arm64)", { ...kept, suite: "smoke (linux/arm64)", run: "again" }]);
    await client.query(row, ["one", "smoke", { ...kept, suite: "smoke" }]);
    await client.query(row, ["stranger", "smoke", { ...kept, suite: "smoke" }]);
    await client.end();

    const upgraded = await openStore({ url: old.url, log: silentLog });
    const record = await upgraded.builds.find("two");
    expect(record?.tests).toEqual([
      { ...kept, suite: "smoke", platform: "linux/amd64", digest: digest("a"), finishedAt: "2026-01-01T01:02:03.456Z", id: 1 },
      { ...kept, suite: "smoke", platform: "linux/arm64", digest: digest("b"), run: "again", id: 2 },
    ]);
    expect((await upgraded.builds.find("one"))?.tests).toEqual([{ ...kept, suite: "smoke", platform: "linux/s390x", id: 3 }]);
    expect(await upgraded.results.find(1)).toEqual({
      ...{ id: 1, build: "two", suite: "smoke", outcome: "fail", message: "m", submittedAt: "2026-01-01T01:02:03.456Z" },
      group: groupOf("two"),
      data: {
        ...{ item: ["a-1-2"], type: ["koji_build"], digest: [digest("i")], image_digest: [digest("a")], nvr: ["a-1-2"] },
        ...{ system_architecture: ["x86_64"], scratch: ["False"], source_repository: ["containers/a"], source_commit: ["c"] },
      },
    });
    expect(await upgraded.results.find(2)).toMatchObject({
      submittedAt: "2026-01-01T00:00:00.000Z",
      data: { system_architecture: ["aarch64"] },
    });
    expect(await upgraded.results.find(3)).toMatchObject({ data: { item: [digest("j")], type: ["container-image"], scratch: ["True"] } });
    expect(await upgraded.results.find(4)).toBeUndefined();
    // A run that goes on after the upgrade adds to it.
    const again = {
      ...kept,
      suite: "smoke",
      platform: "linux/amd64",
      digest: digest("a"),
      outcome: "pass",
      attempt: 1,
      run: "r3",
    } as const;
    await upgraded.transaction((transaction) => upgraded.builds.saveTest("two", again, transaction));
    expect((await upgraded.builds.find("two"))?.tests.map((one) => [one.outcome, one.flaky])).toEqual([
      ["pass", true],
      ["fail", undefined],
    ]);
    await upgraded.close();
    await old.drop();
  });
});
