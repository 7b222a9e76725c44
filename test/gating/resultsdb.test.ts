import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { pauseFor, postResultFlow, requestPost } from "../../src/gating/post-result-flow.ts";
import { resultsDbClient } from "../../src/gating/resultsdb/resultsdb-client.ts";
import type { KnownResult } from "../../src/gating/resultsdb.ts";
import { formatResult } from "../../src/gating/resultsdb.ts";
import { isSuspended } from "../../src/workflow/step.ts";
import { type FakeResultsDb, fakeResultsDb } from "../fakes/resultsdb.ts";
import { memoryJournal } from "../support/memory-journal.ts";

let resultsdb: FakeResultsDb;
let journal: ReturnType<typeof memoryJournal>;
beforeEach(async () => {
  resultsdb = await fakeResultsDb();
  journal = memoryJournal();
});
afterEach(async () => await resultsdb[Symbol.asyncDispose]());

const digest = "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
const known: KnownResult = {
  id: 7,
  build: "20261123-abc",
  suite: "smoke",
  outcome: "pass",
  message: "ok",
  submittedAt: "2026-11-23T19:27:45.863Z",
  group: "7c0ffee0-0000-4000-8000-000000000001",
  data: {
    item: ["httpd-container-2.4-3.f40container"],
    type: ["koji_build"],
    digest: [digest],
    nvr: ["httpd-container-2.4-3.f40container"],
    full_names: ["candidate.example.invalid/f40/httpd:2.4-3.f40container"],
    system_architecture: ["x86_64"],
    scratch: ["False"],
  },
};
const publicUrl = "https://flibs.example.test";
const client = () => resultsDbClient({ url: `${resultsdb.url}/`, token: "t0ken-secret", userAgent: "flibs/test" });
const flow = (changes: Partial<KnownResult> = {}, port = client()) =>
  postResultFlow({
    results: { find: async (id) => (id === 7 ? { ...known, ...changes } : undefined) },
    resultsdb: port,
    publicUrl,
    now: () => new Date("2026-11-23T19:27:46Z"),
  });
const post = (result = 7, one = flow()) => journal.attempt(one, `run-${result}`, { result });

test("a result comes to ResultsDB as the captured one did", async () => {
  expect(await post()).toBeUndefined();
  expect(resultsdb.results).toEqual([
    {
      data: { ...known.data, flibs_result: [`${publicUrl}/builds/20261123-abc#test-7`] },
      groups: ["7c0ffee0-0000-4000-8000-000000000001"],
      href: `${resultsdb.url}/api/v2.0/results/1`,
      id: 1,
      note: "ok",
      outcome: "PASSED",
      ref_url: `${publicUrl}/builds/20261123-abc#test-7`,
      submit_time: "2026-11-23T19:27:45.863000",
      testcase: {
        href: `${resultsdb.url}/api/v2.0/testcases/flibs.smoke`,
        name: "flibs.smoke",
        ref_url: `${publicUrl}/resultsdb/api/v2.0/results?testcases=flibs.smoke`,
      },
    },
  ]);
  expect(new Set(resultsdb.tokens)).toEqual(new Set(["Bearer t0ken-secret"]));
});

test.each([
  ["pass", "PASSED"],
  ["fail", "FAILED"],
  ["error", "ERROR"],
  ["skip", "INFO"],
] as const)("%s is %s there", async (outcome, there) => {
  await post(7, flow({ outcome }));
  expect(resultsdb.results.map((one) => one.outcome)).toEqual([there]);
});

test.each(["hang-up", 500, 503, 429, "page"] as const)(
  "while ResultsDB is away (%s) the run waits, and the result is posted once",
  async (fault) => {
    resultsdb.fail("POST", fault);
    const waiting = await post();
    expect(isSuspended(waiting)).toBe(true);
    expect(await post()).toBeUndefined();
    expect(resultsdb.results).toHaveLength(1);
  },
);

test("an answer that was lost after the posting is found before a second one", async () => {
  resultsdb.fail("POST", "hang-up");
  expect(isSuspended(await post())).toBe(true);
  expect(resultsdb.results).toHaveLength(1);
  expect(await post()).toBeUndefined();
  expect(resultsdb.asked.map((one) => one.split(" ")[0])).toEqual(["GET", "POST", "GET"]);
});

test("a look-up that fails posts nothing", async () => {
  resultsdb.fail("GET", 502, "page");
  expect(isSuspended(await post())).toBe(true);
  expect(isSuspended(await post())).toBe(true);
  expect(resultsdb.results).toHaveLength(0);
});

test.each([400, 401, 403, 404, "redirect"] as const)("what ResultsDB refuses (%s) is told in its words and given up", async (fault) => {
  resultsdb.fail("POST", fault);
  expect(await post()).toMatchObject({
    code: "gating.resultsdb-refused",
    message:
      fault === "redirect"
        ? "ResultsDB refused a result: it answered 302"
        : `ResultsDB refused a result: it answered ${fault}: told to answer ${fault}`,
  });
  expect(resultsdb.asked).toHaveLength(2);
});

test("nobody listens at all: the run waits", async () => {
  const nobody = resultsDbClient({ url: "http://127.0.0.1:1", userAgent: "flibs/test" });
  expect(await post(7, flow({}, nobody))).toMatchObject({ name: "Suspended", waitingFor: "ResultsDB: it does not answer" });
});

test("one that hangs is given up after its time", async () => {
  const { createServer } = await import("node:http");
  const deaf = createServer(() => {});
  await new Promise<void>((resolve) => deaf.listen(0, "127.0.0.1", resolve));
  const { port } = deaf.address() as { port: number };
  const slow = resultsDbClient({ url: `http://127.0.0.1:${port}`, userAgent: "flibs/test", timeoutMs: 50 });
  expect(await post(7, flow({}, slow))).toMatchObject({ name: "Suspended" });
  deaf.closeAllConnections();
  await new Promise((resolve) => deaf.close(resolve));
});

test("a result that is not there any more, and a ResultsDB that the settings no longer name, end the run", async () => {
  expect(await post(8)).toBeUndefined();
  const none = postResultFlow({ results: { find: async () => known }, resultsdb: undefined, publicUrl, now: () => new Date() });
  expect(await journal.attempt(none, "run-9", { result: 7 })).toBeUndefined();
  expect(resultsdb.asked).toEqual([]);
});

test("each result has a run of its own, the same one when it is asked for again", () => {
  expect(requestPost(7)).toEqual({
    flow: "resultsdb",
    subject: "resultsdb 7",
    intent: { result: 7 },
    key: "resultsdb 7",
    whenBusy: "queue",
  });
});

test("the longer ResultsDB is away, the longer the pauses, up to half an hour", () => {
  const after = (seconds: number) => pauseFor("2026-11-23T00:00:00.000Z", new Date(Date.parse("2026-11-23T00:00:00Z") + seconds * 1000));
  expect([after(0), after(600), after(86_400)]).toEqual([30_000, 150_000, 1_800_000]);
});

test("TR12: the double makes texts of values as ResultsDB does, and refuses colons and unknown outcomes in its words", async () => {
  const send = async (body: unknown) => {
    const answer = await fetch(`${resultsdb.url}/api/v2.0/results`, { method: "POST", body: JSON.stringify(body) });
    return [answer.status, (await answer.json()) as { data?: unknown; message?: string }] as const;
  };
  const testcase = "flibs.smoke";
  expect((await send({ testcase, outcome: "passed", data: { scratch: false, n: 1 } }))[1].data).toEqual({ scratch: ["False"], n: ["1"] });
  expect(await send({ testcase, outcome: "PASSED", data: { "a:b": 1 } })).toEqual([
    400,
    { message: "Colon not allowed in key name: ['a:b']" },
  ]);
  expect(await send({ testcase, outcome: "OK" })).toEqual([
    400,
    { message: "outcome must be one of ('PASSED', 'INFO', 'FAILED', 'NEEDS_INSPECTION', 'ERROR', 'QUEUED', 'RUNNING')" },
  ]);
});

test("our own answers have the members of the captured one", () => {
  expect(formatResult(known, publicUrl, `${publicUrl}/resultsdb/api/v2.0`)).toEqual({
    data: known.data,
    groups: [known.group],
    href: `${publicUrl}/resultsdb/api/v2.0/results/7`,
    id: 7,
    note: "ok",
    outcome: "PASSED",
    ref_url: `${publicUrl}/builds/20261123-abc#test-7`,
    submit_time: "2026-11-23T19:27:45.863000",
    testcase: {
      href: `${publicUrl}/resultsdb/api/v2.0/testcases/flibs.smoke`,
      name: "flibs.smoke",
      ref_url: `${publicUrl}/resultsdb/api/v2.0/results?testcases=flibs.smoke`,
    },
  });
});
