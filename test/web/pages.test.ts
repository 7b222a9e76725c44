import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { digestOf } from "../../src/domain/digest.ts";
import { badge } from "../../src/web/views/words.ts";
import { aBuild, aPull, aRun, type WebWorld, webWorld } from "../support/web-world.ts";

let world: WebWorld;
beforeEach(() => {
  world = webWorld();
});
afterEach(() => world.server.close());
const get = (url: string, headers: Record<string, string> = {}) => world.server.inject({ method: "GET", url, headers });
const evil = `<img src=x onerror="alert(1)">`;

describe("pages", () => {
  test("carry a strict policy and say nothing of the software", async () => {
    const { headers } = await get("/");
    expect(headers["content-security-policy"]).toContain("default-src 'none'; style-src 'self'; script-src 'self'");
    expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cache-control": "no-store" });
    expect(headers["x-powered-by"] ?? headers.server).toBeUndefined();
  });

  test("the first page lists builds and open promotions", async () => {
    world.builds.set("1", aBuild());
    world.pulls.push(aPull());
    const { body } = await get("/");
    expect(body).toContain('<a href="/builds/1">cockpit-1-3.f40</a>');
    expect(body).toContain('<a href="/pulls/flibs/registry-manifests/4">Promote cockpit-1-3.f40</a>');
    expect(body).toContain('<time datetime="2024-05-01T11:50:00Z" title="2024-05-01T11:50:00Z">10 min ago</time>');
    expect(body).toContain("1 min 5 s");
  });

  test("the list is filtered by state", async () => {
    world.builds.set("1", aBuild());
    world.builds.set("2", aBuild({ id: "2", state: "failed" }));
    const { body } = await get("/?state=failed&repository=containers/cockpit");
    expect(body).toContain("/builds/2");
    expect(body).not.toContain("/builds/1");
  });

  test("a build's page says what is wrong, where, and how to mend it", async () => {
    const error = {
      code: "distgit.label-missing",
      kind: "input",
      message: "label version is missing",
      hint: "Add LABEL version=1",
      file: "Dockerfile",
      line: 3,
    } as const;
    world.builds.set("1", aBuild({ state: "failed", error }));
    world.journal.push({ step: "checkout", result: {}, startedAt: "2024-05-01T11:50:00Z", finishedAt: "2024-05-01T11:50:02Z" });
    const { body } = await get("/builds/1");
    expect(body).toContain("Dockerfile, line 3: label version is missing");
    expect(body).toContain("Add LABEL version=1");
    expect(body).toContain("<td>checkout</td><td>2.0 s</td>");
  });

  test("a build's page tells its target, whose build a parent is, and that an isolated one waits for its name", async () => {
    const parent = { written: "r.test/f42/base:1", pinned: `r.test/f42/base@${digestOf("a")}`, digest: digestOf("a"), nvr: "base-1-1" };
    const plan = {
      ...{ imageRepository: "f42/hello", platforms: [], labels: {}, uniqueTag: "u", floatingTags: [], suites: [] },
      ...{ parents: [parent], target: { name: "f42-candidate", destinationTag: evil } },
    };
    world.builds.set("1", aBuild({ plan, isolated: true }));
    const { body } = await get("/builds/1");
    expect(body).toContain("<dt>Target</dt><dd>f42-candidate, tagged into &lt;img");
    expect(body).toContain("<dt>Parent</dt><dd>r.test/f42/base:1, base-1-1<br>");
    expect(body).toContain("(isolated: promoted when somebody names it)");
  });

  test("a run without a build has a page with its steps, its log, and why it ended", async () => {
    const ending = { status: "cancelled", reason: "superseded by commit 0123456789ab" } as const;
    world.runs.set("7", aRun({ id: "7", flow: "pull", subject: "pull containers/cockpit #3", status: "cancelled", ending }));
    world.journal.push({ step: "look", result: {}, startedAt: "2024-05-01T11:50:00Z", finishedAt: "2024-05-01T11:50:02Z" });
    world.logs.set("7|lint", { text: "error: Dockerfile:3: what\n", closed: true });
    const { body } = await get("/builds/7");
    expect(body).toContain("pull containers/cockpit #3");
    expect(body).toContain("<td>look</td><td>2.0 s</td>");
    expect(body).toContain("superseded by commit 0123456789ab");
    expect(body).toContain("error: Dockerfile:3: what");
  });

  test("a result of a later run leads to its log", async () => {
    const tests = [{ suite: "smoke", outcome: "pass", cases: [], message: "", durationMs: 1, run: "9" }] as const;
    world.builds.set("1", aBuild({ tests }));
    expect((await get("/builds/1")).body).toContain('Run again: <a href="/builds/9">steps and log</a>');
  });

  test("a build that waits says for what", async () => {
    world.runs.set("1", aRun({ status: "waiting", waitingFor: "the engine" }));
    world.builds.set("1", aBuild({ state: "building" }));
    expect((await get("/builds/1")).body).toContain("Waits for the engine.");
  });

  test("text of strangers is text everywhere", async () => {
    const test = {
      suite: evil,
      outcome: "fail",
      message: evil,
      durationMs: 1,
      cases: [{ name: evil, outcome: "fail", message: evil, durationMs: 1 }],
    } as const;
    world.builds.set(
      "1",
      aBuild({ branch: evil, requestedBy: evil, tests: [test], error: { code: "x", kind: "input", message: evil, hint: evil } }),
    );
    world.logs.set(`1|${evil}`, { text: `${evil}\u001b]0;owned\u0007\u001b[31mred`, closed: true });
    world.pulls.push(aPull({ title: evil, body: `${evil} [x](javascript:alert(1))`, author: evil, url: "javascript:alert(1)" }));
    world.comments.push({ id: "1", author: evil, text: evil, at: "2024-05-01T11:50:00Z" });
    for (const url of ["/", "/builds/1", "/pulls", "/pulls/flibs/registry-manifests/4"]) {
      const { body, statusCode } = await get(url);
      expect(statusCode).toBe(200);
      expect(body).not.toContain("<img");
      expect(body).not.toContain('href="javascript');
      expect(body).not.toContain("<script>alert");
      expect(body).not.toContain("\u001b");
    }
  });

  test("a pull request is found by plain and by encoded path, nothing else is", async () => {
    world.pulls.push(aPull());
    expect(await get("/pulls/flibs%2Fregistry-manifests/4")).toMatchObject({ statusCode: 200 });
    expect((await get("/pulls/flibs/registry-manifests/4")).body).toContain("<th>tag</th>");
    for (const url of [
      "/pulls/flibs/registry-manifests/5",
      "/pulls/..%2F..%2Fetc/4",
      "/pulls/flibs/registry-manifests/-1",
      "/builds/9",
      "/nothing",
    ]) {
      expect(await get(url)).toMatchObject({ statusCode: 404 });
    }
  });

  test("pull requests of a forge with pages stand there, and it is not asked for them", async () => {
    world.forgePages = "https://forge.example.test";
    world.builds.set("1", aBuild());
    world.pulls.push(aPull());
    const redirects: Record<string, string> = {
      "/pulls": "https://forge.example.test/flibs/registry-manifests/pulls/",
      "/pulls?state=all": "https://forge.example.test/flibs/registry-manifests/pulls/",
      "/pulls/flibs/registry-manifests/4": "https://forge.example.test/flibs/registry-manifests/pulls/4",
      "/pulls/containers%2Fcockpit/999999": "https://forge.example.test/containers/cockpit/pulls/999999",
    };
    for (const [url, page] of Object.entries(redirects)) {
      const { statusCode, headers } = await get(url);
      expect([url, statusCode, headers.location]).toEqual([url, 302, page]);
    }
    expect(world.asked).toEqual([]);
  });

  test.each([undefined, "https://forge.example.test"])(
    "the forge is not asked about repositories that are not ours (pages: %s)",
    async (pages) => {
      world.forgePages = pages;
      world.pulls.push(aPull({ repository: "acme/secrets" }), aPull({ repository: "containers" }));
      world.builds.set("1", aBuild({ repository: "acme/secrets" }));
      for (const url of ["/pulls/acme/secrets/4", "/pulls/acme%2Fsecrets/4", "/pulls/containers/4", "/pulls/containersx%2Fcockpit/4"]) {
        expect([url, (await get(url)).statusCode]).toEqual([url, 404]);
      }
      await get("/pulls");
      expect(world.asked).toEqual(pages === undefined ? ["flibs/registry-manifests open"] : []);
    },
  );

  test("the first page asks the forge once, however many look at it", async () => {
    world.pulls.push(aPull());
    const pages = await Promise.all(["/", "/", "/?state=failed", "/"].map((url) => get(url)));
    for (const { body } of [...pages, await get("/")]) expect(body).toContain("Promote cockpit-1-3.f40");
    expect(world.asked).toEqual(["flibs/registry-manifests open"]);
  });

  test("an internal error tells the log, not the reader", async () => {
    world.storeDown = true;
    const answer = await get("/");
    expect([answer.statusCode, answer.body.includes("10.0.0.5")]).toEqual([500, false]);
  });
});

test.each(["lost", "tag-move", "drift", "refused", "failed"])("a tag that a release leaves %s is red", (what) => {
  expect(badge(what).markup).toBe(`<span class="badge bad">${what}</span>`);
});

describe("machines", () => {
  test("read builds, journals and releases as JSON", async () => {
    world.builds.set("1", aBuild());
    world.runs.set("1", aRun());
    expect((await get("/api/builds")).json()).toEqual({ builds: [aBuild()] });
    expect((await get("/api/builds/1")).json()).toEqual({ build: aBuild(), run: aRun(), logs: [], documents: [] });
    expect((await get("/api/runs/1/journal")).json()).toEqual({ run: aRun(), journal: [] });
    expect((await get("/api/builds/7")).statusCode).toBe(404);
    expect((await get("/api/nothing")).json()).toEqual({ error: "not found" });
  });

  test("read what the last audits found, of one image or all", async () => {
    expect((await get("/api/audit")).json()).toEqual({ audit: null, findings: [] });
    const finding = {
      ...({
        registry: "production",
        imageRepository: "f40/hello",
        tag: "latest",
        digest: "sha256:1",
        state: "moved",
        message: "elsewhere",
      } as const),
      ...{ pending: false, firstSeenAt: "2026-11-23T10:00:00.000Z", seenAt: "2026-11-23T11:00:00.000Z" },
    };
    world.findings.push(finding);
    expect((await get("/api/audit?image=f40/hello")).json()).toEqual({ audit: null, findings: [finding] });
    expect((await get("/api/audit?image=f40/other")).json()).toEqual({ audit: null, findings: [] });
  });

  test("see health, readiness part by part, and metrics also while the database is away", async () => {
    expect((await get("/healthz")).json()).toEqual({ ok: true });
    expect(await get("/readyz")).toMatchObject({ statusCode: 503 });
    world.board.seen("database", true);
    world.board.seen("engine", false, "engine.unreachable");
    const ready = await get("/readyz");
    expect(ready.statusCode).toBe(200);
    expect(ready.json().parts).toContainEqual({
      name: "engine",
      ok: false,
      required: false,
      seenAt: "2024-05-01T12:00:00.000Z",
      message: "engine.unreachable",
    });
    world.ports.metrics.stepFinished("build", "push linux/amd64", "done", 1500);
    const { body } = await get("/metrics");
    expect(body).toContain('flibs_runs{flow="build",status="running"} 2');
    expect(body).toContain('flibs_queue_age_seconds{queue="inbox"} 7');
    expect(body).toContain('flibs_promotions_held{why="hour-full"} 4');
    expect(body).toContain('flibs_audit_tags{state="moved"} 2');
    expect(body).toContain('flibs_audit_tags{state="lost-blob"} 0');
    expect(body).toContain("flibs_audit_finished_timestamp_seconds 1790000000");
    expect(body).toContain('flibs_audit_images{outcome="not looked at"} 1');
    expect(body).toContain('flibs_step_duration_seconds_count{flow="build",step="push",outcome="done"} 1');
    expect(body).toContain('route="/readyz"');
    expect(body).toContain("process_resident_memory_bytes");
    world.storeDown = true;
    const without = (await get("/metrics")).body;
    expect(without).toContain("flibs_store_up 0");
    expect(without).not.toContain("flibs_runs{");
  });
});
