import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { postFlowName, postResultFlow, requestPost } from "../../../src/gating/post-result-flow.ts";
import { resultsDbClient } from "../../../src/gating/resultsdb/resultsdb-client.ts";
import { silentLog } from "../../../src/log.ts";
import type { Store } from "../../../src/store/store.ts";
import { isFinal } from "../../../src/workflow/run.ts";
import { createWorker, type Worker } from "../../../src/workflow/worker.ts";
import { type FakeResultsDb, fakeResultsDb } from "../../fakes/resultsdb.ts";
import { type TestClock, testClock } from "../../support/clock.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";

let database: TestDatabase;
let resultsdb: FakeResultsDb;
let store: Store;
let worker: Worker;
let clock: TestClock;

beforeEach(async () => {
  [database, resultsdb, clock] = [await testDatabase(), await fakeResultsDb(), testClock()];
  store = await database.open(clock);
  const client = resultsDbClient({ url: resultsdb.url, userAgent: "flibs/test" });
  const flow = postResultFlow({ results: store.results, resultsdb: client, publicUrl: "https://flibs.example.test", now: clock.now });
  worker = createWorker({ store, flows: [flow], log: silentLog, concurrency: 4, most: { [postFlowName]: 2 } });
  const request = {
    forge: "local",
    repository: "containers/a",
    branch: "main",
    commit: "c".repeat(40),
    scratch: false,
    requestedBy: "alice",
  };
  await store.transaction((transaction) => store.builds.create("b", request, transaction));
});
afterEach(async () => {
  await worker.stop();
  await database.drop();
  await resultsdb[Symbol.asyncDispose]();
});

const data = { item: ["a-1-1"], type: ["koji_build"], scratch: ["False"] };
const save = (attempt: number, fault?: Error) =>
  store.transaction(async (transaction) => {
    const result = {
      ...({ suite: "smoke", platform: "linux/amd64", outcome: "pass", message: "ok" } as const),
      cases: [],
      durationMs: 1,
      attempt,
    };
    const id = await store.builds.saveTest("b", result, transaction, data);
    const run = await worker.runs.start(requestPost(id), transaction);
    if (fault !== undefined) throw fault;
    return { id, run };
  });
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; !(await isSo()); looks++) {
    if (looks === 200) throw new Error("it has not come to that within ten seconds");
    await worker.sweep();
    await delay(50);
  }
}
const runOf = async (run: string) => (await worker.runs.find(run)) ?? { status: "queued" as const, waitingFor: undefined };

test("a result that is saved is told, one that was rolled back is not, and while ResultsDB is away nothing is lost or told twice", async () => {
  await expect(save(1, new Error("killed"))).rejects.toThrow("killed");
  expect(await worker.runs.list({ limit: 10 })).toEqual([]);
  const saved = [await save(1), await save(2), await save(3)];
  resultsdb.fail("GET", 503, 503);
  resultsdb.fail("POST", "hang-up");
  await worker.start();
  await until(async () => {
    const runs = await Promise.all(saved.map(({ run }) => runOf(run)));
    return runs.filter((one) => one.status === "waiting").length === 3;
  });
  expect((await runOf(saved[0]?.run ?? "")).waitingFor).toMatch(/^ResultsDB: it (answered 503|does not answer)/);
  clock.advance(3_600_000);
  await until(async () => (await Promise.all(saved.map(({ run }) => runOf(run)))).every((one) => isFinal(one.status)));
  expect(resultsdb.results.map((one) => one.ref_url).toSorted()).toEqual(
    saved.map(({ id }) => `https://flibs.example.test/builds/b#test-${id}`),
  );
});

test("what ResultsDB refuses ends its run alone", async () => {
  resultsdb.fail("POST", 400);
  const [first, second] = [await save(1), await save(2)];
  await worker.start();
  await until(async () => isFinal((await runOf(first.run)).status) && isFinal((await runOf(second.run)).status));
  expect((await Promise.all([first, second].map(({ run }) => runOf(run)))).map((one) => one.status).toSorted()).toEqual(["done", "failed"]);
  expect(resultsdb.results).toHaveLength(1);
});
