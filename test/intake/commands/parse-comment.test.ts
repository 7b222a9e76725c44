import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { verbs } from "../../../src/domain/verbs.ts";
import type { Command } from "../../../src/intake/commands/command.ts";
import { commandList, formatCommand } from "../../../src/intake/commands/commands.ts";
import { leadOf, parseComment } from "../../../src/intake/commands/parse-comment.ts";

const flibs = { prefix: "flibs" };
const asked = (comment: string, settings = {}) => parseComment(comment, settings).commands.map(({ command }) => command);
const codes = (comment: string, settings = {}) =>
  parseComment(comment, settings).problems.map(({ problem, line }) => `${line}: ${problem.code}`);
const sha = "3f786850e387550fdab836ed7e6dc881de23001b";

describe("a comment asks for", () => {
  test.each<readonly [comment: string, expected: Command]>([
    ["/build", { verb: "build", scratch: false }],
    ["/build --scratch", { verb: "build", scratch: true }],
    ["/build scratch=true arch=arm64", { verb: "build", scratch: true, architectures: ["arm64"] }],
    ["/build --arch x86_64,aarch64 --arch amd64", { verb: "build", scratch: false, architectures: ["amd64", "arm64"] }],
    ["/build --isolated 3.1 --arch amd64", { verb: "build", scratch: false, isolated: "3.1", architectures: ["amd64"] }],
    ["/build --release=7.fc42", { verb: "build", scratch: false, release: "7.fc42" }],
    ["/Build", { verb: "build", scratch: false }],
    ["/test", { verb: "test" }],
    ["/test smoke", { verb: "test", suite: "smoke" }],
    ["/cancel", { verb: "cancel" }],
    ["/ok-to-test", { verb: "ok-to-test" }],
    [`/ok-to-test ${sha.toUpperCase()}`, { verb: "ok-to-test", sha }],
    ["/ok-to-test 3f78685", { verb: "ok-to-test", sha: "3f78685" }],
    ["/promote", { verb: "promote" }],
    ["/promote cockpit-container-323-1.fc40", { verb: "promote", nvr: { name: "cockpit-container", version: "323", release: "1.fc40" } }],
    ["/rollback", { verb: "rollback" }],
    ["/rollback f40/cockpit", { verb: "rollback", image: "f40/cockpit" }],
    ["/rollback f40/cockpit 323-1", { verb: "rollback", image: "f40/cockpit", tag: "323-1" }],
    [
      "/withdraw f40/cockpit 323-1 CVE-2026-1: x=1  and worse",
      { verb: "withdraw", image: "f40/cockpit", release: "323-1", reason: "CVE-2026-1: x=1 and worse" },
    ],
    [
      '/withdraw f40/cockpit 323-1 --to 322-4 "leaks  a key" --remove-tag',
      { verb: "withdraw", image: "f40/cockpit", release: "323-1", reason: "leaks  a key", to: "322-4", removeTag: true },
    ],
    ["/help", { verb: "help" }],
    ["/help build", { verb: "help", about: "build" }],
    ["/help /Build", { verb: "help", about: "build" }],
  ])("%s", (comment, expected) => {
    expect(parseComment(comment, {})).toEqual({ commands: [{ command: expected, line: 1, text: comment, lead: "/" }], problems: [] });
  });
});

test("several lines are read in order, and a fault in one keeps none of the others back", () => {
  const comment = "Thanks.\r\n\r\n/build --scrach\r\n/test smoke\r\n\r\n/lgtm\r\n/cancel now\r\n/cancel\r\n";
  const { commands, problems } = parseComment(comment, {});
  expect(commands.map(({ line, text }) => [line, text])).toEqual([
    [4, "/test smoke"],
    [8, "/cancel"],
  ]);
  expect(problems.map(({ line, problem }) => [line, problem.code])).toEqual([
    [3, "unknown-option"],
    [7, "extra-argument"],
  ]);
});

describe("with a prefix", () => {
  test.each<readonly [comment: string, prefixOnly: boolean, expected: readonly string[]]>([
    ["/flibs build", false, ["build"]],
    ["/flibs   BUILD --scratch", false, ["build"]],
    ["/FLIBS build", false, ["build"]],
    ["/build", false, ["build"]],
    ["/flibs", false, ["help"]],
    ["/flibs build", true, ["build"]],
    ["/build", true, []],
    ["/build --scrach", true, []],
    ["/flibsbuild", true, []],
  ])("%s, prefix only: %s", (comment, prefixOnly, expected) => {
    expect(asked(comment, { ...flibs, prefixOnly }).map(({ verb }) => verb)).toEqual(expected);
    expect(codes(comment, { ...flibs, prefixOnly })).toEqual([]);
  });
  test("faults are shown where they stand", () => {
    const [found] = parseComment("/flibs build --scrach", flibs).problems;
    expect(found?.problem).toMatchObject({
      lead: "/flibs ",
      says: "`/flibs build` has no option `--scrach`. Did you mean `--scratch`?",
      place: { start: 13, end: 21 },
    });
  });
  test("without one, it is another bot's word", () => {
    expect(parseComment("/flibs build", {})).toEqual({ commands: [], problems: [] });
  });
  test("prefix only without a prefix means nothing", () => {
    expect(asked("/build", { prefixOnly: true })).toHaveLength(1);
    expect([leadOf({ prefixOnly: true }), leadOf(flibs), leadOf({ ...flibs, prefixOnly: true })]).toEqual(["/", "/", "/flibs "]);
  });
});

describe("words that are no verbs of ours", () => {
  test.each([
    "/lgtm",
    "/retest",
    "/approve no-issue",
    "/hold cancel",
    "/constructor",
    "/__proto__",
    "/toString",
    "/tests are in tests/",
    "/rest",
    "/text",
    "/hlep",
    "/home is where it is",
    "/builds is the page of builds",
    "/builder",
    "/build/log.txt was written",
    "/build: how does it work?",
    "/cancels --nothing",
    "/packit build",
  ])("%s is left to others in silence", (comment) => {
    expect(parseComment(comment, flibs)).toEqual({ commands: [], problems: [] });
  });
  test.each([
    ["/buidl", "`/buidl` is no command. Did you mean `/build`?"],
    ["/biuld --scratch", "`/biuld` is no command. Did you mean `/build`?"],
    ["/build\u200b", "`/build?` is no command. Did you mean `/build`?"],
    ["/canel", "`/canel` is no command. Did you mean `/cancel`?"],
    ["/ok-to-tets 3f78685", "`/ok-to-tets` is no command. Did you mean `/ok-to-test`?"],
    ["/rolback f40/cockpit 323-1", "`/rolback` is no command. Did you mean `/rollback`?"],
    ["/flibs hlep", "`/flibs hlep` is no command. Did you mean `/flibs help`?"],
    ["/flibs bild x y z", "`/flibs bild` is no command. Did you mean `/flibs build`?"],
    ["/flibs lgtm", "`/flibs lgtm` is no command."],
    ["/flibs constructor", "`/flibs constructor` is no command."],
    ["/flibs rest", "`/flibs rest` is no command. Did you mean `/flibs test`?"],
  ])("%s is answered", (comment, says) => {
    expect(parseComment(comment, flibs)).toMatchObject({
      commands: [],
      problems: [{ line: 1, problem: { code: "unknown-command", says } }],
    });
  });
});

describe("limits", () => {
  test("ten commands are carried out, of eleven none", () => {
    expect(asked("/cancel\n".repeat(10))).toHaveLength(10);
    expect(parseComment("text\n\n".concat("/cancel\n".repeat(11)), {})).toEqual({
      commands: [],
      problems: [
        {
          line: 3,
          problem: {
            code: "too-many-commands",
            lead: "/",
            says: "The comment has 11 commands, 10 at once are allowed; none was carried out. Spread them over several comments.",
          },
        },
      ],
    });
  });
  test("lines with faults count, lines of other bots do not", () => {
    expect(codes("/cancel now\n".repeat(11))).toEqual(["1: too-many-commands"]);
    expect(asked(`${"/lgtm\n".repeat(100)}/cancel`)).toHaveLength(1);
  });
  test("a line of more than a thousand characters is not read", () => {
    expect(codes(`/build ${"x".repeat(1000)}`)).toEqual(["1: line-too-long"]);
    expect(codes(`/buidl ${"x".repeat(1000)}`)).toEqual([]);
  });
  test("a comment that is too long is told so only when it has a command of ours", () => {
    const long = "x".repeat(65_536);
    expect(codes(`${long}\n\n/build`)).toEqual(["1: comment-too-long"]);
    expect(codes(`${long}\n\n/lgtm`)).toEqual([]);
    expect(codes(`${"/".repeat(65_536)}/build`)).toEqual([]);
    expect(asked(`${"x".repeat(65_000)}\n\n/build`)).toHaveLength(1);
  });
});

test.each([
  ["/test __smoke__", "invalid-value"],
  ["/test `smoke`", "invalid-value"],
  ["/test smoke <!-- unseen -->", "extra-argument"],
  ["/build <!-- --scratch -->", "extra-argument"],
  ["/promote cockpit", "invalid-value"],
  ["/promote cockpit-\u202e1-1", "invalid-value"],
  ["/rollback registry.example.com:5000/f40/cockpit", "invalid-value"],
  ["/rollback ../../x", "invalid-value"],
  ["/ok-to-test HEAD", "invalid-value"],
  ["/ok-to-test please", "invalid-value"],
  ["/help constructor", "invalid-value"],
  ["/build --arch constructor", "invalid-value"],
  ["/build FOO=bar", "unknown-option"],
])("%s is refused as a whole", (comment, code) => {
  expect(parseComment(comment, {}).commands).toEqual([]);
  expect(codes(comment)).toEqual([`1: ${code}`]);
});

const word = fc.stringMatching(/^[a-z0-9]{1,12}$/);
const optional = <T>(name: string, value: fc.Arbitrary<T>) => fc.option(value).map((one) => (one === null ? {} : { [name]: one }));
const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  fc
    .tuple(fc.boolean(), optional("architectures", fc.uniqueArray(fc.constantFrom("amd64", "arm64", "s390x"), { minLength: 1 })))
    .map(([scratch, rest]) => ({ verb: "build" as const, scratch, ...rest })),
  optional("suite", word).map((rest) => ({ verb: "test" as const, ...rest })),
  fc.constant({ verb: "cancel" as const }),
  optional("sha", fc.stringMatching(/^[0-9a-f]{7,40}$/)).map((rest) => ({ verb: "ok-to-test" as const, ...rest })),
  optional(
    "nvr",
    fc.record({
      name: fc.stringMatching(/^[A-Za-z0-9_.+/-]{1,20}$/),
      version: fc.stringMatching(/^[\w.+~^]{1,8}$/),
      release: fc.stringMatching(/^\d{1,3}(\.fc\d\d)?$/),
    }),
  ).map((rest) => ({ verb: "promote" as const, ...rest })),
  optional(
    "image",
    fc.tuple(word, word).map((parts) => parts.join("/")),
  ).map((rest) => ({ verb: "rollback" as const, ...rest })),
  fc.tuple(word, fc.stringMatching(/^\w[\w.-]{0,20}$/)).map(([image, tag]) => ({ verb: "rollback" as const, image, tag })),
  fc
    .record({
      image: word,
      release: fc.stringMatching(/^\w[\w.-]{0,20}$/),
      reason: fc.stringMatching(/^[a-z="'\\#,][a-z ="'\\#,-]{0,30}[a-z]$/),
      more: fc.record({ to: fc.constant("1-1"), removeTag: fc.constant(true) }, { requiredKeys: [] }),
    })
    .map(({ more, ...rest }) => ({ verb: "withdraw" as const, ...rest, ...more })),
  fc
    .record({
      test: fc.stringMatching(/^[A-Za-z0-9][\w.:/+~-]{0,30}$/),
      reason: fc.stringMatching(/^[a-z="'\\#,][a-z ="'\\#,-]{0,30}[a-z]$/),
      more: fc.record(
        { nvr: fc.constant({ name: "a-b", version: "1", release: "2.f40" }), for: fc.constantFrom("7d", "12h") },
        { requiredKeys: [] },
      ),
    })
    .map(({ more, ...rest }) => ({ verb: "waive" as const, ...rest, ...more })),
  optional("reason", fc.constantFrom("x", "it is a bug of ours")).map((rest) => ({
    verb: "unwaive" as const,
    test: "flibs.smoke",
    ...rest,
  })),
  optional("about", fc.constantFrom(...verbs)).map((rest) => ({ verb: "help" as const, ...rest })),
);

describe("of any", () => {
  test("command, what is formatted is read as the same command", () => {
    fc.assert(
      fc.property(anyCommand, fc.constantFrom("/", "/flibs "), (command, lead) => {
        expect(parseComment(`text\n${formatCommand(command, lead)}`, flibs)).toMatchObject({
          commands: [{ command, line: 2 }],
          problems: [],
        });
      }),
    );
  });
  test("text, nothing is thrown, and each problem has words", () => {
    const unit = fc.constantFrom(
      ..."/'\"\\=-, \n`<>".split(""),
      "--scratch",
      "--arch",
      "constructor",
      "__proto__",
      ...verbs.map((verb) => `/${verb}`),
      ...verbs.map((verb) => `\n/flibs ${verb} `),
    );
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit, maxLength: 20 })), (comment) => {
        const { commands, problems } = parseComment(comment, flibs);
        expect(problems.every(({ problem }) => problem.says !== "")).toBe(true);
        expect(commands.length + problems.length).toBeLessThanOrEqual(10);
      }),
    );
  });
  test("command, shown as code or as a quote it is not carried out", () => {
    fc.assert(
      fc.property(anyCommand, (command) => {
        const line = formatCommand(command, "/");
        for (const shown of [`> ${line}`, `    ${line}`, `\`\`\`\n${line}\n\`\`\``, `<!--\n${line}\n-->`, `- ${line}`, `\\${line}`]) {
          expect(parseComment(shown, flibs)).toEqual({ commands: [], problems: [] });
        }
      }),
    );
  });
});

test.each(commandList.flatMap(({ verb, examples }) => examples.map((example) => [example, verb] as const)))(
  "the example /%s is read",
  (example, verb) => {
    expect(asked(`/${example}`)).toMatchObject([{ verb }]);
  },
);
