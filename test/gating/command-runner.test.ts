import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { RunOutcome } from "../../src/engines/engine.ts";
import { commandRunner, judge } from "../../src/gating/command/command-runner.ts";
import { matchOutput } from "../../src/gating/command/match-output.ts";
import { CommandSuite } from "../../src/gating/command-suite.ts";
import { searchBudget } from "../../src/gating/search.ts";
import type { TestResult } from "../../src/gating/test-runner.ts";
import { fakeEngine } from "../fakes/engine.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";
import { turnTest } from "../support/turn-test.ts";

const never = new AbortController().signal;
const limits = { timeoutMs: 300, memoryBytes: 2 ** 26, processes: 64 };

async function runSuite(commands: unknown, signal = never, allowed = limits): Promise<TestResult> {
  await using tree = await scratchDirectory();
  await mkdir(join(tree.path, "tests"));
  await writeFile(join(tree.path, "tests/hello.txt"), "hello\n");
  await writeFile(join(tree.path, "sh"), "");
  const engine = fakeEngine();
  const request = {
    platform: "linux/amd64",
    context: tree.path,
    dockerfile: "FROM scratch\nCOPY sh /bin/sh",
    parents: [],
    buildArguments: {},
    limits: { ...limits, timeoutMs: 60_000 },
  } as const;
  const built = await engine.build("b", request, () => true, never);
  if (built.outcome !== "built") throw new Error(built.outcome);
  const suite = { name: "smoke", kind: "command", definition: { commands }, required: true };
  let bytes = 0;
  const sink = (text: string) => {
    bytes += text.length;
    return bytes < 50_000;
  };
  return await commandRunner({ engine }).run(
    "t",
    { suite, image: built.imageId, platform: "linux/amd64", tree: tree.path, artifacts: "", limits: allowed },
    sink,
    signal,
  );
}
const sh = (script: string) => ["/bin/sh", "-c", script];

describe("command suites", () => {
  test.each([
    ["exit 0 passes", { run: sh("exit 0") }, "pass", ""],
    ["another exit code fails", { run: sh("exit 3") }, "fail", "returned 3, expected 0"],
    ["an expected exit code passes", { run: sh("exit 3"), expect: { exitCode: 3 } }, "pass", ""],
    ["expected output passes", { run: sh("echo version 12"), expect: { output: "version \\d+" } }, "pass", ""],
    ["other output fails", { run: sh("echo none"), expect: { output: "^version" } }, "fail", "printed nothing that matches /^version/"],
    ["the repository's test files are there", { run: sh("cat /flibs-tests/hello.txt"), expect: { output: "^hello$" } }, "pass", ""],
    ["an absent command is an error", { run: ["/bin/absent"] }, "error", 'could not be started: "/bin/absent": no such file or directory'],
    ["a hanging command is an error", { run: sh("sleep 1000"), timeoutMs: 50 }, "error", "did not end within 0.05 s"],
    ["endless output is an error", { run: sh("yes") }, "error", "printed more than the log limit allows"],
    [
      "a broken expression is an error",
      { run: sh("exit 0"), expect: { output: "(" } },
      "error",
      expect.stringContaining("is no regular expression"),
    ],
  ])("%s", async (_, command, outcome, message) => {
    const result = await runSuite([{ name: "one", ...command }]);
    expect(result.cases).toMatchObject([{ name: "one", outcome, message }]);
    expect(result.outcome).toBe(outcome);
  });

  test("all commands run, and the worst tells the outcome", async () => {
    const result = await runSuite([
      { name: "bad", run: sh("exit 1") },
      { name: "absent", run: ["/bin/absent"] },
      { name: "good", run: sh("exit 0") },
    ]);
    expect(result.cases.map((one) => one.outcome)).toEqual(["fail", "error", "pass"]);
    expect(result).toMatchObject({ suite: "smoke", outcome: "error", message: expect.stringMatching(/^absent: could not be started/) });
  });

  test("the suite's time is shared: what has no time left is an error", async () => {
    const result = await runSuite([
      { name: "slow", run: sh("sleep 1000") },
      { name: "late", run: sh("exit 0") },
    ]);
    expect(result.cases[1]).toMatchObject({ outcome: "error", message: "not run: the time of the suite was used up" });
  });

  test("a cancelled suite is an error, not a failure", async () => {
    expect(await runSuite([{ name: "one", run: sh("exit 1") }], AbortSignal.abort())).toMatchObject({ outcome: "error" });
  });

  test.each([
    ["no commands", []],
    ["an unknown key", [{ name: "a", run: ["x"], shell: true }]],
    ["a string for argv", [{ name: "a", run: "x" }]],
    [
      "a name twice",
      [
        { name: "a", run: ["x"] },
        { name: "a", run: ["y"] },
      ],
    ],
  ])("an invalid suite is an error that says why: %s", async (_, commands) => {
    expect(await runSuite(commands)).toMatchObject({
      outcome: "error",
      cases: [],
      message: expect.stringMatching(/^the suite is not valid: /),
    });
  });

  test("an error that would come again is final, unless another command's would not", async () => {
    const broken = { name: "a", run: sh("exit 0"), expect: { exitCode: 0, output: "(" } };
    const hanging = { name: "b", run: sh("sleep 1000"), expect: { exitCode: 0 }, timeoutMs: 50 };
    const failing = { name: "c", run: sh("exit 1"), expect: { exitCode: 0 } };
    expect((await runSuite([broken])).final).toBe(true);
    expect((await runSuite([broken, failing])).final).toBe(true);
    expect((await runSuite([broken, hanging])).final).toBeUndefined();
    expect((await runSuite([hanging])).final).toBeUndefined();
    expect((await runSuite([failing])).final).toBeUndefined();
    expect((await runSuite([])).final).toBe(true);
    expect((await runSuite([failing], AbortSignal.abort())).final).toBe(true);
  });

  test.each(["/etc", "../..", "tests/../..", ""])("files from %j are refused", (files) => {
    expect(CommandSuite.safeParse({ commands: [{ name: "a", run: ["x"] }], files }).success).toBe(false);
  });

  turnTest("the expressions of a suite share three seconds: they hold up everything else", async () => {
    const letters = "a".repeat(30);
    const slow = { run: sh(`echo ${letters}`), expect: { output: "^(a|a)*b" } };
    const commands = ["one", "two", "three", "four"].map((name) => ({ name, ...slow }));
    const quick = { name: "five", run: sh(`echo ${letters}`), expect: { output: letters } };
    const result = await runSuite([...commands, quick], never, { ...limits, timeoutMs: 60_000 });
    expect(result.cases[0]?.message).toBe("matching /^(a|a)*b/ takes too long; write a simpler expression");
    for (const { message } of result.cases.slice(3))
      expect(message).toMatch(/^matching .* takes too long, with all commands of the suite$/);
    expect(result).toMatchObject({ outcome: "error", final: true });
  });

  test("memory exhaustion is an error that says it", () => {
    const [command] = CommandSuite.parse({ commands: [{ name: "a", run: ["x"] }] }).commands;
    const end: RunOutcome = { outcome: "exited", exitCode: 137, outOfMemory: true };
    expect(command && judge(command, end, "", 1, searchBudget())).toEqual({
      outcome: "error",
      message: "was stopped for using too much memory",
    });
  });

  test("an expression made to run for ever is given up", () => {
    expect(matchOutput("^(a+)+$", `${"a".repeat(50_000)}b`, 100)).toEqual({ kind: "too-slow" });
  });
});
