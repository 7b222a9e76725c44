import type { RunOutcome, RunRequest } from "../../engines/engine.ts";
import type { SearchBudget } from "../search.ts";
import type { CommandTest, StructureFile } from "../structure-file.ts";
import { expandVariables, valuesOf } from "./expand.ts";
import { cannotTell, fail, type Problem, searchAll } from "./judgement.ts";

export interface Heard {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  /** More was printed than is kept. */
  readonly isCut: boolean;
}

/** What is wrong with the test itself: it fails without being run. */
export function whyMalformed(test: CommandTest, global: StructureFile["globalEnvVars"]): readonly Problem[] {
  const problems: Problem[] = [];
  if (!test.name) problems.push(fail("the test has no name"));
  if (!test.command) problems.push(fail("the test has no command"));
  for (const section of ["setup", "teardown"] as const) {
    if ((test[section] ?? []).some((command) => (command ?? []).length === 0)) problems.push(fail(`${section} has an empty command`));
  }
  if ((test.envVars ?? []).some(({ key, value }) => !key || !value)) problems.push(fail("envVars has a variable without key or value"));
  if ((global ?? []).some(({ key }) => !key)) problems.push(fail("globalEnvVars has a variable without key"));
  return problems;
}

type Commands = Required<Pick<RunRequest, "command" | "before" | "env">>;

/**
 * What is run for a test. Variables are put into values, command and arguments, never into setup. The test's own variables count for the
 * command only when a setup has made them part of the image.
 */
export function commandsOf(test: CommandTest, file: StructureFile, image: ReadonlyMap<string, string>): Commands {
  const global = valuesOf(file.globalEnvVars, image);
  const withGlobal = new Map([...image, ...global]);
  const own = valuesOf(test.envVars, withGlobal);
  const before = (test.setup ?? []).map((command) => command ?? []);
  const known = before.length > 0 ? new Map([...withGlobal, ...own]) : withGlobal;
  const command = [test.command ?? "", ...(test.args ?? [])].map((word) => expandVariables(word, known));
  return { command, before, env: Object.fromEntries([...global, ...own]) };
}

/** What the end of the command means. */
export async function judgeCommand(
  test: CommandTest,
  outcome: RunOutcome,
  heard: Heard,
  budget: SearchBudget,
): Promise<readonly Problem[]> {
  switch (outcome.outcome) {
    case "not-started":
      return [fail(`could not be started: ${outcome.message}`)];
    case "timed-out":
      return [cannotTell("did not end within the time of the suite")];
    case "log-limit":
      return [cannotTell("printed more than the log limit allows")];
    case "disk-limit":
      return [cannotTell("wrote more on the disk than is allowed")];
    case "cancelled":
      return [cannotTell("cancelled")];
    case "exited":
      return outcome.outOfMemory ? [cannotTell("was stopped for using too much memory")] : judgeExit(test, outcome.exitCode, heard, budget);
  }
}

async function judgeExit(
  test: CommandTest,
  exitCode: number,
  { stdout, stderr, isCut }: Heard,
  budget: SearchBudget,
): Promise<readonly Problem[]> {
  const wanted = test.exitCode ?? 0;
  const problems: Problem[] = exitCode === wanted ? [] : [fail(`returned ${exitCode}, expected ${wanted}`)];
  const output = { expected: test.expectedOutput ?? [], excluded: test.excludedOutput ?? [] };
  const errors = { expected: test.expectedError ?? [], excluded: test.excludedError ?? [] };
  const isSearched = [output, errors].some(({ expected, excluded }) => expected.length + excluded.length > 0);
  // What was not kept can't be said to be without something.
  if (isCut && isSearched) return [...problems, cannotTell("printed more than is searched")];
  const found = await searchAll(
    [
      { where: "standard error", bytes: stderr, ...errors },
      { where: "standard output", bytes: stdout, ...output },
    ],
    budget,
  );
  return [...problems, ...found];
}
