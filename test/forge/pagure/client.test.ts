import { PassThrough } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { pagureClient, type RequestTold } from "../../../src/forge/pagure/client.ts";
import { watchTokens } from "../../../src/forge/pagure/token-watch.ts";
import { createLog } from "../../../src/log.ts";
import { useNock } from "../../support/setup-nock.ts";

const nock = useNock();
const root = "https://pagure.example.test";
const html = { "content-type": "text/html; charset=utf-8" };
const Version = z.object({ version: z.string() });
const write = { use: "reports", acl: "commit_flag", path: "c/1/flag", form: { percent: "100", comment: "ü&=" }, repeatable: true } as const;

function open(expires: { reports?: string; promotions?: string } = {}, now = new Date("2026-11-23T12:00:00Z")) {
  const lines: Record<string, unknown>[] = [];
  const stream = new PassThrough().on("data", (chunk: Buffer) => lines.push(JSON.parse(chunk.toString())));
  const log = createLog("info", stream);
  const tokens = watchTokens(
    {
      reports: { secret: "REPORTS", expires: expires.reports },
      promotions: { secret: "PROMOTIONS", expires: expires.promotions },
    },
    log,
    () => now,
  );
  const told: RequestTold[] = [];
  const waited: number[] = [];
  const delay = async (ms: number) => void waited.push(ms);
  const client = pagureClient({ root, tokens, delay, onRequest: (one) => told.push(one), timeoutMs: 1000 });
  return { client, tokens, told, waited, lines };
}

describe("reading", () => {
  test("asks without a token", async () => {
    nock(root, { badheaders: ["authorization"] })
      .get("/api/0/version")
      .reply(200, { version: "0.31" });
    expect(await open().client.read("version", Version)).toEqual({ version: "0.31" });
  });

  test.each([
    ["a page with status 500", 500, "<html>A fatal error occured</html>", html],
    ["a page with status 200", 200, '<html>{"version": "1"}</html>', html],
    ["JSON that broke off", 200, '{"version": "0.', { "content-type": "application/json" }],
    ["JSON with status 503", 503, "{}", { "content-type": "application/json" }],
  ])("%s is asked for again, and never read", async (_name, status, body, headers) => {
    nock(root).get("/api/0/version").times(2).reply(status, body, headers);
    nock(root).get("/api/0/version").reply(200, { version: "0.31" });
    const { client, waited, told } = open();
    expect(await client.read("version", Version)).toEqual({ version: "0.31" });
    expect(waited).toEqual([200, 600]);
    expect(told.map((one) => one.status)).toEqual([status, status, 200]);
  });

  test("what stays broken is told as unreachable after four tries", async () => {
    nock(root).get("/api/0/version").times(4).reply(502, "Bad Gateway", html);
    await expect(open().client.read("version", Version)).rejects.toMatchObject({ code: "forge.unreachable" });
  });

  test("no answer at all is unreachable, too", async () => {
    nock(root).get("/api/0/version").times(4).replyWithError("connection reset");
    await expect(open().client.read("version", Version)).rejects.toMatchObject({ code: "forge.unreachable" });
  });

  test("404 is an answer, whether JSON or a page; other refusals are errors with Pagure's words", async () => {
    nock(root).get("/api/0/a/b").reply(404, { error: "Project not found", error_code: "ENOPROJECT" });
    nock(root).get("/api/0/a/c").reply(404, "<html>Page not found</html>", html);
    nock(root)
      .get("/api/0/a/d")
      .reply(400, { error: "Invalid", error_code: "EINVALIDREQ", errors: { status: ["Not a valid choice."] } });
    const { client } = open();
    expect(await client.find("a/b", Version)).toBeUndefined();
    expect(await client.find("a/c", Version)).toBeUndefined();
    await expect(client.find("a/d", Version)).rejects.toThrow('400 EINVALIDREQ: Invalid: {"status":["Not a valid choice."]}');
  });

  test("a redirect is not followed", async () => {
    nock(root).get("/api/0/version").reply(302, "", { location: "https://elsewhere.example.test/" });
    await expect(open().client.read("version", Version)).rejects.toMatchObject({ code: "forge.refused" });
  });

  test("an answer of another shape is an error, not a guess", async () => {
    nock(root).get("/api/0/version").reply(200, { version: 1 });
    await expect(open().client.read("version", Version)).rejects.toMatchObject({ code: "forge.refused" });
  });

  test("listings go from page to page", async () => {
    const Page = z.object({ names: z.array(z.string()), pagination: z.object({ next: z.string().nullable() }) });
    nock(root)
      .get("/api/0/projects?per_page=100&page=1")
      .reply(200, { names: ["a"], pagination: { next: "x" } });
    nock(root)
      .get("/api/0/projects?per_page=100&page=2")
      .reply(200, { names: ["b"], pagination: { next: null } });
    const names: string[] = [];
    for await (const page of open().client.pages("projects", Page)) names.push(...page.names);
    expect(names).toEqual(["a", "b"]);
  });
});

describe("writing", () => {
  const path = "/api/0/containers/hello/c/1/flag";
  const signed = { reqheaders: { authorization: "token REPORTS" } };

  test("sends forms with the token, where a percent is a text", async () => {
    nock(root, signed).post(path, "percent=100&comment=%C3%BC%26%3D").reply(200, {});
    await open().client.write("containers/hello", write, z.unknown());
  });

  test("EDBERROR and server errors are tried again where that changes nothing, and only there", async () => {
    nock(root).post(path).reply(400, { error: "An error occurred at the database level", error_code: "EDBERROR" });
    nock(root).post(path).reply(500, "<html></html>", html);
    nock(root).post(path).reply(200, {});
    const { client } = open();
    await client.write("containers/hello", write, z.unknown());
    nock(root).post(path).reply(502, "", html);
    await expect(client.write("containers/hello", { ...write, repeatable: false }, z.unknown())).rejects.toMatchObject({
      code: "forge.unreachable",
    });
  });

  test("401 stops all that the token writes, and is said once", async () => {
    nock(root).post(path).reply(401, { error: "Invalid or expired token.", error_code: "EINVALIDTOK" });
    const { client, lines } = open();
    const refused = { code: "forge.token-refused" };
    await expect(client.write("containers/hello", write, z.unknown())).rejects.toMatchObject(refused);
    // No second request: nock would refuse it.
    await expect(client.write("containers/hello", write, z.unknown())).rejects.toMatchObject(refused);
    await expect(client.write("containers/hello", { ...write, acl: "pull_request_comment" }, z.unknown())).rejects.toMatchObject(refused);
    expect(lines.map(({ level, use }) => [level, use])).toEqual([[50, "reports"]]);
    // The other token, and reading, go on.
    nock(root, { reqheaders: { authorization: "token PROMOTIONS" } })
      .post(path)
      .reply(200, {});
    await client.write("containers/hello", { ...write, use: "promotions" }, z.unknown());
    nock(root).get("/api/0/version").reply(200, { version: "0.31" });
    await client.read("version", Version);
  });

  test("a missing ACL stops what needs it and nothing else", async () => {
    nock(root).post(path).reply(401, { error: "Invalid", error_code: "EINVALIDTOK", errors: "Missing ACLs: commit_flag" });
    nock(root).post(path).reply(200, {});
    const { client } = open();
    await expect(client.write("containers/hello", write, z.unknown())).rejects.toMatchObject({
      hint: expect.stringContaining("commit_flag"),
    });
    await expect(client.write("containers/hello", write, z.unknown())).rejects.toMatchObject({ code: "forge.token-refused" });
    await client.write("containers/hello", { ...write, acl: "pull_request_comment" }, z.unknown());
  });

  test.each(["../../user", "a/b/c", "containers/hello?x", ""])("a repository %s is no path", async (repository) => {
    await expect(open().client.write(repository, write, z.unknown())).rejects.toMatchObject({ code: "forge.name-invalid" });
  });
});

describe("the end of a token", () => {
  test("is warned of once a day in the last thirty, and said louder afterwards", () => {
    const { tokens, lines } = open({ reports: "2026-12-10", promotions: "2026-11-22" });
    tokens.lookAtExpiry();
    tokens.lookAtExpiry();
    expect(lines.map(({ level, use, days }) => [level, use, days])).toEqual([
      [40, "reports", 18],
      [50, "promotions", undefined],
    ]);
  });

  test("is nothing to speak of while it is far away, or unknown; the last day still counts", () => {
    const { tokens, lines } = open({ reports: "2027-06-01" });
    tokens.lookAtExpiry();
    expect(lines).toEqual([]);
    expect(tokens.daysLeft("promotions")).toBeUndefined();
    expect(open({ reports: "2026-11-23" }).tokens.daysLeft("reports")).toBe(1);
  });
});
