import type { CallLimits, EarlyEnd } from "../../src/engines/call-limits.ts";

/** Exit code, or why it was stopped before. */
export type ShellEnd = number | EarlyEnd;

interface Machine {
  readonly env: Readonly<Record<string, string>>;
  readonly files: Map<string, Uint8Array>;
  /** Beside the log. */
  readonly output?: (stream: "stdout" | "stderr", bytes: Uint8Array) => void;
}

/**
 * The shell of the fake engine: commands parted by `;` or `&&` out of echo (also into a file), cat, test -e, exit, true, false, sleep and yes. Sleeping lasts until
 * something stops it, when it is longer than ten seconds; shorter sleeps take no time.
 */
export async function runShell(script: string, machine: Machine, limits: CallLimits): Promise<ShellEnd> {
  let code = 0;
  for (const [, operator = "", command = ""] of script.matchAll(/(;|&&|^)\s*([^;&]*)/g)) {
    if (limits.signal.aborted) return limits.ended() ?? "cancelled";
    if (operator === "&&" && code !== 0) continue;
    const words = command.trim().split(/\s+/);
    if (words[0] === "exit") return Number(words[1] ?? code);
    code = await runWord(words, machine, limits);
  }
  return limits.ended() ?? code;
}

async function runWord([program = "", ...rest]: string[], { env, files, output }: Machine, limits: CallLimits): Promise<number> {
  const say = (stream: "stdout" | "stderr", text: string) => {
    output?.(stream, Buffer.from(text));
    limits.say(text);
  };
  switch (program) {
    case "":
    case "true":
      return 0;
    case "false":
      return 1;
    case "echo": {
      const [words, file] = rest.at(-2) === ">" ? [rest.slice(0, -2), rest.at(-1)] : [rest, undefined];
      const text = `${words.join(" ").replaceAll(/\$(\w+)/g, (_, name: string) => env[name] ?? "")}\n`;
      if (file === undefined) say("stdout", text);
      else files.set(file, Buffer.from(text));
      return 0;
    }
    case "cat": {
      const bytes = files.get(rest[0] ?? "");
      if (bytes === undefined) say("stderr", `cat: ${rest[0]}: No such file or directory\n`);
      else say("stdout", Buffer.from(bytes).toString());
      return bytes === undefined ? 1 : 0;
    }
    case "test":
      return files.has(rest[1] ?? "") ? 0 : 1;
    case "sleep":
      if (Number(rest[0]) > 10 && !limits.signal.aborted) await new Promise((resolve) => limits.signal.addEventListener("abort", resolve));
      return 0;
    case "yes":
      while (!limits.signal.aborted) limits.say("y\n".repeat(1000));
      return 0;
    default:
      say("stderr", `sh: ${program}: not found\n`);
      return 127;
  }
}
