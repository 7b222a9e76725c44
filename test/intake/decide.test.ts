import { describe, expect, test } from "@jest/globals";
import type { ForgeEvent } from "../../src/forge/event.ts";
import { decide, type IntakePolicy, matchesBranch } from "../../src/intake/decide.ts";

const policy: IntakePolicy = {
  namespace: "containers",
  branches: ["main", "f*"],
  manifests: { repository: "releng/manifests", branch: "main" },
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
      name: "a comment on a promotion",
      event: { ...pull, kind: "comment-added", comment: "1", text: "/promote", fromBot: false },
      reason: /when their branch moves/,
    },
    { name: "a merge in a container repository", event: { ...merged, repository: "containers/hello" }, reason: /the push/ },
    { name: "a pull request in a container repository", event: { ...pull, repository: "containers/hello" }, reason: /on request/ },
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
