import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type Pagure, startPagure } from "../../fakes/pagure/pagure.ts";
import { type SampleExchange, sampleExchanges, sampleKeys, withoutChance } from "../../support/pagure-samples.ts";

// What a real Pagure answered, asked of the double in the same order. Between the exchanges lies what people did meanwhile.
const hello = "containers/hello";
const manifest = "containers/manifest";
let pagure: Pagure;
const tokens = new Map<string, string>();
const commits = new Map<string, string>();
let task = "";

beforeAll(async () => {
  pagure = await startPagure({ instance: "https://pagure.example.test/" });
  for (const [name, full] of [
    ["alice", "Alice Maintainer"],
    ["bob", "Bob Contributor"],
    ["lisbot", "Layered Image Bot"],
  ] as const)
    pagure.user(name, full);
  const files = { Dockerfile: "FROM x\nLABEL release=1\n", "README.md": "hello\n", "root/hello.sh": "echo\n" };
  await pagure.createProject(hello, {
    files,
    defaultBranch: "rawhide",
    description: "hello layered image",
    hookKey: sampleKeys[hello] ?? "",
  });
  const commit = ["lisbot"];
  await pagure.createProject(manifest, {
    files: { a: "1\n" },
    description: "registry manifest",
    hookKey: sampleKeys[manifest] ?? "",
    users: { commit },
  });
  const bob = pagure.person("bob");
  const fork = await bob.fork(hello);
  await bob.push(fork, "update-label", { Dockerfile: "FROM x\nLABEL release=2\n" }, { from: "rawhide" });
  const personal = ["create_project", "fork_project", "modify_project", "pull_request_create", "pull_request_update", "commit"];
  for (const user of ["alice", "bob", "lisbot"]) tokens.set(user, pagure.createToken({ user, acls: personal }));
  const all = [...personal, "pull_request_merge", "pull_request_comment", "pull_request_flag", "commit_flag", "pull_request_close"];
  tokens.set("alice_hello", pagure.createToken({ user: "alice", project: hello, acls: all }));
  const admin = ["pull_request_flag", "pull_request_comment", "pull_request_merge", "commit_flag"];
  tokens.set("lisbot_admin", pagure.createToken({ user: "lisbot", acls: admin }));
}, 60_000);
afterAll(() => pagure.close());

/** What happened before an exchange, by its name. */
const before: Readonly<Record<string, () => Promise<void>>> = {
  "08-pr-get": async () => {
    const alice = pagure.person("alice");
    alice.comment(hello, 1, "/build\n\nplease");
  },
  "09-pr-flag-pending": async () => {
    await send({
      method: "POST",
      path: `/api/0/${hello}/pull-request/1/comment`,
      auth: "token <alice_hello>",
      form: { comment: "why 2?", commit: pagure.pull(hello, 1).stop, filename: "Dockerfile", row: "2" },
    });
  },
  "14-pr-flag-get": async () => {
    const sample = sampleExchanges().find(({ name }) => name === "14-pr-flag-get")?.body as {
      flags: Record<string, string | number | null>[];
    };
    // The first is there already.
    for (const { username, comment, url, status, percent } of sample.flags.slice(1)) {
      // The form of old: a percent, and no status.
      const how = percent === null ? { status } : percent === 0 ? { percent } : { status, percent };
      const form = Object.fromEntries(Object.entries({ username, comment, url, ...how }).map(([key, value]) => [key, String(value)]));
      await send({ method: "POST", path: `/api/0/${hello}/pull-request/1/flag`, auth: "token <lisbot_admin>", form });
    }
  },
  "19-git-branches": async () => void (await pagure.person("alice").push(hello, "f42", { F: "1\n" }, { from: "rawhide" })),
  "20-tree-branch": async () => void (await pagure.person("alice").push(hello, "rawhide", { NEWS: "1\n" })),
  "21-commit-info": async () => {
    const bob = pagure.person("bob");
    const commit = await bob.push(
      `forks/bob/${hello}`,
      "explained",
      { "README.md": "v2\n" },
      { message: "Explain more (v2)", from: "update-label" },
    );
    commits.set("1515869d5b56ed4c63cade6ce77badc871cb9025", commit);
  },
  "24-pr-new-same-repo": async () =>
    void (await pagure.person("lisbot").push(manifest, "promote/hello-1-2", { a: "2\n" }, { from: "main" })),
  "25-pr-merge-nochange": async () => {
    const alice = pagure.person("alice");
    await alice.push(hello, "topic1", { T1: "1\n" }, { from: "rawhide" });
    await alice.openPull(hello, { head: "topic1", base: "rawhide" });
    // Its commit reaches the target by a push.
    await alice.push(hello, "rawhide", {}, { force: true, from: "topic1" });
  },
  "26-pr-merge-async-json": async () => {
    const alice = pagure.person("alice");
    for (const topic of ["t3", "t4"]) {
      await alice.push(hello, topic, { T1: topic }, { from: "topic1" });
      await alice.openPull(hello, { head: topic, base: "rawhide" });
    }
    await alice.merge(hello, 3);
  },
};

async function send(request: Partial<SampleExchange["request"]> & { method: string; path: string }) {
  const [, name] = /<(.+)>/.exec(request.auth ?? "") ?? [];
  let path = request.path;
  for (const [sample, own] of commits) path = path.replace(sample, own);
  if (task !== "") path = path.replace(/task\/[^/]+\//, `task/${task}/`);
  const query = request.params ? `?${new URLSearchParams(request.params)}` : "";
  const body = request.json ? JSON.stringify(request.json) : request.form ? new URLSearchParams(request.form) : undefined;
  const answer = await fetch(`${pagure.url}${path}${query}`, {
    method: request.method,
    headers: {
      ...(name && { authorization: `token ${tokens.get(name)}` }),
      ...(request.json ? { "content-type": "application/json" } : {}),
    },
    ...(body !== undefined && { body }),
  });
  const type = answer.headers.get("content-type") ?? "";
  const text = await answer.text();
  return { status: answer.status, type, text, body: type.startsWith("application/json") ? JSON.parse(text) : undefined };
}

/** Whether something can be merged is found out in the background, at any time; authors' names are those of git there. */
function comparable(value: unknown): unknown {
  return JSON.parse(JSON.stringify(withoutChance(value)), (key, member) =>
    ["cached_merge_status", "author", "committer"].includes(key) && typeof member === "string" ? "<any>" : member,
  );
}

test.each(sampleExchanges().map((one) => [one.name, one] as const))(
  "%s",
  async (name, sample) => {
    await before[name]?.();
    const got = await send(sample.request);
    expect([got.status, got.type]).toEqual([sample.status, sample.headers["Content-Type"]]);
    if (sample.text !== undefined) expect(got.text).toBe(sample.text);
    else expect(comparable(got.body)).toEqual(comparable(sample.body));
    if (name === "26-pr-merge-async-json") {
      task = got.body.taskid;
      const isReady = async () => (await send({ method: "GET", path: `/api/0/task/${task}/status` })).body.ready;
      while (!(await isReady())) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  },
  30_000,
);
