import { z } from "zod";
import type { Engine, LogSink } from "../../engines/engine.ts";
import { searchBudget } from "../search.ts";
import { type CommandTest, countTests, StructureFile } from "../structure-file.ts";
import { summarize } from "../suite-summary.ts";
import type { TestCase, TestRequest, TestRunner } from "../test-runner.ts";
import { commandsOf, judgeCommand, whyMalformed } from "./command-test.ts";
import { environmentOf, TooLong } from "./expand.ts";
import { hearing } from "./hearing.ts";
import { cannotTell, fail, judge, type Problem } from "./judgement.ts";
import { stillTests } from "./still-tests.ts";

export interface StructureRunnerOptions {
  readonly engine: Pick<Engine, "run" | "examine">;
  /** Milliseconds; for durations. */
  readonly now?: () => number;
}

/** No container starts in less; timers are not more exact than that either. */
const leastMs = 10;

/**
 * Runs a file of container-structure-test against an image, of any platform as far as no command is run. What the image does wrong fails; what could not
 * be carried out to its end is an error, since it says nothing about the image. Results have the Go program's names and order.
 */
export function structureRunner({ engine, now = () => performance.now() }: StructureRunnerOptions): TestRunner {
  return {
    kind: "structure",
    async run(key, request, sink, signal) {
      const startedAt = now();
      const { name: suite, definition } = request.suite;
      const parsed = StructureFile.safeParse(definition);
      if (!parsed.success) {
        const message = `the suite is not valid: ${z.prettifyError(parsed.error).replaceAll(/\s+/g, " ")}`;
        return { suite, outcome: "error", cases: [], message: message.slice(0, 500), durationMs: 0, final: true };
      }
      const file = parsed.data;
      if (countTests(file) === 0) return { suite, outcome: "fail", cases: [], message: "the file has no test", durationMs: 0 };
      // The suite's time limit is for all its tests together.
      const leftMs = () => Math.floor(request.limits.timeoutMs - (now() - startedAt));
      const ends = AbortSignal.any([signal, AbortSignal.timeout(request.limits.timeoutMs)]);
      const budget = searchBudget();
      let isFinal = false;
      const looked = await look();
      const cases: TestCase[] = [];
      for (const [index, test] of (file.commandTests ?? []).entries()) {
        cases.push(await runCase(`Command Test: ${test.name ?? ""}`, () => runCommand(`${key}/${index + 1}`, test, looked.environment)));
      }
      const told = summarize(suite, [...cases, ...looked.cases]);
      return { ...told, durationMs: Math.round(now() - startedAt), ...(isFinal ? { final: true } : {}) };

      /** What starts nothing in the image, and the environment that the image sets. */
      async function look() {
        const tests = stillTests(file, budget);
        const found: TestCase[] = [];
        try {
          return await engine.examine(
            `${key}/files`,
            imageOf(request),
            async (image) => {
              for (const test of tests) found.push(await runCase(test.title, () => test.judge(image)));
              return { environment: environmentOf(image.config.env), cases: found };
            },
            sink,
            ends,
          );
        } catch (error) {
          if (!ends.aborted) throw error;
          for (const { title } of tests.slice(found.length)) found.push(await runCase(title, () => Promise.reject(error)));
          return { environment: new Map<string, string>(), cases: found };
        }
      }

      async function runCommand(caseKey: string, test: CommandTest, environment: ReadonlyMap<string, string>): Promise<readonly Problem[]> {
        const malformed = whyMalformed(test, file.globalEnvVars);
        if (malformed.length > 0) return malformed;
        const { output, heard } = hearing();
        const asked = {
          ...{ ...imageOf(request), ...commandsOf(test, file, environment), ...startedAs(file) },
          ...{ output, limits: { ...request.limits, timeoutMs: leftMs() } },
        };
        return await judgeCommand(test, await engine.run(caseKey, asked, sink, signal), heard(), budget);
      }

      async function runCase(title: string, test: () => Promise<readonly Problem[]>): Promise<TestCase> {
        const caseStart = now();
        const name = oneLine(title).slice(0, 300);
        say(sink, `=== ${name}`);
        const problems = await problemsOf(test);
        isFinal ||= problems.some((one) => one.final === true);
        const judged = judge(problems);
        const message = oneLine(judged.message).slice(0, 1000);
        say(sink, `--- ${name}: ${judged.outcome}${message === "" ? "" : `: ${message}`}`);
        return { name, outcome: judged.outcome, message, durationMs: Math.round(now() - caseStart) };
      }

      async function problemsOf(test: () => Promise<readonly Problem[]>): Promise<readonly Problem[]> {
        if (signal.aborted) return [cannotTell("cancelled")];
        if (leftMs() < leastMs) return [cannotTell("not run: the time of the suite was used up")];
        try {
          return await test();
        } catch (error) {
          if (error instanceof TooLong) return [fail(error.message)];
          if (!ends.aborted) throw error;
          return [cannotTell(signal.aborted ? "cancelled" : "did not end within the time of the suite")];
        }
      }
    },
  };
}

function imageOf({ image, platform, credential }: TestRequest) {
  return { image, platform, ...(credential === undefined ? {} : { credential }) };
}

function startedAs({ containerRunOptions: options }: StructureFile) {
  return { ...(options?.user ? { user: options.user } : {}), terminal: options?.allocateTty === true };
}

/** Names come from the repository, messages from the image as well. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, " ");
}

/** Our own lines are short; whether the log is full is asked with the next line of the container. */
function say(sink: LogSink, line: string): void {
  sink(`${line}\n`);
}
