import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Octokit } from "@octokit/rest";
import type { Github } from "../../fakes/github/github.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";
import { appJwt, octokit, startDouble } from "./client.ts";

let github: Github;
let rest: Octokit["rest"];
let installation = 0;
const repository = "containers/cockpit";
const at = { owner: "containers", repo: "cockpit" };

beforeAll(async () => {
  github = await startDouble();
  const files = { Dockerfile: "FROM x\n", "root/run": { text: "#!/bin/sh\n", executable: true }, link: { link: "Dockerfile" } } as const;
  await github.createRepository(repository, { files, roles: { alice: "write", carol: "maintain", dave: "triage" }, private: true });
  installation = (await github.install("containers")).id;
  rest = octokit(github, await token()).rest;
});
afterAll(async () => {
  await github.close();
  expect(github.violations).toEqual([]);
});

async function token(permissions?: Readonly<Record<string, string>>): Promise<string> {
  const app = octokit(github, appJwt(github));
  const wanted = { installation_id: installation, ...(permissions ? { permissions } : {}) };
  return (await app.rest.apps.createInstallationAccessToken(wanted)).data.token;
}

const address = (secret: string) => `http://x-access-token:${secret}@${github.url.slice("http://".length)}/${repository}.git`;
const run = (args: readonly string[]) => promisify(execFile)("git", args, { env: { ...process.env, GIT_TERMINAL_PROMPT: "0" } });

test("a commit is fetched by its id, even one that no branch has", async () => {
  await using scratch = await scratchDirectory();
  const bob = github.person("bob");
  const theirs = await bob.push(await bob.fork(repository), "fix", { fix: "1\n" });
  const clone = join(scratch.path, "clone");
  await run(["init", "--quiet", clone]);
  await run(["-C", clone, "fetch", "--quiet", "--depth=1", address(await token({ contents: "read" })), theirs]);
  const { stdout } = await run(["-C", clone, "ls-tree", "-r", "FETCH_HEAD"]);
  expect(stdout.split("\n").map((line) => line.replace(/ \w+ .*\t/, " "))).toEqual([
    "100644 Dockerfile",
    "100644 fix",
    "120000 link",
    "100755 root/run",
    "",
  ]);
});

test.each([
  ["without a token", async (): Promise<string> => "", "could not read Username|Authentication failed|terminal prompts disabled"],
  ["with a token of the past", async (): Promise<string> => "ghs_1_a.b.c", "Authentication failed"],
  ["with a token that has no contents", (): Promise<string> => token({ checks: "write" }), "not found"],
] as const)("nothing is cloned %s", async (_name, secret, told) => {
  const url = (await secret()) === "" ? `${github.url}/${repository}.git` : address(await secret());
  await expect(run(["ls-remote", url])).rejects.toThrow(new RegExp(told, "i"));
});

test("a change is made with trees, commits and refs", async () => {
  const main = (await rest.git.getRef({ ...at, ref: "heads/main" })).data.object.sha;
  const base = (await rest.git.getCommit({ ...at, commit_sha: main })).data.tree.sha;
  const entries = [
    { path: "images/f40/cockpit.yaml", mode: "100644", type: "blob", content: "digest: x\n" },
    { path: "Dockerfile", mode: "100644", type: "blob", sha: null },
  ] as const;
  const tree = (await rest.git.createTree({ ...at, base_tree: base, tree: [...entries] })).data.sha;
  const person = { name: "flibs", email: "flibs@example.org", date: "2026-01-01T00:00:00Z" };
  const commit = { ...at, message: "promote", tree, parents: [main], author: person, committer: person };
  const { sha } = (await rest.git.createCommit(commit)).data;
  // Fixed persons and dates give the same commit again.
  expect((await rest.git.createCommit(commit)).data.sha).toBe(sha);
  await rest.git.createRef({ ...at, ref: "refs/heads/promote/f40/cockpit", sha });
  const pull = (await rest.pulls.create({ ...at, title: "Promote", head: "promote/f40/cockpit", base: "main", body: "x" })).data;
  expect(pull).toMatchObject({ mergeable: null, commits: 1, changed_files: 2, user: { login: "flibs[bot]", type: "Bot" } });
  expect((await rest.pulls.get({ ...at, pull_number: pull.number })).data.mergeable).toBeNull();
  expect((await rest.pulls.get({ ...at, pull_number: pull.number })).data.mergeable).toBe(true);
  const files = (await rest.pulls.listFiles({ ...at, pull_number: pull.number })).data;
  expect(files.map(({ filename, status }) => [filename, status])).toEqual([
    ["Dockerfile", "removed"],
    ["images/f40/cockpit.yaml", "added"],
  ]);
  expect((await rest.pulls.list({ ...at, head: "containers:promote/f40/cockpit", state: "open" })).data).toHaveLength(1);
  expect(await github.reads.file(repository, sha, "images/f40/cockpit.yaml")).toBe("digest: x\n");
  await rest.git.deleteRef({ ...at, ref: "heads/promote/f40/cockpit" });
  expect(github.reads.pull(repository, pull.number).state).toBe("closed");
});

test.each(["merge", "squash", "rebase"] as const)("after a %s the pull request is found by what it brought", async (method) => {
  const alice = github.person("alice");
  await alice.push(repository, `by-${method}`, { [method]: "1\n" }, { message: "one" });
  await alice.push(repository, `by-${method}`, { [method]: "2\n" }, { message: "two" });
  const number = await alice.openPull(repository, { head: `by-${method}` });
  const merged = await alice.merge(repository, number, method);
  expect(await github.reads.head(repository, "main")).toBe(merged);
  const { data } = await rest.repos.listPullRequestsAssociatedWithCommit({ ...at, commit_sha: merged });
  expect(data.map((pull) => pull.number)).toEqual([number]);
  const { data: commit } = await rest.git.getCommit({ ...at, commit_sha: merged });
  expect(commit.parents).toHaveLength(method === "merge" ? 2 : 1);
  const revert = await alice.revert(repository, number);
  await alice.merge(repository, revert);
  const back = await github.reads.file(repository, "main", method);
  expect(back).toBe(method === "rebase" ? "1\n" : undefined);
});

test("a conflict can't be merged", async () => {
  const alice = github.person("alice");
  await alice.push(repository, "ours", { "root/run": "ours\n" });
  const number = await alice.openPull(repository, { head: "ours" });
  await alice.push(repository, "main", { "root/run": "theirs\n" });
  await rest.pulls.get({ ...at, pull_number: number });
  expect((await rest.pulls.get({ ...at, pull_number: number })).data).toMatchObject({ mergeable: false, mergeable_state: "dirty" });
  await expect(alice.merge(repository, number)).rejects.toThrow("not mergeable");
});

test("a push that contains a pull request merges it", async () => {
  const alice = github.person("alice");
  await alice.push(repository, "direct", { direct: "1\n" });
  const number = await alice.openPull(repository, { head: "direct" });
  await alice.push(repository, "main", { more: "1\n" }, { from: "direct", force: true });
  expect(github.reads.pull(repository, number)).toMatchObject({ state: "closed", mergedBy: "alice" });
});

test("roles are shown as the old words and as what they are", async () => {
  const shown = async (username: string) => {
    const { data } = await rest.repos.getCollaboratorPermissionLevel({ ...at, username });
    return [data.permission, data.role_name];
  };
  expect(await shown("alice")).toEqual(["write", "write"]);
  expect(await shown("carol")).toEqual(["write", "maintain"]);
  expect(await shown("dave")).toEqual(["read", "triage"]);
  expect(await shown("bob")).toEqual(["none", ""]);
  await expect(shown("nobody")).rejects.toMatchObject({ status: 404 });
});

test("contents and archives come at any commit", async () => {
  const { data: link } = await rest.repos.getContent({ ...at, path: "link" });
  expect(link).toMatchObject({ type: "symlink", target: "Dockerfile" });
  const { data: root } = await rest.repos.getContent({ ...at, path: "" });
  expect(Array.isArray(root) && root.map(({ name, type }) => `${type} ${name}`)).toContain("dir root");
  await github.person("alice").push(repository, "large", { large: "x".repeat(2 ** 20 + 1) });
  const { data: large } = await rest.repos.getContent({ ...at, path: "large", ref: "large" });
  expect(large).toMatchObject({ encoding: "none", content: "" });
  const { data: raw } = await rest.repos.getContent({ ...at, path: "large", ref: "large", mediaType: { format: "raw" } });
  expect(String(raw)).toHaveLength(2 ** 20 + 1);
  const { data: archive } = await rest.repos.downloadTarballArchive({ ...at, ref: "main" });
  expect(Buffer.from(archive as ArrayBuffer).subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
});
