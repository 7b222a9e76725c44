import { runProgram as run } from "../../src/programs/run-program.ts";

/** What one program run gave; a non-zero exit is a result here, because tests ask for refusals too. */
export interface ProgramResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const timeoutMs = 60_000;

/**
 * Runs the distribution's skopeo, the independent judge of what flibs pushed and signed. Throws only when skopeo cannot be run at all
 * or does not end within a minute.
 */
export async function skopeo(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<ProgramResult> {
  return runProgram("skopeo", args, env);
}

/** Like {@link skopeo} for any program; missing programs are an error that says what to do, never a skipped test. */
export async function runProgram(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  directory?: string,
): Promise<ProgramResult> {
  const own = Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  const output = { maxBytes: 64 * 2 ** 20, beyond: "end" } as const;
  const end = await run({
    ...{ program, args, env: { ...Object.fromEntries(own), LC_ALL: "C", ...env } },
    ...{ outputs: { 1: output, 2: output }, timeoutMs, ...(directory === undefined ? {} : { directory }) },
  });
  const [stdout, stderr] = [1, 2].map((fd) => Buffer.from(end.outputs[fd] ?? []).toString());
  if (end.notStarted?.code === "ENOENT") throw new Error(`${program} is not installed: run scripts/setup`);
  if (end.exitCode === undefined || end.ended !== undefined) {
    const why = end.ended ?? end.signal ?? end.notStarted?.message;
    throw new Error(`${program} ${args[0] ?? ""} did not end by itself (${why})\n${stderr}`);
  }
  return { exitCode: end.exitCode, stdout: stdout ?? "", stderr: stderr ?? "" };
}
