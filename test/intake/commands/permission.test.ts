import { describe, expect, test } from "@jest/globals";
import { type Verb, verbs } from "../../../src/domain/verbs.ts";
import type { Command } from "../../../src/intake/commands/command.ts";
import { type Level, levels, type Place, type PullState } from "../../../src/intake/commands/command-spec.ts";
import { permissionTable } from "../../../src/intake/commands/commands.ts";
import { type CommandFacts, mayRun } from "../../../src/intake/commands/permission.ts";

const head = "3f786850e387550fdab836ed7e6dc881de23001b";
const facts: CommandFacts = {
  place: "containers",
  repository: "containers/hello",
  manifests: "releng/manifests",
  state: "open",
  actor: "alice",
  permission: { here: "write", manifests: "write" },
  pullAuthor: "bob",
  head,
  isTrustedPull: true,
};
const bare: { readonly [V in Verb]: Command } = {
  build: { verb: "build", scratch: false },
  test: { verb: "test" },
  cancel: { verb: "cancel" },
  "ok-to-test": { verb: "ok-to-test", sha: head },
  promote: { verb: "promote" },
  rollback: { verb: "rollback" },
  withdraw: { verb: "withdraw", image: "f40/web", release: "1-1", reason: "bad" },
  waive: { verb: "waive", test: "smoke", reason: "flaky" },
  unwaive: { verb: "unwaive", test: "smoke" },
  help: { verb: "help" },
};
/** `yes`, or the refusal's code. */
const verdict = (command: Command, changed: Partial<CommandFacts>) => {
  const result = mayRun(command, { ...facts, ...changed });
  return result.ok ? "yes" : result.refusal.code;
};
const refusal = (command: Command, changed: Partial<CommandFacts>, lead = "/") => {
  const result = mayRun(command, { ...facts, ...changed }, lead);
  return result.ok ? undefined : result.refusal;
};

test("the table of permissions", () => {
  expect(permissionTable.map(({ verb, places, level, on }) => [verb, places.join(" "), level, on])).toEqual([
    ["build", "containers", "write", "here"],
    ["test", "containers", "write", "here"],
    ["cancel", "containers", "write", "here"],
    ["ok-to-test", "containers", "write", "here"],
    ["promote", "containers manifests", "write", "manifests"],
    ["rollback", "containers manifests", "write", "manifests"],
    ["withdraw", "containers manifests", "write", "manifests"],
    ["waive", "containers manifests", "write", "manifests"],
    ["unwaive", "containers manifests", "write", "manifests"],
    ["help", "containers manifests", "none", "here"],
  ]);
});

/** Every verb in each place, by what a person who did not open the pull request has in both repositories; only one of them counts. */
const places: readonly Place[] = ["containers", "manifests"];
const releasing: readonly Verb[] = ["promote", "rollback", "withdraw", "waive", "unwaive"];
const enough: readonly Level[] = ["write", "maintain", "admin"];
describe.each(places)("in a pull request of %s", (place) => {
  describe.each(verbs)("/%s", (verb) => {
    test.each(levels.flatMap((here) => levels.map((manifests) => [here, manifests] as const)))(
      "with %s here and %s on the manifests",
      (here, manifests) => {
        const expected = () => {
          if (verb === "help") return "yes";
          const counts = releasing.includes(verb) ? manifests : here;
          if (place === "manifests" && !releasing.includes(verb)) return "wrong-place";
          return enough.includes(counts) ? "yes" : "no-permission";
        };
        expect(verdict(bare[verb], { place, permission: { here, manifests } })).toBe(expected());
      },
    );
  });
});

describe("the author without write access", () => {
  const author: Partial<CommandFacts> = { actor: "bob", permission: { here: "read", manifests: "none" } };
  test.each<readonly [Verb, trusted: string, approved: string, unapproved: string]>([
    ["build", "yes", "yes", "head-not-approved"],
    ["test", "yes", "yes", "head-not-approved"],
    ["cancel", "yes", "yes", "yes"],
    ["ok-to-test", "no-permission", "no-permission", "no-permission"],
    ["promote", "no-permission", "no-permission", "no-permission"],
    ["rollback", "no-permission", "no-permission", "no-permission"],
    ["withdraw", "no-permission", "no-permission", "no-permission"],
    ["waive", "no-permission", "no-permission", "no-permission"],
    ["unwaive", "no-permission", "no-permission", "no-permission"],
    ["help", "yes", "yes", "yes"],
  ])("/%s: trusted %s, approved %s, else %s", (verb, trusted, approved, unapproved) => {
    const stranger = { ...author, isTrustedPull: false };
    expect(verdict(bare[verb], { ...author })).toBe(trusted);
    expect(verdict(bare[verb], { ...stranger, approval: { sha: head } })).toBe(approved);
    expect(verdict(bare[verb], stranger)).toBe(unapproved);
    // A push in between: what was approved is not what stands there now.
    expect(verdict(bare[verb], { ...stranger, approval: { sha: "89e6c98d92887913cadf06b2adb97f26cde4849b" } })).toBe(unapproved);
    expect(verdict(bare[verb], { ...stranger, approval: { sha: "" } })).toBe(unapproved);
  });
  test("may not have the merged branch built", () => {
    expect(verdict(bare.build, { ...author, state: "merged" })).toBe("no-permission");
    expect(verdict(bare.cancel, { ...author, state: "merged" })).toBe("no-permission");
  });
});

test.each<readonly [Verb, PullState, string]>([
  ["build", "merged", "yes"],
  ["build", "closed", "wrong-state"],
  ["test", "merged", "wrong-state"],
  ["cancel", "merged", "yes"],
  ["cancel", "closed", "wrong-state"],
  ["ok-to-test", "merged", "wrong-state"],
  ["promote", "merged", "yes"],
  ["promote", "closed", "wrong-state"],
  ["rollback", "merged", "yes"],
  ["help", "closed", "yes"],
])("/%s in a pull request that is %s: %s", (verb, state, expected) => {
  expect(verdict(bare[verb], { state })).toBe(expected);
});

test("what was merged needs no approval any more", () => {
  expect(verdict(bare.build, { state: "merged", isTrustedPull: false })).toBe("yes");
});

test.each([
  [head, "yes"],
  [head.slice(0, 7), "sha-short"],
  [head.slice(0, 39), "sha-short"],
  [`${head}0`, "sha-not-head"],
  [head.slice(1, 9), "sha-not-head"],
  ["89e6c98d92887913cadf06b2adb97f26cde4849b", "sha-not-head"],
  [undefined, "sha-missing"],
])("/ok-to-test %s: %s", (sha, expected) => {
  const command: Command = { verb: "ok-to-test", ...(sha === undefined ? {} : { sha }) };
  expect(verdict(command, { isTrustedPull: false })).toBe(expected);
  expect(verdict(command, { isTrustedPull: false, permission: { here: "triage", manifests: "admin" } })).toBe("no-permission");
});

describe("a refusal says who can, and the line to paste", () => {
  const stranger: Partial<CommandFacts> = { actor: "bob", isTrustedPull: false, permission: { here: "read", manifests: "none" } };
  const writers = "somebody with write access to `containers/hello`";
  test("a stranger's build waits for an approval of exactly this head", () => {
    expect(refusal(bare.build, stranger)).toEqual({
      code: "head-not-approved",
      says: "`/build` waits until somebody with write access to `containers/hello` has looked at this head and approved it.",
      whoCan: writers,
      paste: `/ok-to-test ${head}`,
    });
  });
  test("a maintainer is not spared it, since the head may have moved since they looked", () => {
    expect(refusal(bare.build, { isTrustedPull: false }, "/flibs ")).toEqual({
      code: "head-not-approved",
      says: "`/flibs build` waits for an approval: this head comes from somebody without write access, and nobody has said yet that it was looked at. You may.",
      whoCan: writers,
      paste: `/flibs ok-to-test ${head}`,
    });
  });
  test("somebody who has nothing to do with the pull request", () => {
    expect(
      refusal({ verb: "build", scratch: true, architectures: ["arm64"] }, { permission: { here: "triage", manifests: "none" } }),
    ).toEqual({
      code: "no-permission",
      says: "`/build` needs write access to `containers/hello`; you have triage access.",
      whoCan: writers,
      paste: "/build --scratch --arch arm64",
    });
  });
  test("a promotion counts on the manifests", () => {
    expect(
      refusal(
        { verb: "promote", nvr: { name: "hello", version: "1", release: "2" } },
        { permission: { here: "admin", manifests: "none" } },
      ),
    ).toEqual({
      code: "no-permission",
      says: "`/promote` needs write access to `releng/manifests`; you have none.",
      whoCan: "somebody with write access to `releng/manifests`",
      paste: "/promote hello-1-2",
    });
  });
  test("an approval without its commit", () => {
    expect(refusal({ verb: "ok-to-test" }, { isTrustedPull: false })).toEqual({
      code: "sha-missing",
      says: "An approval names the commit that was looked at, so that a push in the meantime is not approved with it.",
      whoCan: writers,
      paste: `/ok-to-test ${head}`,
    });
  });
  test("an approval of a commit by its first digits, which another one may have", () => {
    expect(refusal({ verb: "ok-to-test", sha: head.slice(0, 7) }, { isTrustedPull: false })).toEqual({
      code: "sha-short",
      says: `\`${head.slice(0, 7)}\` may be the beginning of another commit's id, too, which whoever pushes can bring about; nothing was approved. Look at the head again, and name it with all 40 digits.`,
      whoCan: writers,
      paste: `/ok-to-test ${head}`,
    });
  });
  test("an approval of a commit that is the head no longer", () => {
    expect(refusal({ verb: "ok-to-test", sha: "89e6c98" }, { isTrustedPull: false })).toMatchObject({
      says: "`89e6c98` is not the head of this pull request, which may have moved on; nothing was approved. Look at the head again.",
      paste: `/ok-to-test ${head}`,
    });
  });
  test("the wrong place or time: nobody can", () => {
    expect(refusal(bare.build, { place: "manifests" })).toEqual({
      code: "wrong-place",
      says: "`/build` is for pull requests of container repositories.",
    });
    expect(refusal(bare.build, { state: "closed" })).toEqual({
      code: "wrong-state",
      says: "`/build` is for open and merged pull requests; this one is closed.",
    });
  });
});
