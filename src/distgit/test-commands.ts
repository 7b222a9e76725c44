import { z } from "zod";
import { durationMs } from "../config-durations.ts";
import { Command, commandList, ExpectedResult } from "../gating/command-suite.ts";
import { suiteName, suiteNameWords } from "../gating/suite-name.ts";
import type { TestSuite } from "../gating/test-runner.ts";
import type { Finding } from "./finding.ts";
import type { Tree } from "./tree.ts";
import { maxYamlBytes, readYaml } from "./yaml-file.ts";

const { name, run, expect } = Command.shape;
const { output } = ExpectedResult.shape;

const TestCommand = z.strictObject({
  name,
  run: z.union([run.element.min(1), run]).describe("Program and arguments; a text is given to /bin/sh -c in the image"),
  expect: ExpectedResult.extend({
    output: output
      .unwrap()
      .min(1)
      .refine(isRegularExpression, "is no regular expression; put \\ before each ( ) [ ] { } + * ? . ^ $ | that is meant as itself")
      .optional()
      .describe(output.description ?? ""),
  })
    .optional()
    .describe(`${expect.description}; exit code 0 when left out`),
  timeout: z
    .string()
    .regex(/^[1-9]\d{0,5}(s|m|h)$/, "write a number and s, m or h, as in 30s")
    .optional()
    .describe("Longest time of this command; the operator's limit counts when it is shorter"),
});

const Suite = z.strictObject({
  required: z.boolean().default(true).describe("A failing suite that is not required is reported and blocks nothing"),
  commands: commandList(TestCommand),
});

/** tests/commands.yaml: suites of plain commands that run in the built image without network. */
export const TestCommands = z
  .record(z.string().regex(suiteName, `a suite's name is ${suiteNameWords}`), Suite)
  .refine((suites) => Object.keys(suites).length <= 20, "at most 20 suites")
  .nullable()
  .describe("tests/commands.yaml: suites of commands that are run in the built image, without network; the keys are the suites' names");

export const testCommandsFile = "tests/commands.yaml";

/** Suites of kind `command`; `definition` is `{commands: [{name, run: string[], expect?: {exitCode?, output?}, timeoutMs?}]}`. */
export async function readTestCommands(
  tree: Tree,
): Promise<{ readonly suites: readonly TestSuite[]; readonly findings: readonly Finding[] }> {
  const bytes = await tree.readFile(testCommandsFile, maxYamlBytes + 1);
  if (bytes === undefined) return { suites: [], findings: [] };
  const { value, findings } = readYaml(testCommandsFile, bytes, TestCommands, "distgit.tests-invalid");
  const suites = Object.entries(value ?? {}).map(([name, suite]): TestSuite => {
    const commands = suite.commands.map(({ name, run, expect, timeout }) => ({
      name,
      run: typeof run === "string" ? ["/bin/sh", "-c", run] : run,
      ...(expect === undefined ? {} : { expect }),
      ...(timeout === undefined ? {} : { timeoutMs: durationMs(timeout) }),
    }));
    return { name, kind: "command", file: testCommandsFile, definition: { commands }, required: suite.required };
  });
  return { suites, findings };
}

/** As the runner reads it. */
function isRegularExpression(text: string): boolean {
  try {
    new RegExp(text, "mu");
    return true;
  } catch {
    return false;
  }
}
