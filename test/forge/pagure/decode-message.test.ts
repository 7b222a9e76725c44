import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { isAppError } from "../../../src/domain/errors.ts";
import { decodeMessage, topicWithoutPrefix } from "../../../src/forge/pagure/decode-message.ts";
import { sampleDeliveries } from "../../support/pagure-samples.ts";

const bot = "lisbot";
const [hello, manifest] = ["containers/hello", "containers/manifest"];
const [first, amended, head] = [
  "7c1bdc411e67dec1a41ccbfbb8857ab9e2cda833",
  "232114631e3197586bb4467328550d4e534c6ef3",
  "1515869d5b56ed4c63cade6ce77badc871cb9025",
];
const pushed = (branch: string, after: string | undefined, more = {}) => ({
  ...{ forge: "pagure", repository: hello, actor: "alice", kind: "branch-pushed", branch, after, ...more },
});
const pull = (kind: string, number: number, more: object) => ({
  forge: "pagure",
  repository: hello,
  actor: "alice",
  kind,
  number,
  ...more,
});
const said = (comment: string, text: string) => pull("comment-added", 1, { comment, text, fromBot: false });
const promotion = "eca66a3ffadcd99e6f328d42a1766752f472a83e";

/** What each captured webhook says; those that are not named say nothing. */
const expected: Readonly<Record<string, readonly object[]>> = {
  "02-git.branch.creation": [pushed("rawhide", "83073d082537417cbe792337609549e56a4bf2b0")],
  "03-git.receive": [pushed("rawhide", "83073d082537417cbe792337609549e56a4bf2b0")],
  "04-pull-request.new": [pull("pull-opened", 1, { actor: "bob", head: first })],
  "06-pull-request.comment.added": [said("2", "/build\n\nplease")],
  // The comments of the last minutes are told each time: the last one need not be the new one.
  "07-pull-request.comment.added": [said("3", "why 2?"), said("2", "/build\n\nplease")],
  "17-pull-request.updated": [pull("pull-updated", 1, { actor: "pagure", head: amended })],
  // Of Pagure's own comment, in the name of who pushed, nothing.
  "18-pull-request.comment.added": [said("3", "why 2?"), said("2", "/build\n\nplease")],
  "19-pull-request.rebased": [pull("pull-updated", 1, { actor: "pagure", head })],
  "20-pull-request.comment.added": [said("3", "why 2?"), said("2", "/build\n\nplease")],
  // Which may have been the branch to merge into.
  "22-pull-request.initial_comment.edited": [pull("pull-updated", 1, { head, request: "2026-22ae9a7f-0a93-4605-b544-5cc0599418b8" })],
  // Comment 2 was edited meanwhile.
  "25-pull-request.comment.added": [said("3", "why 2?")],
  "26-pull-request.closed": [pull("pull-closed", 1, {})],
  "27-pull-request.reopened": [pull("pull-opened", 1, { head, request: "2026-d377d1a7-8a5a-4108-a8d5-23a9f06bda94" })],
  "28-git.receive": [pushed("rawhide", head)],
  "29-pull-request.comment.added": [said("3", "why 2?")],
  "30-pull-request.closed": [pull("pull-merged", 1, { base: "rawhide", mergeCommit: head })],
  "32-git.branch.deletion": [pushed("f43", undefined)],
  "33-git.branch.creation": [pushed("f42", "9e5504f8418022338abc247493c26dff9ece70ee")],
  "34-git.receive": [pushed("f42", "9e5504f8418022338abc247493c26dff9ece70ee")],
  "35-git.receive": [pushed("f42", "4e03e826ebbcccc74fae2e3c220c83b1d8cdbf2f")],
  "43-git.branch.creation": [pushed("promote/hello-1-2", promotion, { repository: manifest, actor: bot })],
  "44-git.receive": [pushed("promote/hello-1-2", promotion, { repository: manifest, actor: bot })],
  "45-pull-request.new": [pull("pull-opened", 1, { repository: manifest, actor: bot, head: promotion })],
  // A tag's name: it has no head, so nothing is built of it.
  "48-git.receive": [pushed("t1", "a3503fa339afba9b1a31ec3de779f75030723583")],
  "49-pull-request.new": [pull("pull-opened", 2, { head: "eccbb1daff62ef8b2d64f8e5623580d8128b8d40" })],
  "50-git.receive": [pushed("rawhide", "eccbb1daff62ef8b2d64f8e5623580d8128b8d40")],
  "51-pull-request.closed": [pull("pull-merged", 2, { base: "rawhide", mergeCommit: "eccbb1daff62ef8b2d64f8e5623580d8128b8d40" })],
  "52-git.receive": [pushed("rawhide", "56b38f8269f2a3c3144c7c00fb84b5f800ac6607")],
};

interface Body {
  readonly topic: string;
  readonly msg: Record<string, unknown>;
  readonly msg_id: string;
  readonly timestamp: number;
}
const bodyOf = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) as Body;
const optionsOf = ({ msg_id: message, timestamp: sentAt }: Body) => ({ forge: "pagure", user: bot, message, sentAt });
const samples = sampleDeliveries();

test.each(samples.map((one) => [one.name, bodyOf(one.body)] as const))("%s", (name, body) => {
  expect(decodeMessage(body.topic, body.msg, optionsOf(body))).toEqual(expected[name] ?? []);
});

test("every expectation is of a sample", () => {
  expect(Object.keys(expected).filter((name) => !samples.some((one) => one.name === name))).toEqual([]);
});

test.each(samples.map((one) => [one.name, bodyOf(one.body)] as const))("from the message bus, %s is the same", (_name, body) => {
  // There the wrapper and these two are missing.
  const { pagure_instance: _instance, project_fullname: _fullname, ...msg } = body.msg;
  const topic = topicWithoutPrefix(`org.fedoraproject.prod.pagure.${body.topic}`);
  expect(decodeMessage(topic, msg, optionsOf(body))).toEqual(decodeMessage(body.topic, body.msg, optionsOf(body)));
});

test.each([
  ["io.pagure.prod.pagure.git.receive", "git.receive"],
  ["git.receive", "git.receive"],
  ["pull-request.comment.added", "pull-request.comment.added"],
])("topic %s is %s", (topic, plain) => expect(topicWithoutPrefix(topic)).toBe(plain));

describe("comments", () => {
  const sample = bodyOf(samples.find(({ name }) => name.startsWith("07-"))?.body ?? Buffer.alloc(0));

  test("said more than ten minutes before are not told again", () => {
    const later = { ...optionsOf(sample), sentAt: sample.timestamp + 3600 };
    expect(decodeMessage(sample.topic, sample.msg, later)).toEqual([]);
  });

  test("PG1: those that came at one moment are all told, whichever stands last", () => {
    const msg = structuredClone(sample.msg) as { pullrequest: { comments: { id: number }[] } };
    const [, second] = msg.pullrequest.comments;
    msg.pullrequest.comments = [9, 7, 8].map((id) => ({ ...second, id }));
    const ids = decodeMessage(sample.topic, msg, optionsOf(sample)).map((one) => "comment" in one && one.comment);
    expect(ids).toEqual(["9", "8", "7"]);
  });
});

test("a title or description that the bot changes itself is no news", () => {
  const sample = bodyOf(samples.find(({ name }) => name.startsWith("22-"))?.body ?? Buffer.alloc(0));
  expect(decodeMessage(sample.topic, { ...sample.msg, agent: bot }, optionsOf(sample))).toEqual([]);
});

test("forks, and projects without a namespace, say nothing", () => {
  const sample = bodyOf(samples.find(({ name }) => name.startsWith("03-"))?.body ?? Buffer.alloc(0));
  for (const fullname of ["forks/bob/containers/hello", "forks/bob/hello", "hello", "../../etc", ""]) {
    expect(decodeMessage("git.receive", { ...sample.msg, repo: { fullname } }, optionsOf(sample))).toEqual([]);
  }
});

test("whatever a message holds, it is events or malformed", () => {
  const topics = [...new Set(samples.map(({ topic }) => topic))];
  const msgs = samples.map((one) => bodyOf(one.body).msg);
  const broken = fc.tuple(fc.constantFrom(...msgs), fc.string(), fc.jsonValue()).map(([msg, key, value]) => {
    const keys = Object.keys(msg);
    return { ...msg, [keys[key.length % keys.length] ?? "x"]: value };
  });
  fc.assert(
    fc.property(fc.constantFrom(...topics), fc.oneof(fc.jsonValue(), broken), (topic, msg) => {
      try {
        for (const event of decodeMessage(topic, msg, { forge: "pagure", user: bot, message: "", sentAt: 1_795_461_000 })) {
          expect(event.repository.split("/")).toHaveLength(2);
        }
      } catch (error) {
        expect(isAppError(error) && error.code).toBe("intake.delivery-malformed");
      }
    }),
  );
});
