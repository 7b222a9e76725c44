import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type Pagure, startPagure } from "../../fakes/pagure/pagure.ts";

const hello = "containers/hello";
const run = promisify(execFile);
let pagure: Pagure;
let token: string;
let head: string;

beforeEach(async () => {
  pagure = await startPagure();
  await pagure.createProject(hello, { files: { a: "1\n" } });
  token = pagure.createToken({ user: "alice", acls: ["commit_flag", "commit", "pull_request_merge"] });
  head = (await pagure.head(hello, "main")) ?? "";
});
afterEach(() => pagure.close());

async function flag(fields: Record<string, string>, project = hello) {
  const body = new URLSearchParams({ username: "CI", comment: "x", url: "https://ci.example.org/", ...fields });
  const answer = await fetch(`${pagure.url}/api/0/${project}/c/${head}/flag`, {
    method: "POST",
    headers: { authorization: `token ${token}` },
    body,
  });
  return { status: answer.status, ...((await answer.json()) as { error_code?: string; message?: string }) };
}

test("a uid of 33 characters, and a second post of one uid at the same moment, are errors of the database", async () => {
  expect(await flag({ uid: "u".repeat(33) })).toMatchObject({ status: 400, error_code: "EDBERROR" });
  const answers = await Promise.all(["1", "2", "3"].map(() => flag({ uid: "u" })));
  const statuses = answers.map(({ status }) => status);
  expect(statuses).toContain(200);
  expect(statuses).toContain(400);
});

test("one uid and commit in two projects is one flag, shown where it was first", async () => {
  await pagure.createProject("containers/other");
  expect((await flag({ uid: "u" })).message).toBe("Flag added");
  expect((await flag({ uid: "u", status: "success" }, "containers/other")).message).toBe("Flag updated");
  expect(pagure.flags(hello, head)).toMatchObject([{ status: "success" }]);
  expect(pagure.flags("containers/other", head)).toEqual([]);
});

test("a merge of a branch that was there before is told as a push with its number", async () => {
  const alice = pagure.person("alice");
  const topic = await alice.push(hello, "topic", { b: "1\n" }, { from: "main" });
  const number = await alice.openPull(hello, { head: "topic", base: "main" });
  await alice.merge(hello, number);
  const pushes = pagure.hooks.queued.filter(({ topic: what, msg }) => what === "git.receive" && msg.branch === "main");
  expect(pushes.map(({ msg }) => [msg.end_commit, msg.pull_request_id])).toContainEqual([topic, number]);
});

test("statistics of a pull request are not there for a moment", async () => {
  const alice = pagure.person("alice");
  await alice.push(hello, "topic", { b: "1\n" }, { from: "main" });
  const number = await alice.openPull(hello, { head: "topic", base: "main" });
  pagure.loseStats(1);
  const ask = async () => (await fetch(`${pagure.url}/api/0/${hello}/pull-request/${number}/diffstats`)).json();
  expect(await ask()).toMatchObject({ error_code: "ENOPRSTATS" });
  expect(await ask()).toMatchObject({ b: { status: "A", lines_added: 1 } });
});

test("git is pushed over HTTP with a token, and told; without one, or with another's, it is refused", async () => {
  const scratch = await mkdtemp(join(tmpdir(), "flibs-pagure-push-"));
  try {
    const git = (...args: string[]) =>
      run("git", args, { cwd: scratch, env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_TERMINAL_PROMPT: "0" } });
    await git("clone", "--quiet", `${pagure.url}/${hello}.git`, ".");
    await git("-c", "user.name=alice", "-c", "user.email=alice@example.org", "commit", "--quiet", "--allow-empty", "-m", "more");
    const at = (user: string, secret: string) => `${pagure.url.replace("http://", `http://${user}:${secret}@`)}/${hello}.git`;
    await expect(git("push", "--quiet", at("mallory", token), "HEAD:main")).rejects.toThrow(/403/);
    await expect(git("push", "--quiet", at("alice", "NOTOKEN"), "HEAD:main")).rejects.toThrow(/Authentication failed/);
    await git("push", "--quiet", at("alice", token), "HEAD:main");
    expect(await pagure.head(hello, "main")).not.toBe(head);
    expect(pagure.hooks.queued.map(({ topic }) => topic)).toEqual(["git.receive"]);
  } finally {
    await rm(scratch, { recursive: true });
  }
});

test("who may commit stands in lists, in groups, in patterns of branches, or on no list at all", async () => {
  pagure.group("packagers", ["carol"]);
  pagure.externalCommitter("proven");
  await pagure.createProject("containers/groups", {
    groups: { commit: ["packagers"] },
    users: { collaborator: ["dave"] },
    collaboratorBranches: { dave: "f*" },
  });
  const ask = async (user: string, branch: string) =>
    (
      (await (await fetch(`${pagure.url}/api/0/containers/groups/hascommit?user=${user}&branch=${branch}`)).json()) as {
        hascommit: boolean;
      }
    ).hascommit;
  const asked = await Promise.all([
    ask("carol", "main"),
    ask("proven", "main"),
    ask("dave", "f42"),
    ask("dave", "main"),
    ask("nobody", "main"),
  ]);
  expect(asked).toEqual([true, true, true, false, false]);
});

test("a fault is what the next request gets, once", async () => {
  pagure.faults.next("version", "500");
  const first = await fetch(`${pagure.url}/api/0/version`);
  expect([first.status, first.headers.get("content-type")]).toEqual([500, "text/html; charset=utf-8"]);
  expect((await fetch(`${pagure.url}/api/0/version`)).status).toBe(200);
});
