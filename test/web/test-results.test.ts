import { beforeEach, expect, test } from "@jest/globals";
import type { KnownResult } from "../../src/gating/resultsdb.ts";
import { aBuild, type WebWorld, webWorld } from "../support/web-world.ts";

let world: WebWorld;
beforeEach(() => {
  world = webWorld();
});
const get = (url: string) => world.server.inject({ method: "GET", url });

const result = {
  ...({
    id: 5,
    suite: "smoke",
    platform: "linux/amd64",
    outcome: "fail",
    message: "b: returned 1",
    durationMs: 1500,
    kind: "command",
  } as const),
  cases: [
    { name: "a", outcome: "pass", message: "", durationMs: 1 },
    { name: "<script>alert(1)</script>", outcome: "fail", message: "\u001b[31m</pre><img src=x>", durationMs: 1, log: "logs/test 1.log" },
  ],
  leftOut: { pass: 9500 },
  artifacts: ["logs/test 1.log", "report.html", "gone.txt"],
  flaky: true,
  finishedAt: "2024-05-01T11:58:00Z",
} as const;
const past = { ...result, run: "1", latest: true };
const older = { ...result, id: 3, run: "1", latest: false, outcome: "pass", cases: [], flaky: true } as const;

function leave(name: string, mediaType: string, text: string) {
  world.artifacts.push({ result: 5, name, mediaType, content: Buffer.from(text) });
}

test("the page has cases, what tests left, the mark of chance, and the history, with nothing of it alive", async () => {
  world.builds.set("1", aBuild({ tests: [result] }));
  world.history.push(past, older);
  leave("logs/test 1.log", "text/plain; charset=utf-8", "x");
  leave("report.html", "text/html; charset=utf-8", "x");
  const { body } = await get("/builds/1");
  expect(body).not.toMatch(/<script>alert|<img src=x/);
  expect(body).not.toContain("\u001b");
  expect(body).toContain('<a href="/builds/1/tests/5/artifacts/logs/test%201.log">logs/test 1.log</a>');
  expect(body).toContain("1 that are no longer kept");
  expect(body).toContain("9500 more");
  expect(body).toContain('<span class="badge busy">flaky</span>');
  expect(body).toContain("Flaky: it has passed and failed with this very image.");
  expect(body).toContain("2 results");
  expect(body).toContain('<a href="/builds/1/tests/3/junit.xml">JUnit</a>');
  // Where results elsewhere link to: each has its place, also one that counts no more.
  expect(body).toContain('<details id="test-5"');
  expect(body).toContain('<tr id="test-3">');
});

test("a build of several platforms names them, and one without repetitions has no history", async () => {
  const plan = {
    imageRepository: "f40/cockpit",
    platforms: ["linux/amd64", "linux/arm64"],
    parents: [],
    labels: {},
    uniqueTag: "u",
    floatingTags: [],
  };
  world.builds.set("1", aBuild({ plan: { ...plan, suites: [] } as never, tests: [result, { ...result, id: 6, platform: "linux/arm64" }] }));
  world.history.push(past);
  const { body } = await get("/builds/1");
  expect(body).toContain("smoke (linux/arm64)");
  expect(body).not.toContain("test-history");
});

test("a log is shown; HTML, SVG and bytes are only downloaded, and nothing of them has our origin", async () => {
  leave("test.log", "text/plain; charset=utf-8", "<script>alert(1)</script>");
  leave("dir/r\"e'port ü.html", "text/html; charset=utf-8", "<script>alert(1)</script>");
  leave("core", "application/octet-stream", "\0");
  const log = await get("/builds/1/tests/5/artifacts/test.log");
  expect([log.statusCode, log.body]).toEqual([200, "<script>alert(1)</script>"]);
  expect(log.headers).toMatchObject({
    "content-type": "text/plain; charset=utf-8",
    "content-disposition": "inline; filename=\"test.log\"; filename*=UTF-8''test.log",
    "x-content-type-options": "nosniff",
  });
  const page = await get(`/builds/1/tests/5/artifacts/dir/${encodeURIComponent("r\"e'port ü.html")}`);
  expect(page.statusCode).toBe(200);
  expect(page.headers).toMatchObject({
    "content-disposition": "attachment; filename=\"r_e_port__.html\"; filename*=UTF-8''r%22e%27port%20%C3%BC.html",
    "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
  });
  expect((await get("/builds/1/tests/5/artifacts/core")).headers["content-disposition"]).toMatch(/^attachment/);
});

test("what is not there is told apart from what was removed", async () => {
  world.history.push(past);
  expect((await get("/builds/1/tests/5/artifacts/gone.txt")).statusCode).toBe(410);
  for (const url of [
    "5/artifacts/never",
    "6/artifacts/gone.txt",
    "x/artifacts/gone.txt",
    "5/artifacts/..%2F..%2Fetc",
    "5/artifacts/%00",
    "x/junit.xml",
  ]) {
    expect(await get(`/builds/1/tests/${url}`)).toMatchObject({ statusCode: 404 });
  }
});

test("JUnit XML of a build and of one result, and all of it as JSON", async () => {
  world.builds.set("1", aBuild({ tests: [result] }));
  world.history.push(past, older);
  leave("report.html", "text/html; charset=utf-8", "xy");
  const whole = await get("/api/builds/1/junit.xml");
  expect(whole.headers["content-type"]).toBe("application/xml; charset=utf-8");
  expect(whole.body).toContain('<testsuites name="cockpit-1-3.f40" tests="2" failures="1"');
  const one = await get("/builds/1/tests/3/junit.xml");
  expect(one.body).toContain('tests="1" failures="0"');
  const json = (await get("/api/builds/1/tests")).json();
  expect(json).toMatchObject({
    build: "1",
    nvr: "cockpit-1-3.f40",
    results: [{ id: 5, flaky: true, counts: { pass: 9501, fail: 1, error: 0, skip: 0 } }],
  });
  expect(json.history.map((past: { id: number }) => past.id)).toEqual([5, 3]);
  expect(json.results[0].artifacts).toEqual([
    { name: "report.html", mediaType: "text/html; charset=utf-8", bytes: 2, href: "/builds/1/tests/5/artifacts/report.html" },
  ]);
  expect(json.results[0].removedArtifacts).toEqual(["logs/test 1.log", "gone.txt"]);
  for (const url of ["/api/builds/9/tests", "/api/builds/9/junit.xml"]) expect((await get(url)).statusCode).toBe(404);
});

const known = (id: number, suite: string): KnownResult => ({
  ...{ id, build: "1", suite, outcome: "pass", message: "ok", submittedAt: "2026-11-23T19:27:45.863Z" },
  ...{ group: "7c0ffee0-0000-4000-8000-000000000001", data: { item: ["a-1-1"], scratch: ["False"] } },
});
const api = "/resultsdb/api/v2.0";

test("results are read in ResultsDB's shape, page by page", async () => {
  world.known.push(known(3, "smoke"), known(2, "slow"), known(1, "smoke"));
  const first = (await get(`${api}/results?testcases=flibs.smoke&limit=1&item=a-1-1`)).json();
  expect(first).toEqual({
    data: [
      {
        data: { item: ["a-1-1"], scratch: ["False"] },
        groups: ["7c0ffee0-0000-4000-8000-000000000001"],
        href: `http://flibs.example.test${api}/results/3`,
        ...{ id: 3, note: "ok", outcome: "PASSED", submit_time: "2026-11-23T19:27:45.863000" },
        ref_url: "http://flibs.example.test/builds/1#test-3",
        testcase: {
          href: `http://flibs.example.test${api}/testcases/flibs.smoke`,
          name: "flibs.smoke",
          ref_url: `http://flibs.example.test${api}/results?testcases=flibs.smoke`,
        },
      },
    ],
    next: `http://flibs.example.test${api}/results?testcases=flibs.smoke&limit=1&item=a-1-1&page=1`,
    prev: null,
  });
  const second = (await get(first.next.replace("http://flibs.example.test", ""))).json();
  expect([second.data.map((one: { id: number }) => one.id), second.next]).toEqual([[1], null]);
  expect(second.prev).toBe(`http://flibs.example.test${api}/results?testcases=flibs.smoke&limit=1&item=a-1-1&page=0`);
  expect((await get(`${api}/results/3`)).json()).toEqual(first.data[0]);
  expect((await get(`${api}/results/latest`)).json().data.map((one: { id: number }) => one.id)).toEqual([3, 2]);
});

test("test cases, groups and health", async () => {
  world.known.push(known(3, "smoke"));
  const testcase = { href: `http://flibs.example.test${api}/testcases/flibs.smoke`, name: "flibs.smoke" };
  expect((await get(`${api}/testcases`)).json()).toMatchObject({ data: [testcase], next: null, prev: null });
  expect((await get(`${api}/testcases/flibs.smoke`)).json()).toMatchObject(testcase);
  expect((await get(`${api}/groups/7c0ffee0-0000-4000-8000-000000000001`)).json()).toMatchObject({
    description: "flibs build 1",
    results: `http://flibs.example.test${api}/results?groups=7c0ffee0-0000-4000-8000-000000000001`,
  });
  expect((await get(`${api}/groups`)).json().data).toHaveLength(1);
  expect((await get(`${api}/healthcheck`)).json()).toEqual({ message: "Health check OK" });
  world.storeDown = true;
  expect(await get(`${api}/healthcheck`)).toMatchObject({ statusCode: 503 });
});

test("what cannot be understood, and what is not there, is said as ResultsDB says it", async () => {
  const outcome = await get(`${api}/results?outcome=OK`);
  expect([outcome.statusCode, outcome.json()]).toEqual([
    400,
    { message: "outcome must be one of ('PASSED', 'INFO', 'FAILED', 'NEEDS_INSPECTION', 'ERROR', 'QUEUED', 'RUNNING')" },
  ]);
  for (const query of ["page=-1", "limit=x", "since=yesterday", "since=2026-01-01,", "_sort=asc:id", "page=9999999&limit=1000"]) {
    const answer = await get(`${api}/results?${query}`);
    expect([query, answer.statusCode, typeof answer.json().message]).toEqual([query, 400, "string"]);
  }
  for (const path of ["results/9", "results/x", "testcases/flibs.none", "testcases/none", "groups/x", "nothing"]) {
    const answer = await get(`${api}/${path}`);
    expect([path, answer.statusCode, typeof answer.json().message]).toEqual([path, 404, "string"]);
  }
});
