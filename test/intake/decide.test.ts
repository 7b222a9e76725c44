import { describe, expect, test } from "@jest/globals";
import { matchesBranch } from "../../src/domain/branch-pattern.ts";
import type { ForgeEvent } from "../../src/forge/event.ts";
import { decide, type IntakePolicy } from "../../src/intake/decide.ts";

const policy: IntakePolicy = {
  namespace: "containers",
  branches: ["main", "f*"],
  manifests: { repository: "releng/manifests", branch: "main" },
  commands: { prefix: "flibs" },
};
const push = { kind: "branch-pushed", forge: "local", repository: "containers/hello", actor: "alice", branch: "f40", after: "c1" } as const;
const pull = { kind: "pull-opened", forge: "local", repository: "releng/manifests", actor: "alice", number: 7, head: "h1" } as const;
const merged = {
  kind: "pull-merged",
  forge: "local",
  repository: "releng/manifests",
  actor: "bob",
  number: 7,
  base: "main",
  mergeCommit: "m1",
} as const;

const queued = {
  kind: "merge-queued",
  ...{ forge: "local", repository: "containers/hello", actor: "alice", commit: "q1", baseBranch: "main", baseCommit: "b0" },
} as const;
const button = {
  kind: "check-action-requested",
  ...{ forge: "local", repository: "containers/hello", actor: "alice", commit: "c1", name: "flibs / lint", key: "b1", action: "cancel" },
} as const;

describe("what makes flibs act", () => {
  test("a push to a built branch starts a build of exactly that commit", () => {
    expect(decide(push, policy)).toEqual({
      kind: "build",
      request: { forge: "local", repository: "containers/hello", branch: "f40", commit: "c1", scratch: false, requestedBy: "alice" },
    });
  });
  test("a push to the manifests' main branch, or a merge into it, starts a release", () => {
    expect(decide({ ...push, repository: "releng/manifests", branch: "main" }, policy)).toMatchObject({ kind: "release", commit: "c1" });
    expect(decide(merged, policy)).toMatchObject({ kind: "release", commit: "m1" });
  });
  test("an opened or updated promotion is checked", () => {
    expect(decide(pull, policy)).toMatchObject({ kind: "check-promotion", number: 7, head: "h1" });
    expect(decide({ ...pull, kind: "pull-updated" }, policy)).toMatchObject({ kind: "check-promotion" });
  });
});

describe("what people ask for", () => {
  const hello = { ...pull, repository: "containers/hello" } as const;
  test("a pull request is looked at when it is opened, pushed to, merged or closed", () => {
    expect(decide(hello, policy)).toMatchObject({ kind: "pull", number: 7, head: "h1", state: "open" });
    expect(decide({ ...hello, kind: "pull-updated" }, policy)).toMatchObject({ kind: "pull", head: "h1" });
    expect(decide({ ...merged, repository: "containers/hello" }, policy)).toMatchObject({ kind: "pull", number: 7, head: undefined });
    expect(decide({ ...hello, kind: "pull-closed" }, policy)).toMatchObject({ kind: "pull", head: undefined });
  });
  test.each([
    ["containers/hello", "containers"],
    ["releng/manifests", "manifests"],
  ])("a command in a comment of %s is carried out as of %s", (repository, place) => {
    const intent = decide({ ...pull, repository, kind: "comment-added", comment: "9", text: "please\n\n/promote", fromBot: false }, policy);
    expect(intent).toMatchObject({ kind: "commands", intent: { place, repository, number: 7, comment: "9", actor: "alice" } });
  });
  test("a nearly right command is answered, too", () => {
    const intent = decide({ ...hello, kind: "comment-added", comment: "9", text: "/buidl", fromBot: false }, policy);
    expect(intent).toMatchObject({ kind: "commands" });
  });
  test("a check is run again, or cancelled, by its key", () => {
    const again = { ...button, kind: "check-rerequested", request: "r1" } as const;
    expect(decide(again, policy)).toMatchObject({ kind: "check-request", intent: { what: "again", name: "flibs / lint", key: "b1" } });
    expect(decide({ ...again, name: undefined, key: undefined }, policy)).toEqual({
      kind: "check-request",
      intent: { what: "again", forge: "local", repository: "containers/hello", commit: "c1", request: "r1", actor: "alice" },
    });
    expect(decide(button, policy)).toMatchObject({ kind: "check-request", intent: { what: "cancel", key: "b1" } });
  });
  test("a merge queue's commit is built as a scratch build, a promotion's is checked, and both are dropped when the queue lets go", () => {
    expect(decide(queued, policy)).toMatchObject({ kind: "build", request: { scratch: true, commit: "q1", branch: "main" } });
    const promotion = { ...queued, repository: "releng/manifests" } as const;
    expect(decide(promotion, policy)).toMatchObject({ kind: "check-queued", commit: "q1", baseCommit: "b0" });
    for (const repository of ["containers/hello", "releng/manifests"]) {
      const gone = { kind: "merge-unqueued", forge: "local", repository, actor: "alice", commit: "q1" } as const;
      expect(decide(gone, policy)).toEqual({ kind: "drop-queued", repository, commit: "q1" });
    }
  });
});

describe("what is left alone, and why", () => {
  const table: readonly { name: string; event: ForgeEvent; reason: RegExp }[] = [
    { name: "a branch that is not built", event: { ...push, branch: "topic" }, reason: /branch topic is not built; built are main, f\*/ },
    { name: "a deleted branch", event: { ...push, after: undefined }, reason: /deleted/ },
    { name: "another namespace", event: { ...push, repository: "rpms/hello" }, reason: /neither in containers\// },
    { name: "a namespace that only starts alike", event: { ...push, repository: "containers-x/hello" }, reason: /neither/ },
    { name: "a promotion branch", event: { ...push, repository: "releng/manifests", branch: "promote/f40/x" }, reason: /only main/ },
    {
      name: "a deleted main branch",
      event: { ...push, repository: "releng/manifests", branch: "main", after: undefined },
      reason: /deleted/,
    },
    { name: "a merge into a side branch", event: { ...merged, base: "topic" }, reason: /only main/ },
    { name: "a closed promotion", event: { ...pull, kind: "pull-closed" }, reason: /releases nothing/ },
    {
      name: "a comment without a command",
      event: { ...pull, kind: "comment-added", comment: "1", text: "`/promote` would do it", fromBot: false },
      reason: /no command/,
    },
    {
      name: "a bot's comment",
      event: { ...pull, kind: "comment-added", comment: "1", text: "/promote", fromBot: true },
      reason: /bots do not command/,
    },
    { name: "a queue for a branch that is not built", event: { ...queued, baseBranch: "topic" }, reason: /branch topic is not built/ },
    {
      name: "a queue for a side branch of the manifests",
      event: { ...queued, repository: "releng/manifests", baseBranch: "topic" },
      reason: /only main/,
    },
    { name: "a button that is not there", event: { ...button, action: "explode" }, reason: /no button "explode"/ },
    { name: "a button on a check without a run", event: { ...button, key: undefined }, reason: /names no run/ },
  ];
  test.each(table)("$name", ({ event, reason }) => {
    const intent = decide(event, policy);
    expect(intent.kind).toBe("ignored");
    expect(intent.kind === "ignored" ? intent.reason : "").toMatch(reason);
  });
});

test.each([
  ["f*", "f40", true],
  ["f*", "f40/x", false],
  ["main", "main", true],
  ["main", "mainline", false],
  ["epel.9", "epelx9", false],
  ["*", "rawhide", true],
])("branch pattern %s on %s: %s", (pattern, branch, expected) => {
  expect(matchesBranch(pattern, branch)).toBe(expected);
});
