import { PassThrough } from "node:stream";
import { expect, test } from "@jest/globals";
import { pagureForge } from "../../../src/forge/pagure/pagure-forge.ts";
import { createLog } from "../../../src/log.ts";
import { sampleDeliveries, sampleExchanges } from "../../support/pagure-samples.ts";
import { useNock } from "../../support/setup-nock.ts";

const nock = useNock();
const root = "https://pagure.example.test";
const pull = "/api/0/containers/hello/pull-request/1";

/** "why 2?" is new, and "/build" of bob was said shortly before. */
const sample = sampleDeliveries().find(({ name }) => name.startsWith("07-"));
if (sample === undefined) throw new Error("there is no such sample");
const body = JSON.parse(Buffer.from(sample.body).toString());
type Comment = Record<string, unknown> & { id: number };
const [first, second] = body.msg.pullrequest.comments.filter(({ notification }: Comment) => notification !== true).slice(-2) as Comment[];
if (first === undefined || second === undefined) throw new Error("the sample has no two comments");

function openForge() {
  const lines: Record<string, unknown>[] = [];
  const stream = new PassThrough().on("data", (chunk: Buffer) => lines.push(JSON.parse(chunk.toString())));
  const waited: number[] = [];
  const token = { secret: "T", expires: undefined };
  const forge = pagureForge({
    ...{ name: "pagure", url: root, user: "lisbot", email: "l@example.org", tokens: { reports: token, promotions: token } },
    ...{ push: { kind: "https" }, hookKeys: {}, readHookKeys: false, acceptSha1: false, namespace: "containers" },
    ...{ publicUrl: "https://flibs.example.test", manifests: { repository: "releng/manifests", branch: "main" } },
    ...{ stateDirectory: "/nonexistent", log: createLog("info", stream), delay: async (ms) => void waited.push(ms) },
  });
  return { forge, lines, waited };
}

/** What the API says of the pull request's comments, each time it is asked. */
function answer(...times: readonly (readonly Comment[])[]): void {
  for (const comments of times)
    nock(root)
      .get(pull)
      .reply(200, { ...body.msg.pullrequest, comments });
}

function told(comments: readonly Comment[]) {
  const { msg } = body;
  const changed = { ...body, msg: { ...msg, pullrequest: { ...msg.pullrequest, comments } } };
  return { headers: sample?.headers ?? {}, body: Buffer.from(JSON.stringify(changed)) };
}

test("author and text of a comment are what the API says, whatever the delivery says", async () => {
  answer([{ ...second, comment: "harmless" }]);
  const forged = { ...second, comment: "/ok-to-test", user: { name: "alice" } };
  const { forge } = openForge();
  expect(await forge.parseDelivery(told([forged]))).toEqual([
    ...[{ forge: "pagure", repository: "containers/hello", actor: (second.user as { name: string }).name, kind: "comment-added" }].map(
      (one) => ({ ...one, number: 1, comment: String(second.id), text: "harmless", fromBot: false }),
    ),
  ]);
});

test("a comment that nobody made is dropped, asked for four times, and told in the log", async () => {
  answer([first], [first], [first], [first]);
  const { forge, lines, waited } = openForge();
  const events = await forge.parseDelivery(told([first, { ...second, id: 999 }, { ...second, id: 1000 }]));
  expect(events.map((one) => "comment" in one && one.comment)).toEqual([String(first.id)]);
  expect(waited).toEqual([500, 1500, 4000]);
  expect(lines.map(({ comment, repository, pull: number }) => ({ comment, repository, number }))).toEqual(
    ["1000", "999"].map((comment) => ({ comment, repository: "containers/hello", number: 1 })),
  );
});

test("a comment that Pagure told of before it was there is waited for", async () => {
  answer([first], [first, second]);
  const { forge, lines, waited } = openForge();
  expect(await forge.parseDelivery(told([first, second]))).toHaveLength(2);
  expect([waited, lines]).toEqual([[500], []]);
});

test.each([
  ["edited meanwhile", { edited_on: "1795461065.783252" }],
  ["Pagure's own", { notification: true }],
  ["the bot's", { user: { name: "lisbot" } }],
  ["of long ago", { date_created: "1795000000" }],
])("a comment that is %s commands nothing, though the delivery says otherwise", async (what, more) => {
  const isHidden = what === "Pagure's own";
  answer(...Array.from({ length: isHidden ? 4 : 1 }, () => [{ ...second, ...more }]));
  expect(await openForge().forge.parseDelivery(told([second]))).toEqual([]);
});

test("below a pull request that is not there nothing was said", async () => {
  nock(root).get(pull).times(4).reply(404, { error: "Pull-Request not found", error_code: "ENOREQ" });
  expect(await openForge().forge.parseDelivery(told([second]))).toEqual([]);
});

test("while Pagure does not answer the delivery is tried again, and not believed meanwhile", async () => {
  nock(root).get(pull).times(4).reply(502, "<html></html>", { "content-type": "text/html" });
  await expect(openForge().forge.parseDelivery(told([second]))).rejects.toMatchObject({ code: "forge.unreachable", kind: "transient" });
});

test("the samples of the API have what a comment is judged by", () => {
  const found = sampleExchanges().find(({ name }) => name === "08-pr-get")?.body as { comments: Comment[] } | undefined;
  for (const one of found?.comments ?? []) expect(one).toMatchObject({ id: expect.any(Number), user: { name: expect.any(String) } });
  expect(found?.comments.length).toBeGreaterThan(0);
});
