import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Engine, LogSink, RunOutcome } from "../../engines/engine.ts";
import { CommandSuite, type SuiteCommand } from "../command-suite.ts";
import { type SearchBudget, searchBudget } from "../search.ts";
import { summarize } from "../suite-summary.ts";
import type { TestCase, TestOutcome, TestRequest, TestRunner } from "../test-runner.ts";
import { matchOutput } from "./match-output.ts";

export interface CommandRunnerOptions {
  readonly engine: Pick<Engine, "run">;
  /** Milliseconds; for durations. */
  readonly now?: () => number;
}

/** Where the repository's test files are in the container. */
const filesTarget = "/flibs-tests";
const keptOutput = 2 ** 20;
/** No container starts in less; timers are not more exact than that either. */
const leastMs = 10;
/** Of one expression. */
const maxMatchMs = 1000;

/**
 * Runs the commands of a suite, each in a container of its own. A command that does not do what is expected fails; one that could not be
 * carried out to its end is an error, since it says nothing about the image. The suite is as bad as its worst command.
 */
export function commandRunner({ engine, now = () => performance.now() }: CommandRunnerOptions): TestRunner {
  return {
    kind: "command",
    async run(key, request, sink, signal) {
      const startedAt = now();
      const parsed = CommandSuite.safeParse(request.suite.definition);
      if (!parsed.success) {
        const message = `the suite is not valid: ${z.prettifyError(parsed.error).replaceAll(/\s+/g, " ")}`;
        return { suite: request.suite.name, outcome: "error", cases: [], message: message.slice(0, 500), durationMs: 0, final: true };
      }
      const files = await findFiles(request.tree, parsed.data.files);
      const budget = searchBudget();
      const cases: TestCase[] = [];
      let isFinal = true;
      for (const [index, command] of parsed.data.commands.entries()) {
        // The suite's time limit is for all its commands together.
        const left = Math.floor(request.limits.timeoutMs - (now() - startedAt));
        cases.push(await runCase(`${key}/${index + 1}`, command, left));
      }
      const durationMs = Math.round(now() - startedAt);
      const result = summarize(request.suite.name, cases);
      return { ...result, durationMs, ...(result.outcome === "error" && isFinal ? { final: true } : {}) };

      async function runCase(caseKey: string, command: SuiteCommand, leftMs: number): Promise<TestCase> {
        const caseStart = now();
        const { final = false, ...judged } = await judgeCase(caseKey, command, leftMs);
        if (judged.outcome === "error") isFinal &&= final;
        say(sink, `--- ${command.name}: ${judged.outcome}${judged.message === "" ? "" : `: ${judged.message}`}\n`);
        return { name: command.name, ...judged, durationMs: Math.round(now() - caseStart) };
      }

      async function judgeCase(caseKey: string, command: SuiteCommand, leftMs: number): Promise<Judgement> {
        if (signal.aborted) return { outcome: "error", message: "cancelled", final: true };
        if (leftMs < leastMs) return { outcome: "error", message: "not run: the time of the suite was used up" };
        const timeoutMs = Math.min(leftMs, command.timeoutMs ?? leftMs);
        say(sink, `=== ${command.name}: ${command.run.join(" ")}\n`);
        const output = keepOutput(sink);
        const outcome = await engine.run(caseKey, runRequest(request, command, files, timeoutMs), output.sink, signal);
        return judge(command, outcome, output.text(), timeoutMs, budget);
      }
    },
  };
}

/** `final`: another try would come to the same. */
type Judgement = { readonly outcome: TestOutcome; readonly message: string; readonly final?: boolean };

/** What one command's end means. Takes from the budget. */
export function judge(command: SuiteCommand, outcome: RunOutcome, output: string, timeoutMs: number, budget: SearchBudget): Judgement {
  switch (outcome.outcome) {
    case "not-started":
      return { outcome: "error", message: `could not be started: ${outcome.message}` };
    case "timed-out":
      return { outcome: "error", message: `did not end within ${timeoutMs / 1000} s` };
    case "log-limit":
      return { outcome: "error", message: "printed more than the log limit allows", final: true };
    case "disk-limit":
      return { outcome: "error", message: "wrote more on the disk than is allowed", final: true };
    case "cancelled":
      return { outcome: "error", message: "cancelled", final: true };
    case "exited":
      return outcome.outOfMemory
        ? { outcome: "error", message: "was stopped for using too much memory" }
        : judgeExit(command, outcome.exitCode, output, budget);
  }
}

function judgeExit({ expect }: SuiteCommand, exitCode: number, output: string, budget: SearchBudget): Judgement {
  if (exitCode !== expect.exitCode) return { outcome: "fail", message: `returned ${exitCode}, expected ${expect.exitCode}` };
  if (expect.output === undefined) return { outcome: "pass", message: "" };
  if (budget.leftMs < 1) return tooSlow(expect.output, ", with all commands of the suite");
  const startedAt = performance.now();
  const match = matchOutput(expect.output, output, Math.min(maxMatchMs, Math.floor(budget.leftMs)));
  budget.leftMs -= performance.now() - startedAt;
  switch (match.kind) {
    case "found":
      return { outcome: "pass", message: "" };
    case "absent":
      return { outcome: "fail", message: `printed nothing that matches /${expect.output}/` };
    case "too-slow":
      return tooSlow(expect.output, "; write a simpler expression");
    case "invalid":
      return { outcome: "error", message: `/${expect.output}/ is no regular expression: ${match.message}`, final: true };
  }
}

function tooSlow(expression: string, why: string): Judgement {
  return { outcome: "error", message: `matching /${expression}/ takes too long${why}`, final: true };
}

function runRequest(
  { image, platform, credential, limits }: TestRequest,
  command: SuiteCommand,
  files: string | undefined,
  timeoutMs: number,
) {
  return {
    platform,
    image,
    command: command.run,
    env: {},
    limits: { ...limits, timeoutMs },
    ...(credential === undefined ? {} : { credential }),
    ...(files === undefined ? {} : { files: { directory: files, target: filesTarget } }),
  };
}

/** Undefined when the repository has no such directory. A symbolic link on the way is none: it could lead out of the tree. */
async function findFiles(tree: string, path: string): Promise<string | undefined> {
  let at = tree;
  for (const part of path.split("/").filter((one) => one !== "" && one !== ".")) {
    at = join(at, part);
    const stat = await lstat(at).catch(() => undefined);
    if (!stat?.isDirectory()) return undefined;
  }
  return at;
}

/** Our own lines are short; whether the log is full is asked with the next line of the container. */
function say(sink: LogSink, text: string): void {
  sink(text.replaceAll(/(?!\n)\p{Cc}/gu, " "));
}

function keepOutput(sink: LogSink): { sink: LogSink; text: () => string } {
  let text = "";
  return {
    text: () => text,
    sink: (piece) => {
      if (text.length < keptOutput) text += piece.slice(0, keptOutput - text.length);
      return sink(piece);
    },
  };
}
