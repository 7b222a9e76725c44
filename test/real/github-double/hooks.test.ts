import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import webhooks from "../../fakes/github/description/webhooks.json" with { type: "json" };
import type { Github } from "../../fakes/github/github.ts";
import { signatureOfBody } from "../../fakes/github/hooks.ts";
import { appJwt, installed, manifest, octokit, startDouble } from "./client.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

let github: Github;
let hook: Receiver;
let time = new Date("2026-01-01T00:00:00Z");
const repository = "containers/cockpit";
const at = { owner: "containers", repo: "cockpit" };

beforeEach(async () => {
  time = new Date("2026-01-01T00:00:00Z");
  hook = await startReceiver();
  github = await startDouble({ clock: () => time });
  await github.createRepository(repository, { files: { Dockerfile: "FROM x\n" }, roles: { alice: "write" } });
  await github.install("containers");
  github.hooks.url = hook.url;
});
afterEach(async () => {
  await github.close();
  await hook.close();
  expect(github.violations).toEqual([]);
});

const pull = async () => {
  const alice = github.person("alice");
  const sha = await alice.push(repository, "topic", { Dockerfile: "FROM y\n" });
  return { alice, sha, number: await alice.openPull(repository, { head: "topic", title: "Newer base" }) };
};

describe("what happens is told", () => {
  test("a life of a pull request", async () => {
    const { alice, number } = await pull();
    await alice.push(repository, "topic", { Dockerfile: "FROM z\n" });
    await alice.editPull(repository, number, { title: "Newest base" });
    await alice.closePull(repository, number);
    await alice.reopenPull(repository, number);
    const comment = await github.person("bob").comment(repository, number, "/build");
    await github.person("bob").editComment(comment, "/build now");
    await github.person("bob").deleteComment(comment);
    const merged = await alice.merge(repository, number, "squash");
    await alice.deleteBranch(repository, "topic");
    expect(hook.told().filter((each) => !each.startsWith("check_suite"))).toEqual([
      "create",
      "push",
      "pull_request.opened",
      "push",
      "pull_request.synchronize",
      "pull_request.edited",
      "pull_request.closed",
      "pull_request.reopened",
      "issue_comment.created",
      "issue_comment.edited",
      "issue_comment.deleted",
      "push",
      "pull_request.closed",
      "push",
      "delete",
    ]);
    const closed = hook.received.findLast(({ event }) => event === "pull_request")?.payload;
    expect(closed).toMatchObject({ number, pull_request: { merged: true, merge_commit_sha: merged, merged_by: { login: "alice" } } });
  });

  test("a comment has no commit id, and says whether it is on a pull request", async () => {
    const { alice, number } = await pull();
    await alice.comment(repository, number, "one");
    await alice.comment(repository, await alice.openIssue(repository, "Not a pull request"), "two");
    const [onPull, onIssue] = hook.received.filter(({ event }) => event === "issue_comment").map(({ payload }) => payload.issue);
    expect(onPull).toHaveProperty("pull_request.url");
    expect(onIssue).not.toHaveProperty("pull_request");
    expect(JSON.stringify(onPull)).not.toMatch(/[0-9a-f]{40}/);
  });

  test("runs tell their pull requests, but not those of forks", async () => {
    const { sha } = await pull();
    const bob = github.person("bob");
    const fork = await bob.fork(repository);
    const theirs = await bob.push(fork, "fix", { fix: "1\n" });
    await bob.openPull(repository, { head: "fix", fromFork: true });
    const { rest } = await client();
    await rest.checks.create({ ...at, name: "build", head_sha: sha });
    await rest.checks.create({ ...at, name: "build", head_sha: theirs });
    await github.hooks.settled();
    const runs = hook.received.filter(({ event }) => event === "check_run").map(({ payload }) => payload.check_run);
    expect(runs).toMatchObject([
      { head_sha: sha, pull_requests: [{ number: 1 }], check_suite: { head_branch: "topic" } },
      { head_sha: theirs, pull_requests: [], check_suite: { head_branch: null } },
    ]);
  });

  test("a re-run leaves the run and resets the suite; a button says which", async () => {
    const { alice, sha } = await pull();
    const { rest } = await client();
    const actions = [{ label: "Again", description: "Build once more", identifier: "again" }];
    const { data: run } = await rest.checks.create({
      ...at,
      name: "build",
      head_sha: sha,
      conclusion: "failure",
      external_id: "7",
      actions,
    });
    await alice.rerunCheck(run.id);
    await alice.pressAction(run.id, "again");
    const [suite] = github.reads.suites(repository, sha);
    await alice.rerunSuite(suite?.id ?? 0);
    expect(hook.told().slice(-3)).toEqual(["check_run.rerequested", "check_run.requested_action", "check_suite.rerequested"]);
    expect(hook.received.at(-2)?.payload).toMatchObject({ requested_action: { identifier: "again" }, check_run: { external_id: "7" } });
    expect(github.reads.runs(repository, sha)).toMatchObject([{ status: "completed", conclusion: "failure" }]);
    expect(suite?.status).toBe("queued");
    await expect(github.person("bob").rerunCheck(run.id)).rejects.toThrow("may not write");
  });

  test("the merge queue asks for checks on a branch of its own", async () => {
    const { number } = await pull();
    const group = await github.enqueue(repository, number, "alice");
    await github.leaveQueue(group, "merged");
    expect(hook.told().filter((each) => each.startsWith("merge_group"))).toEqual(["merge_group.checks_requested", "merge_group.destroyed"]);
    expect(group.headRef).toMatch(/^refs\/heads\/gh-readonly-queue\/main\/pr-1-[0-9a-f]{40}$/);
    expect(await github.reads.head(repository, "main")).toBe(group.headSha);
  });

  test("only what the App subscribed to, and what concerns its installations", async () => {
    await github.createRepository("others/thing", { files: { a: "1" }, roles: { alice: "write" } });
    await github.person("alice").push("others/thing", "main", { a: "2" });
    expect(hook.received).toEqual([]);
    await github.install("others", { events: ["issue_comment"], permissions: { issues: "write" } });
    await github.person("alice").push("others/thing", "main", { a: "3" });
    await github.ping();
    expect(hook.told()).toEqual(["installation.created", "ping"]);
  });
});

const client = async () =>
  installed(github, (await octokit(github, appJwt(github, time)).rest.apps.listInstallations()).data[0]?.id ?? 0, undefined, time);

describe("deliveries", () => {
  test("may be answered after the App has acted on them", async () => {
    const { rest } = await client();
    hook.act = async ({ event, payload }) => {
      if (event !== "push") return;
      await rest.checks.create({ ...at, name: "build", head_sha: String(payload.after), conclusion: "success" });
    };
    const sha = await github.person("alice").push(repository, "main", { a: "1\n" });
    expect(github.reads.runs(repository, sha)).toMatchObject([{ name: "build", conclusion: "success" }]);
  });

  test("are signed, and carry GitHub's headers", async () => {
    await pull();
    const [first] = hook.received;
    expect(first?.headers).toMatchObject({
      "x-hub-signature-256": signatureOfBody(github.hooks.secret, first?.body ?? ""),
      "x-github-hook-installation-target-type": "integration",
      "x-github-hook-installation-target-id": String(github.app.id),
      "content-type": "application/json",
    });
    const described = webhooks.webhooks.push.post.parameters.map(({ name }) => name.toLowerCase());
    expect(Object.keys(first?.headers ?? {})).toEqual(expect.arrayContaining(described));
    expect(first?.headers["user-agent"]).toMatch(/^GitHub-Hookshot\//);
  });

  test("that failed stand in the ledger and come again with the same guid", async () => {
    github.hooks.transmission.down = true;
    await github.person("alice").push(repository, "main", { a: "1\n" });
    hook.status = 500;
    github.hooks.transmission.down = false;
    await github.person("alice").push(repository, "main", { a: "2\n" });
    const { rest } = octokit(github, appJwt(github, time));
    const { data: failed } = await rest.apps.listWebhookDeliveries({ status: "failure" });
    expect(failed).toMatchObject([
      { event: "check_suite", status_code: 500 },
      { event: "push", status_code: 500 },
    ]);
    // One without any answer is neither a failure nor a success.
    const all = (await rest.apps.listWebhookDeliveries()).data;
    expect(all.map(({ status_code }) => status_code)).toEqual([500, 500, 0, 0]);
    hook.status = 200;
    const lost = all.at(-1);
    await rest.apps.redeliverWebhookDelivery({ delivery_id: lost?.id ?? 0 });
    await github.hooks.settled();
    expect(hook.received.at(-1)).toMatchObject({ event: "push", guid: lost?.guid });
    const { data: newest } = await rest.apps.listWebhookDeliveries({ per_page: 1 });
    expect(newest).toMatchObject([{ redelivery: true, guid: lost?.guid, status: "OK" }]);
    const { data: whole } = await rest.apps.getWebhookDelivery({ delivery_id: newest[0]?.id ?? 0 });
    expect(whole.request.payload).toEqual(hook.received.at(-1)?.payload);
  });

  test("are listed by cursor, newest first, and forgotten after three days", async () => {
    for (const text of ["1", "2", "3"]) await github.person("alice").push(repository, "main", { a: text });
    const app = octokit(github, appJwt(github, time));
    const pages = await app.paginate(app.rest.apps.listWebhookDeliveries, { per_page: 2 });
    expect(pages.map(({ guid }) => guid)).toEqual(hook.received.map(({ guid }) => guid).reverse());
    time = new Date("2026-01-04T00:00:01Z");
    expect((await octokit(github, appJwt(github, time)).rest.apps.listWebhookDeliveries()).data).toEqual([]);
  });

  test("are lost, doubled, held back and shuffled on demand", async () => {
    const push = (text: string) => github.person("alice").push(repository, "main", { a: text });
    github.hooks.transmission.loseEvery = 2;
    await push("1");
    await push("2");
    // Each event is counted for itself.
    expect(hook.told()).toEqual(["push", "check_suite.requested"]);
    expect(github.hooks.lost.map(({ event }) => event)).toEqual(["push", "check_suite"]);
    Object.assign(github.hooks.transmission, { loseEvery: undefined, doubleEvery: 2, hold: true });
    await push("3");
    expect(hook.received).toHaveLength(2);
    github.hooks.transmission.shuffle = (count) => [...Array(count).keys()].reverse();
    await github.hooks.release();
    expect(hook.told().slice(2)).toEqual(["check_suite.requested", "check_suite.requested", "push", "push"]);
    expect(hook.received.at(-1)?.guid).toBe(hook.received.at(-2)?.guid);
  });
});

test("what the manifest asks for in vain is told", async () => {
  const { sha } = await pull();
  const { rest } = await client();
  await rest.checks.create({ ...at, name: "build", head_sha: sha });
  await rest.repos.getContent({ ...at, path: "Dockerfile" });
  await github.hooks.settled();
  expect(github.usage.unusedPermissions(manifest)).toEqual([
    "contents: write",
    "issues: write",
    "members: read",
    "merge_queues: read",
    "pull_requests: write",
    "statuses: write",
  ]);
  expect(github.usage.unusedEvents(manifest)).toEqual(["delete", "issue_comment", "merge_group"]);
  expect(github.usage.count("checks/create")).toBe(1);
});
