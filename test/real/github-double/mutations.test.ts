import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Octokit } from "@octokit/rest";
import type { Github } from "../../fakes/github/github.ts";
import { appJwt, octokit, startDouble } from "./client.ts";

let github: Github;
let installation = 0;
let stories = 0;

beforeAll(async () => {
  github = await startDouble();
  installation = (await github.install("containers")).id;
});
beforeEach(() => void github.violations.splice(0));
afterAll(() => github.close());

/** One request of the client as it is about to go out; a mutation changes it. */
interface Outgoing {
  method: string;
  url: string;
  headers: Record<string, string | number | undefined>;
  [key: string]: unknown;
}
type Mutation = (outgoing: Outgoing) => void;

const annotation = { path: "Dockerfile", start_line: 1, end_line: 1, annotation_level: "warning", message: "no label" } as const;

/** A small client that does everything right: reads, reports, comments and proposes a change. `mutate` breaks it on the way. */
async function story(mutate: Mutation = () => {}): Promise<void> {
  stories += 1;
  const name = `story-${stories}`;
  await github.createRepository(`containers/${name}`, { files: { Dockerfile: "FROM x\n" }, roles: { alice: "write" } });
  const alice = github.person("alice");
  const sha = await alice.push(`containers/${name}`, "topic", { Dockerfile: "FROM y\n" });
  const number = await alice.openPull(`containers/${name}`, { head: "topic" });
  const comment = await alice.comment(`containers/${name}`, number, "/build");

  const broken = (auth: string): Octokit => {
    // Without credentials of its own: Octokit would set them after the mutation.
    const client = octokit(github, "");
    client.hook.before("request", (options) => {
      const outgoing = options as unknown as Outgoing;
      authorize(outgoing, auth);
      mutate(outgoing);
    });
    return client;
  };
  const { data: granted } = await broken(appJwt(github)).rest.apps.createInstallationAccessToken({
    installation_id: installation,
    permissions: { checks: "write", contents: "write", pull_requests: "write", statuses: "write" },
  });
  const { rest } = broken(granted.token);
  const at = { owner: "containers", repo: name };
  await rest.reactions.createForIssueComment({ ...at, comment_id: comment, content: "eyes" });
  const { data: run } = await rest.checks.create({ ...at, name: "build", head_sha: sha, status: "in_progress", external_id: "1" });
  const output = { title: "Built", summary: "It was built.", annotations: [annotation] };
  await rest.checks.update({ ...at, check_run_id: run.id, status: "completed", conclusion: "success", output });
  await rest.checks.update({ ...at, check_run_id: run.id, output: { title: "Built", summary: "It was built and tested." } });
  await rest.checks.create({ ...at, name: "lint", head_sha: sha, status: "completed", conclusion: "neutral", output });
  await rest.checks.listForRef({ ...at, ref: sha, check_name: "build", filter: "all" });
  await rest.repos.createCommitStatus({ ...at, sha, state: "success", context: "flibs", description: "built" });
  await rest.issues.createComment({ ...at, issue_number: number, body: "Built." });
  await rest.git.getRef({ ...at, ref: "heads/main" });
}

/** Breaks the requests of one operation, told by method and the end of the URL's template. */
function on(method: string, end: string, change: Mutation): Mutation {
  return (outgoing) => {
    if (outgoing.method === method && outgoing.url.endsWith(end)) change(outgoing);
  };
}

/** 66,000 bytes. */
const long = "€".repeat(22_000);
const create = (change: Mutation) => on("POST", "/check-runs", change);
const update = (change: Mutation) => on("PATCH", "/check-runs/{check_run_id}", change);

const mutations: readonly (readonly [name: string, mutation: Mutation, told: string])[] = [
  [
    "a field is called otherwise",
    create((o) => Object.assign(o, { sha: o.head_sha, head_sha: undefined })),
    "checks/create: body must have required property",
  ],
  ["a property is not known", create((o) => Object.assign(o, { colour: "green" })), "additional properties (colour)"],
  [
    "a property of an annotation is not known",
    update((o) => annotate(o, [{ ...annotation, severity: 1 }])),
    "additional properties (severity)",
  ],
  ["51 annotations in one request", update((o) => annotate(o, Array(51).fill(annotation))), "must NOT have more than 50 items"],
  ["an output without title", update((o) => Object.assign(o, { output: { summary: "x" } })), "output without a title"],
  [
    "completed without a conclusion",
    create((o) => Object.assign(o, { conclusion: undefined, status: "completed" })),
    "conclusion is missing",
  ],
  [
    "completed_at without a conclusion",
    update((o) => Object.assign(o, { status: undefined, conclusion: undefined, completed_at: "2024-01-01T00:00:00Z" })),
    "conclusion",
  ],
  [
    "the conclusion stale",
    update((o) => Object.assign(o, { status: "completed", conclusion: "stale" })),
    "stale can only be set by GitHub",
  ],
  [
    "a completed run starts again",
    update((o) => o.conclusion ?? Object.assign(o, { status: "in_progress" })),
    "does not go back to in_progress",
  ],
  [
    "a summary of fewer than 65535 characters and more bytes",
    update((o) => Object.assign(o, { output: { title: "t", summary: long } })),
    "more than 65535 bytes",
  ],
  ["an empty details_url", create((o) => Object.assign(o, { details_url: "" })), "is no web address"],
  ["a time that is none", create((o) => Object.assign(o, { started_at: "yesterday" })), 'must match format "date-time"'],
  [
    "columns over several lines",
    update((o) => annotate(o, [{ ...annotation, end_line: 2, start_column: 1 }])),
    "columns over several lines",
  ],
  ["an annotation of more than 64 KB", update((o) => annotate(o, [{ ...annotation, raw_details: long }])), "longer than 64 KB"],
  ["an annotation before the first line", update((o) => annotate(o, [{ ...annotation, start_line: 0 }])), "has lines 0 to 1"],
  [
    "an address that is not of the web",
    on("POST", "/statuses/{sha}", (o) => Object.assign(o, { target_url: "ftp://x" })),
    "must use http(s)",
  ],
  ["an empty comment", on("POST", "/comments", (o) => Object.assign(o, { body: " " })), "can't be blank"],
  [
    "a button with a long label",
    update((o) => Object.assign(o, { actions: [{ label: "x".repeat(21), description: "d", identifier: "i" }] })),
    "20 characters",
  ],
  [
    "a status description of 141 characters",
    on("POST", "/statuses/{sha}", (o) => Object.assign(o, { description: "x".repeat(141) })),
    "maximum is 140",
  ],
  ["a comment of 65537 characters", on("POST", "/comments", (o) => Object.assign(o, { body: "x".repeat(65_537) })), "maximum is 65536"],
  [
    "a reaction that GitHub has not",
    on("POST", "/reactions", (o) => Object.assign(o, { content: "tada" })),
    "must be equal to one of the allowed values",
  ],
  [
    "a query parameter that is not known",
    on("GET", "{ref}/check-runs", (o) => Object.assign(o, { url: `${o.url}?latest=1` })),
    "query parameter latest is not known",
  ],
  ["a filter that GitHub has not", on("GET", "{ref}/check-runs", (o) => Object.assign(o, { filter: "newest" })), "query parameter filter"],
  [
    "an unknown route",
    on("GET", "/git/ref/{ref}", (o) => Object.assign(o, { url: o.url.replace("/git/ref/", "/git/reference/") })),
    "unknown route GET",
  ],
  ["another media type", create((o) => Object.assign(o.headers, { "content-type": "text/plain" })), "media type text/plain"],
  [
    "a JWT that lives eleven minutes",
    on("POST", "/access_tokens", (o) => authorize(o, appJwt(github, new Date(), 660))),
    "too far in the future",
  ],
  ["a JWT of another App", on("POST", "/access_tokens", (o) => authorize(o, forged())), "could not be decoded"],
  ["the App's JWT where a token is needed", create((o) => authorize(o, appJwt(github))), "credentials of app"],
  [
    "a token that may only read checks",
    on("POST", "/access_tokens", (o) => Object.assign(o, { permissions: { checks: "read" } })),
    "needs issues=write; pull_requests=write",
  ],
  [
    "writing checks with a token to read them",
    on("POST", "/access_tokens", (o) => Object.assign(o, { permissions: { checks: "read", issues: "write" } })),
    "checks/create needs checks=write",
  ],
];

function annotate(outgoing: Outgoing, annotations: readonly unknown[]): void {
  Object.assign(outgoing, { output: { title: "t", summary: "s", annotations } });
}

function authorize(outgoing: Outgoing, jwt: string): void {
  outgoing.headers.authorization = `bearer ${jwt}`;
}

function forged(): string {
  const [head = "", body = ""] = appJwt(github).split(".");
  return `${head}.${body}.${Buffer.alloc(256, 7).toString("base64url")}`;
}

test("a client that does everything right is let through", async () => {
  await story();
  expect(github.violations).toEqual([]);
});

test.each(mutations)("%s is noticed", async (_name, mutation, told) => {
  // The story goes on or breaks off; the double has seen it.
  await story(mutation).catch(() => {});
  expect(github.violations.join("\n")).toContain(told);
});

test("what depends on the state is refused without being a violation", async () => {
  await github.createRepository("containers/state", { files: { a: "1\n" }, roles: { alice: "write" } });
  await github.person("alice").push("containers/state", "topic", { a: "2\n" });
  const { data } = await octokit(github, appJwt(github)).rest.apps.createInstallationAccessToken({ installation_id: installation });
  const { rest } = octokit(github, data.token);
  const at = { owner: "containers", repo: "state" };
  const main = (await rest.git.getRef({ ...at, ref: "heads/main" })).data.object.sha;
  const pull = { ...at, head: "topic", base: "main", title: "t" };
  await rest.pulls.create(pull);
  const refusals = [
    rest.pulls.create(pull),
    rest.pulls.create({ ...pull, head: "main" }),
    rest.git.createRef({ ...at, ref: "refs/heads/topic", sha: main }),
    rest.git.updateRef({ ...at, ref: "heads/topic", sha: main }),
    rest.git.createTree({ ...at, base_tree: main, tree: [{ path: "gone", sha: null }] }),
    rest.checks.create({ ...at, name: "x", head_sha: "0".repeat(40) }),
  ];
  for (const each of refusals) await expect(each).rejects.toMatchObject({ status: 422 });
  await expect(rest.repos.get({ owner: "containers", repo: "nothing" })).rejects.toMatchObject({ status: 404 });
  expect(github.violations).toEqual([]);
});
