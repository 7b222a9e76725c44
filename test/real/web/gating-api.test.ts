import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { answerDecision } from "../../../src/builds/answer-decision.ts";
import type { BuildRecord } from "../../../src/builds/build-record.ts";
import { digestOf } from "../../../src/domain/digest.ts";
import { formatNvr } from "../../../src/domain/nvr.ts";
import type { GatingPolicy } from "../../../src/gating/policy.ts";
import type { NewWaiver } from "../../../src/gating/waivers.ts";
import type { Store } from "../../../src/store/store.ts";
import { testClock } from "../../support/clock.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import { memoryGate } from "../../support/memory-gate.ts";
import { type WebWorld, webWorld } from "../../support/web-world.ts";

const clock = testClock();
let database: TestDatabase;
let store: Store;
let web: WebWorld;
let policies: readonly GatingPolicy[] = [];

const digest = digestOf("the image");
const nvr = { name: "hello-container", version: "1", release: "1.f40" };
const request = {
  ...{ forge: "local", repository: "containers/hello", branch: "f40", commit: "c".repeat(40), scratch: false, requestedBy: "alice" },
};

beforeAll(async () => {
  database = await testDatabase();
  store = await database.open(clock);
  const gating = memoryGate();
  const answer = (body: unknown) =>
    answerDecision({ ...gating.state.ports, waivers: store.waivers, builds: store.builds, policies, now: () => clock.now() }, body);
  web = webWorld({}, { gating: { answer, policies: [policy] }, waivers: store.waivers });
  await store.transaction(async (transaction) => {
    await store.builds.create("b1", request, transaction);
    await store.builds.reserveNvr("b1", { ...nvr, imageRepository: "f40/hello" }, () => nvr.release, transaction);
    await store.builds.savePlan("b1", plan, transaction);
    await store.builds.complete("b1", digest, transaction);
  });
});
beforeEach(async () => {
  policies = [];
  await database.query("delete from waiver");
});
afterAll(async () => database.drop());

const plan: NonNullable<BuildRecord["plan"]> = {
  ...{ nvr, imageRepository: "f40/hello", platforms: ["linux/amd64"], parents: [], labels: {}, uniqueTag: "u", floatingTags: [] },
  suites: [{ name: "smoke", kind: "command", definition: {}, required: true }],
};
const policy: GatingPolicy = {
  ...{ id: "ci", productVersions: ["fedora-*"], decisionContexts: ["compose"], subjectTypes: ["koji_build"] },
  rules: [
    { kind: "test", testcase: "flibs.smoke" },
    { kind: "remote", required: false },
  ],
};
const ask = async (changes: object = {}) => {
  const payload = { ...question, ...changes };
  const { statusCode, json } = await web.server.inject({ method: "POST", url: "/greenwave/api/v1.0/decision", payload });
  return { status: statusCode, body: json() };
};
const question = {
  ...{ product_version: "fedora-40", decision_context: "flibs_promote" },
  ...{ subject_type: "koji_build", subject_identifier: formatNvr(nvr) },
};
const give = (key: string, changes: Partial<NewWaiver> = {}) =>
  store.transaction((transaction) =>
    store.waivers.add(
      {
        ...{ key, subject: { type: "container-image", identifier: digest }, testcase: "flibs.smoke", username: "alice" },
        ...{ productVersion: "fedora-40", waived: true, comment: "known", ...changes },
      },
      transaction,
    ),
  );
const get = async (url: string) => {
  const { statusCode, json } = await web.server.inject({ url: `/waiverdb/api/v1.0${url}` });
  return { status: statusCode, body: json() };
};
const post = async (url: string, payload: object) => {
  const { statusCode, json } = await web.server.inject({ method: "POST", url: `/waiverdb/api/v1.0${url}`, payload });
  return { status: statusCode, body: json() };
};

test("the story of a test over HTTP: missing, failed, waived, taken back, waived again and expired", async () => {
  expect((await ask()).body).toEqual({
    applicable_policies: ["flibs_required_tests"],
    policies_satisfied: false,
    satisfied_requirements: [],
    summary: "1 of 1 required test results missing",
    unsatisfied_requirements: [
      {
        ...{ item: { item: formatNvr(nvr), type: "koji_build" }, scenario: null, source: null, subject_identifier: formatNvr(nvr) },
        ...{ subject_type: "koji_build", testcase: "flibs.smoke", type: "test-result-missing" },
      },
    ],
  });
  const failed = { suite: "smoke", outcome: "fail" as const, cases: [], message: "1 of 1 failed", durationMs: 1 };
  await store.transaction((transaction) => store.builds.saveTest("b1", failed, transaction));
  expect((await ask()).body).toMatchObject({ summary: "1 of 1 required tests failed", policies_satisfied: false });
  await give("1", { expiresAt: new Date(clock.now().getTime() + 60_000).toISOString() });
  const waived = (await ask({ verbose: true })).body;
  expect(waived).toMatchObject({
    ...{ policies_satisfied: true, summary: "All required tests passed", unsatisfied_requirements: [] },
    satisfied_requirements: [{ type: "test-result-failed-waived", testcase: "flibs.smoke" }],
    results: [{ outcome: "FAILED", note: "1 of 1 failed", data: { type: ["koji_build"], item: [formatNvr(nvr)] } }],
    waivers: [{ username: "alice", comment: "known", subject_type: "container-image", subject_identifier: digest }],
  });
  await give("2", { waived: false, username: "bob" });
  expect((await ask()).body).toMatchObject({ policies_satisfied: false });
  await give("3", { expiresAt: new Date(clock.now().getTime() + 60_000).toISOString() });
  expect((await ask()).body).toMatchObject({ policies_satisfied: true });
  clock.advance(61_000);
  expect((await ask()).body).toMatchObject({ policies_satisfied: false });
  await give("4", { subject: { type: "container-image", identifier: digestOf("another image") } });
  expect((await ask()).body).toMatchObject({ policies_satisfied: false });
});

describe("questions", () => {
  test("TR14: at a point that no policy is for are answered with 404", async () => {
    expect(await ask({ decision_context: "nope" })).toEqual({
      status: 404,
      body: { message: "Cannot find any applicable policies for koji_build subjects at gating point nope in fedora-40" },
    });
    expect((await ask({ subject_identifier: "unknown-1-1" })).status).toBe(404);
  });

  test("may be about a digest, several subjects, several contexts, rules alone, and the past", async () => {
    const image = { subject_type: "container-image", subject_identifier: digest };
    expect((await ask(image)).body.applicable_policies).toEqual(["flibs_required_tests"]);
    policies = [policy];
    const message = "product version fedora-40 has no policy of the operators for koji_build at flibs_promote";
    expect(await ask(image)).toEqual({ status: 404, body: { message } });
    policies = [{ ...policy, decisionContexts: ["compose", "flibs_promote"] }];
    expect((await ask({ subject_type: "brew-build" })).status).toBe(200);
    const { subject_type: _, subject_identifier: __, ...rest } = question;
    const several = {
      ...rest,
      decision_context: ["compose", "other"],
      subject: [{ type: "koji_build", item: formatNvr(nvr) }, { original_spec_nvr: "other-1-1" }],
    };
    const { json } = await web.server.inject({ method: "POST", url: "/greenwave/api/v1.0/decision", payload: several });
    expect(json()).toMatchObject({ applicable_policies: ["ci"], unsatisfied_requirements: { length: 2 } });
    const { decision_context: ___, ...bare } = question;
    const rules = { ...bare, rules: [{ type: "PassingTestCaseRule", test_case_name: "x.y" }] };
    const adHoc = await web.server.inject({ method: "POST", url: "/greenwave/api/v1.0/decision", payload: rules });
    expect(adHoc.json()).toMatchObject({
      applicable_policies: [],
      unsatisfied_requirements: [{ testcase: "x.y", type: "test-result-missing" }],
    });
    await give("past");
    expect((await ask({ when: "2000-01-01T00:00:00" })).body.policies_satisfied).toBe(false);
  });

  test.each([
    { name: "no product version", change: { product_version: undefined }, says: "Missing required product version" },
    { name: "no context", change: { decision_context: undefined }, says: "Either decision_context or rules is required" },
    { name: "context and rules", change: { rules: [{ type: "PassingTestCaseRule", test_case_name: "a" }] }, says: "Cannot have both" },
    { name: "no subject type", change: { subject_type: undefined }, says: 'Missing required "subject_type" parameter' },
    { name: "no identifier", change: { subject_identifier: undefined }, says: 'Missing required "subject_identifier" parameter' },
    {
      name: "a subject of nothing",
      change: { subject_type: undefined, subject_identifier: undefined, subject: [{}] },
      says: "Invalid subject",
    },
    { name: "a number for a context", change: { decision_context: 5 }, says: "Invalid decision_context" },
    { name: "a NUL", change: { subject_identifier: "a\u0000b" }, says: "Invalid subject_identifier" },
    { name: "a rule of another kind", change: { decision_context: undefined, rules: [{ type: "RemoteRule" }] }, says: "Invalid rules" },
    { name: "a time that is none", change: { when: "yesterday" }, says: 'Invalid "when"' },
    {
      name: "too many subjects",
      change: { subject_type: undefined, subject_identifier: undefined, subject: Array(21).fill({}) },
      says: "Invalid subject",
    },
  ])("with $name are refused", async ({ change, says }) => {
    const { status, body } = await ask(change);
    expect([status, body.message]).toEqual([400, expect.stringContaining(says)]);
  });

  test("that are no JSON, or too long, are refused in Greenwave's form", async () => {
    const send = (payload: string, type = "application/json") =>
      web.server.inject({ method: "POST", url: "/greenwave/api/v1.0/decision", payload, headers: { "content-type": type } });
    expect((await send("{")).json()).toEqual({ message: "The request cannot be understood" });
    expect((await send("[]")).json()).toEqual({ message: "The request must be a JSON object" });
    expect((await send(JSON.stringify({ x: "y".repeat(300_000) }))).statusCode).toBe(413);
    expect((await send("x", "text/weird")).statusCode).toBe(415);
  });

  test("about itself and the policies", async () => {
    expect((await web.server.inject({ url: "/greenwave/api/v1.0/about" })).json()).toEqual({ version: "0.1.0" });
    expect((await web.server.inject({ url: "/greenwave/api/v1.0/policies" })).json()).toMatchObject({
      policies: [
        {
          id: "ci",
          subject_type: "koji_build",
          rules: [{ rule: "PassingTestCaseRule", test_case_name: "flibs.smoke" }, { rule: "RemoteRule" }],
        },
      ],
    });
    expect((await web.server.inject({ url: "/greenwave/nothing" })).json()).toEqual({ message: "Not found" });
  });
});

describe("waivers", () => {
  test("are listed page by page, one is found, and those that are obsolete are asked for", async () => {
    const ids: number[] = [];
    for (let n = 1; n <= 3; n += 1) ids.push(await give(`w${n}`, { testcase: `t${n}` }));
    await give("old", { testcase: "t1", waived: false });
    const first = await get("/waivers/?limit=2&username=alice");
    expect(first.body.data.map((one: { testcase: string }) => one.testcase)).toEqual(["t1", "t3"]);
    expect(first.body).toMatchObject({
      first: "http://flibs.example.test/waiverdb/api/v1.0/waivers/?username=alice&limit=2&page=1",
      last: "http://flibs.example.test/waiverdb/api/v1.0/waivers/?username=alice&limit=2&page=2",
      next: "http://flibs.example.test/waiverdb/api/v1.0/waivers/?username=alice&limit=2&page=2",
      prev: null,
    });
    const second = await get("/waivers/?limit=2&page=2");
    expect([second.body.data.length, second.body.next]).toEqual([1, null]);
    expect((await get("/waivers/?include_obsolete=true")).body.data).toHaveLength(4);
    expect((await get(`/waivers/${ids[0]}`)).body).toMatchObject({
      id: ids[0],
      testcase: "t1",
      subject: { type: "container-image" },
      proxied_by: null,
    });
    expect(await get("/waivers/999999999")).toEqual({ status: 404, body: { message: "Waiver not found" } });
    expect((await get("/waivers/x")).status).toBe(404);
    expect((await get("/waivers/?proxied_by=alice")).body.data).toEqual([]);
    expect((await get("/waivers/?since=2000-01-01T00:00:00.000000,2000-01-02T00:00:00.000000")).body.data).toEqual([]);
    expect((await get("/about")).body).toEqual({ auth_method: null, version: "0.1.0" });
  });

  test("are found by several filters, and by subjects and tests", async () => {
    await give("a", { testcase: "a" });
    await give("b", { testcase: "b", subject: { type: "koji_build", identifier: "x-1-1" } });
    const filtered = await post("/waivers/+filtered", {
      filters: [{ testcase: "a" }, { subject_type: "brew-build", subject_identifier: "x-1-1" }],
    });
    expect(filtered.body.data).toHaveLength(2);
    const results = [
      { subject: { type: "container-image", item: digest }, testcase: "a" },
      { subject: { original_spec_nvr: "x-1-1" }, testcase: "no" },
    ];
    expect((await post("/waivers/+by-subjects-and-testcases", { results })).body.data).toMatchObject([{ testcase: "a" }]);
    expect((await post("/waivers/+by-subjects-and-testcases", { testcase: "b" })).body.data).toHaveLength(1);
  });

  test.each(["?limit=101", "?limit=0", "?page=0", "?page=x", "?since=soon"])("asked for with %s are refused", async (query) => {
    expect(await get(`/waivers/${query}`)).toMatchObject({ status: 400, body: { message: expect.stringMatching(/\w/) } });
  });

  test("are given by nobody over HTTP", async () => {
    const given = await web.server.inject({ method: "POST", url: "/waiverdb/api/v1.0/waivers/", payload: { testcase: "x", waived: true } });
    expect(given.statusCode).toBe(404);
    expect(await post("/waivers/+filtered", { filters: [] })).toMatchObject({ status: 400 });
    expect(await post("/waivers/+filtered", { filters: [{ testcase: "a\u0000b" }] })).toMatchObject({ status: 400 });
    expect(await database.query("select 1 from waiver")).toEqual([]);
  });
});
