import { z } from "zod";

/** What `tests/` declares for the runner `command`. The distgit room makes the schema of its YAML from these: what lint takes, the runner takes. */
const word = z
  .string()
  .max(16_384)
  .refine((text) => !text.includes("\0"), "must not have a NUL character");

export const ExpectedResult = z.strictObject({
  exitCode: z.number().int().min(0).max(255).default(0).describe("Exit code of a passing command"),
  output: z
    .string()
    .max(500)
    .optional()
    .describe(
      "Regular expression that must be found in what the command prints; looked for in the first MiB, within one second, and three for the suite",
    ),
});

export const Command = z.strictObject({
  name: z.string().min(1).max(100).describe("What is tested, unique in the suite; shown in statuses"),
  run: z.array(word).min(1).max(200).describe('Program and arguments, without a shell: ["/bin/sh", "-c", "…"] for one'),
  expect: ExpectedResult.prefault({}).describe("What makes the command pass"),
  timeoutMs: z.number().int().positive().optional().describe("Time limit of this command, milliseconds; never above the suite's"),
});

/** Commands of one suite, however one of them is written. */
export function commandList<T extends z.ZodType<{ readonly name: string }>>(command: T) {
  return z
    .array(command)
    .min(1)
    .max(100)
    .superRefine((commands, { addIssue }) => {
      const names = new Set<string>();
      for (const [index, { name }] of commands.entries()) {
        if (names.has(name)) addIssue({ code: "custom", path: [index, "name"], message: "another command above has the same name" });
        names.add(name);
      }
    })
    .describe("Run one after the other, each in a container of its own; all run, also after a failure");
}

export const CommandSuite = z
  .strictObject({
    commands: commandList(Command),
    files: z
      .string()
      .default("tests")
      .refine(isInside, "write a directory of the repository, as in tests/data")
      .describe("Directory of the repository that is copied to /flibs-tests in the container; absent is fine"),
  })
  .describe("Commands run against the built image, without network and credentials");
export type CommandSuite = z.infer<typeof CommandSuite>;
export type SuiteCommand = CommandSuite["commands"][number];

function isInside(path: string): boolean {
  return path !== "" && !path.startsWith("/") && !path.includes("\0") && !path.split("/").includes("..");
}
