import { PassThrough } from "node:stream";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { pagureClient } from "../../../src/forge/pagure/client.ts";
import type { PagureWorld } from "../../../src/forge/pagure/pagure-world.ts";
import { findWhole, readPulls } from "../../../src/forge/pagure/pull-listing.ts";
import { changesSince } from "../../../src/forge/pagure/sweep.ts";
import { watchTokens } from "../../../src/forge/pagure/token-watch.ts";
import { createLog, silentLog } from "../../../src/log.ts";
import { sampleExchanges } from "../../support/pagure-samples.ts";
import { useNock } from "../../support/setup-nock.ts";

const nock = useNock();
const root = "https://pagure.example.test";
const hello = "containers/hello";
const sample = sampleExchanges().find(({ name }) => name === "08-pr-get")?.body as { id: number } & Record<string, unknown>;
const pull = (id: number, more: object = {}) => ({ ...sample, id, status: "Open", ...more });
const maxAnswerBytes = 400_000;
const large = { initial_comment: "x".repeat(maxAnswerBytes) };

function open() {
  const lines: Record<string, unknown>[] = [];
  const stream = new PassThrough().on("data", (chunk: Buffer) => lines.push(JSON.parse(chunk.toString())));
  const log = createLog("info", stream);
  const token = { secret: "T", expires: undefined };
  const tokens = watchTokens({ reports: token, promotions: token }, log, () => new Date("2026-11-23T12:00:00Z"));
  const delay = async () => {};
  const client = pagureClient({ root, tokens, delay, maxAnswerBytes });
  return { world: { name: "pagure", root, user: "lisbot", client, log, delay } as unknown as PagureWorld, lines };
}

/** A project with these pull requests, newest first; returns what was asked, as `<pull requests>@<page>`. */
function serve(pulls: readonly unknown[], repository = hello): string[] {
  const asked: string[] = [];
  nock(root)
    .persist()
    .get(`/api/0/${repository}/pull-requests`)
    .query(true)
    .reply((uri) => {
      const query = new URL(uri, root).searchParams;
      const [size, page] = [Number(query.get("per_page")), Number(query.get("page"))];
      asked.push(`${size}@${page}`);
      const next = page * size < pulls.length ? "https://next" : null;
      return [200, { requests: pulls.slice((page - 1) * size, page * size), pagination: { next } }, { "content-type": "application/json" }];
    });
  return asked;
}

async function list(world: PagureWorld): Promise<number[]> {
  const found: number[] = [];
  for await (const part of readPulls(world, hello, { status: "Open" })) found.push(...part.map(({ id }) => id));
  return found;
}

test.each([
  ["a branch of 301 letters", pull(2, { branch_from: "x".repeat(301) }), 2],
  ["no title", pull(2, { title: null }), 2],
  ["no number", pull(2, { id: "2" }), undefined],
  ["nothing at all", null, undefined],
])("a pull request with %s hides no other, and is told once for its page", async (_name, bad, number) => {
  serve([pull(3), bad, bad, pull(1)]);
  const { world, lines } = open();
  expect(await list(world)).toEqual([3, 1]);
  expect(lines).toMatchObject([{ level: 40, repository: hello }]);
  if (number !== undefined) expect(lines[0]).toMatchObject({ pulls: [number, number] });
});

test("whatever stands among them, those that fit are listed", async () => {
  const anything = fc.oneof(
    fc.jsonValue(),
    fc.tuple(fc.constantFrom(...Object.keys(sample)), fc.jsonValue()).map(([key, value]) => pull(2, { [key]: value })),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(anything), fc.array(anything), async (before, after) => {
      const requests = [...before, pull(7), ...after];
      const client = { read: async () => ({ requests, pagination: { next: null } }) };
      expect(await list({ client, log: silentLog } as unknown as PagureWorld)).toContain(7);
    }),
  );
});

test("a listing that is too large is asked for in smaller pages, and the one that is too large by itself is left out", async () => {
  const pulls = Array.from({ length: 130 }, (_, i) => pull(130 - i, i === 14 ? large : {}));
  const asked = serve(pulls);
  const { world, lines } = open();
  const found = await list(world);
  expect(found).toHaveLength(129);
  expect(found).toEqual(pulls.map(({ id }) => id).filter((id) => id !== 116));
  expect(lines).toMatchObject([{ level: 40, repository: hello, place: 15 }]);
  const singles = Array.from({ length: 10 }, (_, i) => `1@${11 + i}`);
  expect(asked).toEqual(["100@1", "10@1", "10@2", ...singles, ...[3, 4, 5, 6, 7, 8, 9, 10].map((n) => `10@${n}`), "100@2"]);
});

test("the last one being too large ends the listing all the same", async () => {
  serve([pull(2), pull(1, large)]);
  const { world, lines } = open();
  expect(await list(world)).toEqual([2]);
  expect(lines).toHaveLength(1);
});

test("one that can be read no longer is told as that; one that is not there is none", async () => {
  const at = (number: number) => `/api/0/${hello}/pull-request/${number}`;
  nock(root)
    .get(at(1))
    .reply(200, pull(1, { branch: 1 }));
  nock(root).get(at(2)).reply(200, pull(2, large));
  nock(root).get(at(3)).reply(404, { error: "none", error_code: "ENOREQ" });
  nock(root).get(at(4)).reply(403, { error: "no", error_code: "ENO" });
  const { world } = open();
  expect([await findWhole(world, hello, 1), await findWhole(world, hello, 2)]).toEqual(["unreadable", "unreadable"]);
  expect(await findWhole(world, hello, 3)).toBeUndefined();
  await expect(findWhole(world, hello, 4)).rejects.toMatchObject({ code: "forge.refused" });
});

test("a sweep hears of the others, and keeps what it had seen of the one that it cannot read", async () => {
  const watched = { namespace: "containers", manifests: "containers/manifests" };
  nock(root)
    .persist()
    .get("/api/0/projects")
    .query(true)
    .reply(200, { projects: [{ fullname: hello }], pagination: { next: null } });
  nock(root).persist().get(`/api/0/${hello}/git/branches`).query(true).reply(200, { branches: {}, default: {} });
  nock(root).persist().get("/api/0/containers/manifests/git/branches").query(true).reply(404, {});
  nock(root)
    .persist()
    .get(`/api/0/${hello}/pull-request/2`)
    .reply(200, pull(2, { branch_from: "x".repeat(301) }));
  serve([pull(3), pull(2, { branch_from: "x".repeat(301) }), pull(1)]);
  const seen = { head: "h", comments: [7] };
  const before = { version: 1, repositories: { [hello]: { heads: {}, open: { 1: seen, 2: seen }, newest: 2 } } };
  const { events, cursor } = await changesSince(open().world, watched, JSON.stringify(before));
  expect(events.flatMap((one) => (one.kind === "pull-opened" || one.kind === "pull-updated" ? [`${one.kind} ${one.number}`] : []))).toEqual(
    ["pull-updated 1", "pull-opened 3"],
  );
  const { open: now } = JSON.parse(cursor).repositories[hello];
  expect(Object.keys(now)).toEqual(["1", "2", "3"]);
  expect(now[2]).toEqual(seen);
});
