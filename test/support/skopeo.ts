import { execFile } from "node:child_process";

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
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, LC_ALL: "C", ...env }, timeout: timeoutMs, maxBuffer: 64 * 2 ** 20 };
    execFile(program, [...args], options, (error, stdout, stderr) => {
      if (error === null) {
        resolve({ exitCode: 0, stdout, stderr });
      } else if (typeof error.code === "number") {
        resolve({ exitCode: error.code, stdout, stderr });
      } else if (error.code === "ENOENT") {
        reject(new Error(`${program} is not installed: run scripts/setup`));
      } else {
        reject(new Error(`${program} ${args[0] ?? ""} did not end by itself (${error.signal ?? error.message})\n${stderr}`));
      }
    });
  });
}
