import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { Octokit } from "@octokit/rest";
import type { Github } from "../../fakes/github/github.ts";
import { appJwt, installed, octokit, startDouble } from "./client.ts";

let github: Github;
let rest: Octokit["rest"];
let token = "";
let installation = 0;
let time = new Date("2026-01-01T00:00:00Z");
const at = { owner: "containers", repo: "cockpit" };
const pull = { ...at, issue_number: 1 };
const comment = { ...pull, body: "hello" };

beforeEach(async () => {
  time = new Date("2026-01-01T00:00:00Z");
  github = await startDouble({ clock: () => time, limits: { primary: 100, contentPerMinute: 3, contentPerHour: 5 } });
  await github.createRepository("containers/cockpit", { files: { a: "1\n" }, roles: { alice: "write" } });
  installation = (await github.install("containers")).id;
  await github.person("alice").push("containers/cockpit", "topic", { a: "2\n" });
  await github.person("alice").openPull("containers/cockpit", { head: "topic" });
  const app = octokit(github, appJwt(github, time));
  token = (await app.rest.apps.createInstallationAccessToken({ installation_id: installation })).data.token;
  rest = octokit(github, token).rest;
});
afterEach(async () => {
  await github.close();
  expect(github.violations).toEqual([]);
});

const comments = () => github.reads.comments("containers/cockpit", 1).length;

test.each([
  ["502-before", 0, 502],
  ["500-before", 0, 500],
  ["503-before", 0, 503],
  ["502-after", 1, 502],
  ["secondary-limit", 0, 403],
  ["429", 0, 429],
  ["reset-before", 0, 500],
  ["reset-after", 1, 500],
] as const)("%s: %i comments are there, the client sees %i", async (kind, there, status) => {
  github.faults.next("issues/create-comment", kind, { retryAfterSeconds: 7 });
  const refusal = expect(rest.issues.createComment(comment)).rejects;
  // Octokit makes a 500 of a connection that breaks.
  await refusal.toMatchObject({ status, ...(status === 429 || status === 403 ? { response: { headers: { "retry-after": "7" } } } : {}) });
  expect(comments()).toBe(there);
  expect(github.faults.pending()).toEqual([]);
  await rest.issues.createComment(comment);
});

test.each([
  ["hang", 0],
  ["hang-after", 1],
] as const)("%s: never answers, %i comments are there", async (kind, there) => {
  github.faults.next("issues/create-comment", kind);
  const giveUp = new AbortController();
  const call = rest.issues.createComment({ ...comment, request: { signal: giveUp.signal } });
  // Asking for the limits is free.
  while (github.faults.pending().length > 0 || comments() < there) await rest.rateLimit.get();
  giveUp.abort();
  await expect(call).rejects.toThrow();
  expect(comments()).toBe(there);
});

test("a stale list lacks what was written since, once", async () => {
  github.faults.next("issues/list-comments", "stale");
  await rest.issues.createComment(comment);
  expect((await rest.issues.listComments(pull)).data).toEqual([]);
  expect((await rest.issues.listComments(pull)).data).toHaveLength(1);
});

test("the budget of an hour ends and comes back", async () => {
  const first = await rest.repos.get(at);
  expect(first.headers).toMatchObject({ "x-ratelimit-limit": "100", "x-ratelimit-remaining": "99", "x-ratelimit-used": "1" });
  github.limits.leave(`installation ID ${installation}`, 0);
  await expect(rest.repos.get(at)).rejects.toMatchObject({ status: 403, response: { headers: { "x-ratelimit-remaining": "0" } } });
  expect((await rest.rateLimit.get()).data.rate.remaining).toBe(0);
  time = new Date(time.getTime() + 3_600_000 - 1000);
  await expect(rest.repos.get(at)).rejects.toMatchObject({ status: 403 });
  time = new Date(time.getTime() + 1000);
  const fresh = await installed(github, installation, undefined, time);
  expect((await fresh.rest.repos.get(at)).headers["x-ratelimit-remaining"]).toBe("99");
});

test("creating content has limits of its own", async () => {
  for (let i = 0; i < 3; i += 1) await rest.issues.createComment(comment);
  await expect(rest.issues.createComment(comment)).rejects.toMatchObject({ status: 403, response: { headers: { "retry-after": "60" } } });
  await rest.repos.get(at);
  time = new Date(time.getTime() + 60_000);
  for (let i = 0; i < 2; i += 1) await rest.issues.createComment(comment);
  time = new Date(time.getTime() + 120_000);
  await expect(rest.issues.createComment(comment)).rejects.toMatchObject({ status: 403, response: { headers: { "retry-after": "3420" } } });
});

test("asking again with the ETag costs nothing until something changes", async () => {
  const { headers } = await rest.issues.listComments(pull);
  const again = rest.issues.listComments({ ...pull, headers: { "if-none-match": headers.etag ?? "" } });
  await expect(again).rejects.toMatchObject({ status: 304, response: { headers: { "x-ratelimit-used": headers["x-ratelimit-used"] } } });
  await rest.issues.createComment(comment);
  expect((await rest.issues.listComments({ ...pull, headers: { "if-none-match": headers.etag ?? "" } })).data).toHaveLength(1);
});

test("lists come in pages", async () => {
  time = new Date("2026-01-01T00:00:01Z");
  for (let i = 0; i < 3; i += 1) await github.person("bob").comment("containers/cockpit", 1, `${i}`);
  const client = octokit(github, token);
  const all = await client.paginate(client.rest.issues.listComments, { ...pull, per_page: 2 });
  expect(all.map(({ body }) => body)).toEqual(["0", "1", "2"]);
  const { headers } = await rest.issues.listComments({ ...pull, per_page: 2, page: 2 });
  expect(headers.link).toMatch(/page=1>; rel="prev", .*page=1>; rel="first"/);
});

test("a token ends after an hour, and is longer than forty characters", async () => {
  expect(token).toMatch(/^ghs_\d+_.{41,}$/);
  time = new Date("2026-01-01T01:00:00Z");
  await expect(rest.repos.get(at)).rejects.toMatchObject({ status: 401, response: { headers: { date: "Thu, 01 Jan 2026 01:00:00 GMT" } } });
});

test("the API answers at both addresses", async () => {
  expect((await octokit(github, token, github.url).rest.repos.get(at)).data.full_name).toBe("containers/cockpit");
  expect((await octokit(github, token, github.apiUrl).rest.repos.get(at)).data.url).toBe(`${github.apiUrl}/repos/containers/cockpit`);
});

test("a token reaches no more than it was made for", async () => {
  await github.createRepository("containers/other", { files: { a: "1\n" } });
  const app = octokit(github, appJwt(github, time));
  const { data } = await app.rest.apps.createInstallationAccessToken({ installation_id: installation, repositories: ["cockpit"] });
  expect(data).toMatchObject({ repository_selection: "selected", repositories: [{ name: "cockpit" }] });
  await expect(octokit(github, data.token).rest.repos.get({ owner: "containers", repo: "other" })).rejects.toMatchObject({ status: 404 });
  expect((await octokit(github, data.token).rest.apps.listReposAccessibleToInstallation()).data.total_count).toBe(1);
  const more = installed(github, installation, { administration: "write" }, time);
  await expect(more).rejects.toMatchObject({ status: 422 });
});
