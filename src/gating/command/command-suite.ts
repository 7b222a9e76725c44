import { z } from "zod";

/** What `tests/` declares for the runner `command`; the distgit room reads the YAML, this says what may stand in it. */
const ExpectedResult = z.strictObject({
  exitCode: z.number().int().min(0).max(255).default(0).describe("Exit code of a passing command"),
  output: z
    .string()
    .max(500)
    .optional()
    .describe("Regular expression that must be found in what the command prints; looked for in the first MiB, within one second"),
});

const Command = z.strictObject({
  name: z.string().min(1).max(100).describe("What is tested, unique in the suite; shown in statuses"),
  run: z.array(z.string()).min(1).describe('Program and arguments, without a shell: ["/bin/sh", "-c", "…"] for one'),
  expect: ExpectedResult.prefault({}).describe("What makes the command pass"),
  timeoutMs: z.number().int().positive().optional().describe("Time limit of this command, milliseconds; never above the suite's"),
});

export const CommandSuite = z
  .strictObject({
    commands: z
      .array(Command)
      .min(1)
      .max(200)
      .describe("Run one after the other, each in a container of its own; all run, also after a failure"),
    files: z
      .string()
      .default("tests")
      .refine(isInside, "write a directory of the repository, as in tests/data")
      .describe("Directory of the repository that is copied to /flibs-tests in the container; absent is fine"),
  })
  .refine((suite) => new Set(suite.commands.map((one) => one.name)).size === suite.commands.length, "two commands have the same name")
  .describe("Commands run against the built image, without network and credentials");
export type CommandSuite = z.infer<typeof CommandSuite>;
export type SuiteCommand = CommandSuite["commands"][number];

function isInside(path: string): boolean {
  return path !== "" && !path.startsWith("/") && !path.includes("\0") && !path.split("/").includes("..");
}
