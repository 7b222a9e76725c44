import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { verbs } from "../../../src/domain/verbs.ts";
import { formatAnswer, type Outcome } from "../../../src/intake/commands/answer.ts";
import { formatHelp, formatHelpAbout } from "../../../src/intake/commands/help-text.ts";
import { parseComment } from "../../../src/intake/commands/parse-comment.ts";
import { type CommandFacts, mayRun } from "../../../src/intake/commands/permission.ts";

const facts: CommandFacts = {
  place: "containers",
  repository: "containers/hello",
  manifests: "releng/manifests",
  state: "open",
  actor: "bob",
  permission: { here: "read", manifests: "none" },
  pullAuthor: "bob",
  head: "3f786850e387550fdab836ed7e6dc881de23001b",
  isTrustedPull: false,
};
const begun: Outcome = { line: 1, kind: "accepted", command: { verb: "build", scratch: true }, says: "build started", finished: false };
const done: Outcome = { line: 2, kind: "accepted", command: { verb: "promote" }, says: "proposed in releng/manifests #12", finished: true };

/** What a comment of this person comes to when everything that is allowed is begun. */
function outcomesOf(comment: string, settings = {}): readonly Outcome[] {
  const { commands, problems } = parseComment(comment, settings);
  return [
    ...problems.map(({ line, problem }): Outcome => ({ line, kind: "error", problem })),
    ...commands.map(({ line, command, lead }): Outcome => {
      const may = mayRun(command, facts, lead);
      if (!may.ok) return { line, kind: "refused", command, refusal: may.refusal };
      if (command.verb === "help") return { line, kind: "help", text: formatHelp(facts, { lead }) };
      return { line, kind: "accepted", command, says: "started", finished: false };
    }),
  ];
}

describe("one reply to a comment", () => {
  test("in the order of its lines", () => {
    expect(formatAnswer(outcomesOf("/cancel\n/build\n/tests\n/test smoke test\n/rollback\n/test ``"), "all")).toBe(
      [
        "**`/cancel`**: started.",
        "`/build` waits until somebody with write access to `containers/hello` has looked at this head and approved it. The line to paste:",
        "```text\n/ok-to-test 3f786850e387550fdab836ed7e6dc881de23001b\n```",
        "`/test` takes no more than `suite`. A command stands on a line of its own, without other text.",
        "```text\n/test smoke test\n            ^^^^\n```",
        "`/help test` tells how it is written.",
        "`/rollback` needs write access to `releng/manifests`; you have none. It can be pasted by somebody with write access to `releng/manifests`:",
        "```text\n/rollback\n```",
        "`suite` must be the name of a suite: lower-case letters, digits, dashes and underscores, at most 40; `''` is not.",
        "```text\n/test ``\n      ^^\n```",
        "`/help test` tells how it is written.",
      ].join("\n\n"),
    );
  });
  test("nothing, when there is nothing to say", () => {
    expect(formatAnswer([], "all")).toBeUndefined();
    expect(formatAnswer(outcomesOf("Looks good. > /build"), "all")).toBeUndefined();
  });
  test("is about the whole comment where that is what is wrong", () => {
    expect(formatAnswer(outcomesOf("/cancel\n".repeat(11)), "quiet")).toBe(
      "The comment has 11 commands, 10 at once are allowed; none was carried out. Spread them over several comments. `/help` lists the commands.",
    );
  });
  test("a command that has no place here", () => {
    const command = { verb: "build", scratch: false } as const;
    const may = mayRun(command, { ...facts, place: "manifests" });
    const answer = may.ok ? undefined : formatAnswer([{ line: 1, kind: "refused", command, refusal: may.refusal }], "quiet");
    expect(answer).toBe("`/build` is for pull requests of container repositories. `/help build` tells who may use it, and where.");
  });
});

test.each([
  ["quiet", undefined],
  ["outcomes", "**`/promote`**: proposed in releng/manifests #12."],
  ["all", "**`/build --scratch`**: build started.\n\n**`/promote`**: proposed in releng/manifests #12."],
] as const)("of what went well, %s says %j", (verbosity, expected) => {
  expect(formatAnswer([done, begun], verbosity)).toBe(expected);
});

describe("what could not be done", () => {
  const failed = (kind: "input" | "transient" | "internal", hint?: string): Outcome => ({
    line: 1,
    kind: "failed",
    command: { verb: "promote" },
    error: { code: "promotion.build-unfit", kind, message: "build <b>7</b> of @alice is a scratch build", ...(hint ? { hint } : {}) },
  });
  test("is told with its fix, as text", () => {
    expect(formatAnswer([failed("input", "Build it without --scratch")], "quiet", "/flibs ")).toBe(
      "**`/flibs promote`** could not be carried out: build &#60;b&#62;7&#60;/b&#62; of @\u200balice is a scratch build. Build it without --scratch.",
    );
  });
  test.each(["transient", "internal"] as const)("is left to the operators when it is %s", (kind) => {
    expect(formatAnswer([failed(kind)], "quiet")).toBe(
      "**`/promote`** could not be carried out. This is not your fault. Code: `promotion.build-unfit`.",
    );
  });
});

describe("/help", () => {
  test("shows a stranger what is open to them, and what an approval opens", () => {
    expect(formatHelp(facts, { lead: "/", prefix: "flibs" })).toBe(
      [
        "**Commands that you may use in this pull request**",
        "",
        "- `/cancel`: Stop the builds and tests of this pull request",
        "- `/help [command]`: Show the commands that you may use here, or everything about one",
        "",
        "Once somebody with write access to `containers/hello` has commented `/ok-to-test 3f786850e387550fdab836ed7e6dc881de23001b`: also `/build` and `/test`.",
        "",
        "A command is a line of its own; code, quotes and lists are left alone. `/help build` tells all about one. `/flibs help` is the same as `/help`, and so for all.",
      ].join("\n"),
    );
  });
  const shown = (changed: Partial<CommandFacts>) =>
    [...formatHelp({ ...facts, ...changed }, { lead: "/" }).matchAll(/^- `\/([\w-]+)/gm)].map(([, verb]) => verb);
  test.each<readonly [name: string, changed: Partial<CommandFacts>, expected: readonly string[]]>([
    [
      "everything to who has write access to both",
      { actor: "eve", isTrustedPull: true, permission: { here: "write", manifests: "admin" } },
      [...verbs],
    ],
    [
      "no release to who has it here only",
      { isTrustedPull: true, permission: { here: "admin", manifests: "read" } },
      ["build", "test", "cancel", "ok-to-test", "help"],
    ],
    ["no build to another stranger", { actor: "mallory" }, ["help"]],
    [
      "releases in a promotion",
      { place: "manifests", permission: { here: "write", manifests: "write" } },
      ["promote", "rollback", "withdraw", "waive", "unwaive", "help"],
    ],
    ["help alone in a closed one", { state: "closed", permission: { here: "admin", manifests: "admin" } }, ["help"]],
  ])("shows %s", (_, changed, expected) => {
    expect(shown(changed)).toEqual(expected);
  });
  test("of one command shows everything about it", () => {
    expect(formatHelpAbout("build", "/flibs ")).toBe(
      [
        "`/flibs build [--scratch] [--isolated <isolated>] [--release <release>] [--arch <arch,…>]`: Build the image. In an open pull request its head is built, always as a scratch build: it is tested, but gets no release and is not promoted. In a merged pull request the head of the branch that it was merged into is built, officially unless `--scratch` is given. `--isolated 3.1` makes a fix to release 3: it has that release, moves no floating tag, and is promoted only by `promote` with its name.",
        "",
        "- `--scratch`: stop after the tests: no release, no promotion",
        "- `--isolated`: a fix with this release beside the line of releases; of merged work",
        "- `--release`: the release, in place of the label's or the next one; of merged work",
        "- `--arch`: build for these architectures only, whatever container.yaml says; with a scratch or isolated build",
        "",
        "Who: write access to the repository, or the author of the open pull request; a head from somebody without that access must be approved first. Where: open and merged pull requests of container repositories.",
        "",
        "```text",
        "/flibs build",
        "/flibs build --scratch",
        "/flibs build --arch amd64,arm64",
        "/flibs build --isolated 3.1",
        "```",
      ].join("\n"),
    );
  });
});

describe("no reply is read as a command", () => {
  test("whatever was asked", () => {
    const unit = fc.constantFrom(
      ..."'\"\\=-`< ".split(""),
      "\n```\n",
      "--scratch",
      "@eve",
      ...verbs.map((verb) => `\n/${verb} `),
      "\n/flibs ",
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 30 }), (comment) => {
        const answer = formatAnswer(outcomesOf(comment, { prefix: "flibs" }), "all") ?? "";
        expect(parseComment(answer, { prefix: "flibs" })).toEqual({ commands: [], problems: [] });
        expect(answer.length).toBeLessThan(20_000);
      }),
    );
  });
  test.each(verbs)("the help about %s", (verb) => {
    expect(parseComment(formatHelpAbout(verb, "/"), {})).toEqual({ commands: [], problems: [] });
  });
});
