import { randomUUID } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { isBranchName, isRepositoryName, isTreePath } from "../../src/forge/git/names.ts";
import { parseDelivery, signBody, verifyDelivery } from "../../src/forge/local/delivery.ts";

const commit = "a".repeat(40);
function delivery(more: Record<string, unknown> = {}, headers: Record<string, string> = {}, secret = "new") {
  const id = randomUUID();
  const changes = [{ kind: "branch-pushed", branch: "main", after: commit }];
  const body = Buffer.from(JSON.stringify({ delivery: id, repository: "containers/cockpit", actor: "bob", changes, ...more }));
  const own = { "X-Flibs-Delivery": id, "x-flibs-event": "change", "x-flibs-signature-256": signBody(body, secret) };
  return { id, body, headers: { ...own, ...headers } };
}

describe("a delivery of the local forge", () => {
  test.each(["new", "old"])("is believed when it is signed with the %s secret", (secret) => {
    const sent = delivery({}, {}, secret);
    expect(verifyDelivery(sent, ["new", "old"])).toBe(sent.id);
    expect(parseDelivery(sent, "local")).toEqual([
      { kind: "branch-pushed", forge: "local", repository: "containers/cockpit", actor: "bob", branch: "main", after: commit },
    ]);
  });

  test.each([
    ["without a signature", delivery({}, { "x-flibs-signature-256": "" }), "intake.signature-missing"],
    ["with another secret's signature", delivery({}, {}, "stolen"), "intake.signature-wrong"],
    ["with a signature of another length", delivery({}, { "x-flibs-signature-256": "sha256=00" }), "intake.signature-wrong"],
    ["sent again under another id", delivery({}, { "X-Flibs-Delivery": randomUUID() }), "intake.delivery-malformed"],
    ["with a repository that leads elsewhere", delivery({ repository: "../etc" }), "intake.delivery-malformed"],
    ["with an unknown key", delivery({ more: 1 }), "intake.delivery-malformed"],
    ["with a branch that is an option", delivery({ changes: [{ kind: "branch-pushed", branch: "--x" }] }), "intake.delivery-malformed"],
  ])("%s is refused", (_, sent, code) => {
    expect(() => verifyDelivery(sent, ["new"])).toThrow(expect.objectContaining({ code }));
  });

  test("one changed byte is enough to be refused", () => {
    const sent = delivery();
    sent.body[20] = (sent.body[20] ?? 0) ^ 1;
    expect(() => verifyDelivery(sent, ["new"])).toThrow(expect.objectContaining({ code: "intake.signature-wrong" }));
  });

  test("an empty secret lets nobody in", () => {
    expect(() => verifyDelivery(delivery({}, {}, ""), [""])).toThrow(expect.objectContaining({ code: "intake.signature-wrong" }));
  });

  test("an event flibs does not listen to gives nothing", () => {
    expect(parseDelivery(delivery({}, { "x-flibs-event": "ping" }), "local")).toEqual([]);
  });
});

describe("names", () => {
  test.each(["", "a", "../x", "a/..", "a/b/c", "-a/b", "a/-b", "a/.b", "a/b.git", "a/b\n", "a/b..c"])("%j is no repository", (name) => {
    expect(isRepositoryName(name)).toBe(false);
  });
  test.each([
    "",
    "-x",
    "a..b",
    "a b",
    "a~1",
    "a^",
    "a:b",
    "a\\b",
    "a/",
    "/a",
    "a//b",
    ".a",
    "a.lock",
    "a@{0}",
    "@",
    "HEAD",
    "a\nb",
    "a.",
    "a*",
  ])("%j is no branch", (branch) => expect(isBranchName(branch)).toBe(false));
  test.each(["main", "f40", "promote/f40/cockpit", "a@b"])("%j is a branch", (branch) => expect(isBranchName(branch)).toBe(true));
  test.each(["", "/a", "a/../b", "./a", "a//b", ".git/config", "a/.GIT/b", "a\0"])("%j is no path of a tree", (path) => {
    expect(isTreePath(path)).toBe(false);
  });
});
