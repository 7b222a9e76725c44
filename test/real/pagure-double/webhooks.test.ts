import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Pagure, startPagure } from "../../fakes/pagure/pagure.ts";
import { pythonJson } from "../../fakes/pagure/python-json.ts";
import { sampleDeliveries } from "../../support/pagure-samples.ts";

const hello = "containers/hello";
let pagure: Pagure;

beforeAll(async () => {
  pagure = await startPagure();
  const files = { Dockerfile: "FROM x\n", "README.md": "é\n" };
  await pagure.createProject(hello, { files, defaultBranch: "rawhide" });
  const [alice, bob] = [pagure.person("alice"), pagure.person("bob")];
  const fork = await bob.fork(hello);
  await bob.push(fork, "topic", { Dockerfile: "FROM y\n" }, { from: "rawhide" });
  const number = await bob.openPull(hello, { head: "topic", base: "rawhide", title: "Ünïcode", fork });
  const comment = alice.comment(hello, number, "/build");
  const token = pagure.createToken({ user: "alice", acls: ["commit_flag", "pull_request_flag", "modify_project", "pull_request_update"] });
  const post = (path: string, fields: Record<string, string>) =>
    fetch(`${pagure.url}/api/0/${hello}/${path}`, {
      method: "POST",
      headers: { authorization: `token ${token}` },
      body: new URLSearchParams(fields),
    });
  const flag = { username: "CI", comment: "x", url: "https://ci.example.org/1", uid: "u" };
  await post(`pull-request/${number}/flag`, { ...flag, status: "pending" });
  await post(`pull-request/${number}/flag`, { ...flag, status: "success", percent: "100" });
  await post("options/update", { "Web-hooks": "" });
  await bob.push(fork, "topic", { Dockerfile: "FROM z\n" });
  await bob.push(fork, "topic", { Dockerfile: "FROM a\n" }, { from: `rawhide`, force: true });
  alice.editComment(hello, number, comment, "/build --scratch");
  await post(`pull-request/${number}`, { title: "Other", initial_comment: "text" });
  alice.close(hello, number);
  alice.reopen(hello, number);
  await alice.merge(hello, number);
  await alice.push(hello, "f42", { F: "1\n" });
  await alice.push(hello, "f42", { G: "1\n" }, { from: "rawhide", force: true });
  await alice.tag(hello, "t1", "f42", { T: "1\n" });
  await alice.deleteBranch(hello, "f42");
  pagure.testHook(hello);
}, 60_000);
afterAll(() => pagure.close());

const parsed = (body: Uint8Array) => JSON.parse(Buffer.from(body).toString()) as { msg: Record<string, unknown>; topic: string };

test("bodies are those of Python's json.dumps, byte for byte", () => {
  for (const { body } of sampleDeliveries())
    expect(pythonJson(JSON.parse(Buffer.from(body).toString()))).toBe(Buffer.from(body).toString());
});

/** Paths of all members that are objects or that have a value; null stands for either. */
function differing(sample: unknown, own: unknown, at = ""): readonly string[] {
  if (sample === null || own === null || sample === undefined || own === undefined) return [];
  if (Array.isArray(sample) && Array.isArray(own)) return differing(sample[0], own[0], `${at}[]`);
  if (typeof sample !== typeof own) return [`${at}: ${typeof sample}, ${typeof own}`];
  if (typeof sample !== "object" || typeof own !== "object") return [];
  if (/\.(changed_files)$/.test(at)) return [];
  const keys = new Set([...Object.keys(sample), ...Object.keys(own)]);
  return [...keys].flatMap((key) =>
    key in sample && key in own
      ? differing((sample as Record<string, unknown>)[key], (own as Record<string, unknown>)[key], `${at}.${key}`)
      : [`${at}.${key} is in one only`],
  );
}

const topics = [...new Set(sampleDeliveries().map(({ topic }) => topic))].filter(
  // What no call and nobody in this double does.
  (topic) => !/assigned|user\.added/.test(topic),
);

describe("what is sent has the members of what a Pagure sends", () => {
  test.each(topics)("%s", (topic) => {
    const samples = sampleDeliveries().filter((one) => one.topic === topic);
    const own = pagure.hooks.queued.filter((one) => one.topic === topic && one.project === hello);
    expect(own.length).toBeGreaterThan(0);
    for (const one of own) for (const sample of samples) expect(differing(parsed(sample.body), parsed(one.body))).toEqual([]);
  });
});

test("a body is signed with the project's key", () => {
  const key = pagure.regenerateHookKey(hello);
  pagure.testHook(hello);
  const sent = pagure.hooks.queued.at(-1);
  expect(sent?.headers["X-Pagure-Signature-256"]).toBe(
    createHmac("sha256", key)
      .update(sent?.body ?? "")
      .digest("hex"),
  );
});

test("a commit's flag is told before the pull request's, and its percent is a text", () => {
  const flags = pagure.hooks.queued.filter(({ topic }) => topic.includes("flag.updated"));
  expect(flags.map(({ topic }) => topic)).toEqual(["commit.flag.updated", "pull-request.flag.updated"]);
  expect(flags.map(({ msg }) => (msg.flag as { percent: unknown }).percent)).toEqual(["100", 100]);
});

test("events are lost, come twice and overtake each other; redirects are followed, a 302 loses the body", async () => {
  const got: string[] = [];
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      got.push(`${request.method} ${request.url} ${request.headers["content-length"] ?? "0"}`);
      const [, status, to] = /^\/(30\d)(\/.*)$/.exec(request.url ?? "") ?? [];
      response.writeHead(status === undefined ? 200 : Number(status), to === undefined ? {} : { location: to }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  pagure.setHookUrls(hello, [`${base}/302/after`, `${base}/307/after`]);
  pagure.testHook(hello);
  await pagure.hooks.settled();
  const size = pagure.hooks.queued.at(-1)?.body.length;
  expect(got).toEqual([`POST /302/after ${size}`, "GET /after 0", `POST /307/after ${size}`, `POST /after ${size}`]);
  pagure.setHookUrls(hello, [`${base}/ok`]);
  const fates = ["lost", "twice", "later", "sent"] as const;
  let turn = 0;
  pagure.hooks.fate = () => fates[turn++] ?? "sent";
  const first = pagure.hooks.queued.length;
  for (const _ of fates) pagure.testHook(hello);
  await pagure.hooks.settled();
  const ids = pagure.hooks.queued.slice(first).map(({ msgId }) => msgId);
  const arrived = pagure.hooks.attempts.filter(({ url }) => url.endsWith("/ok")).map(({ sent }) => ids.indexOf(sent.msgId));
  expect(arrived).toEqual([1, 1, 3, 2]);
  pagure.setHookUrls(hello, []);
  await new Promise((resolve) => server.close(resolve));
});
