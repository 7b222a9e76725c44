import { execFile } from "node:child_process";
import { basename } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { appError } from "../../domain/errors.ts";
import { severities, type Vulnerability, type VulnerabilityScanner } from "../vulnerability-scanner.ts";

const run = promisify(execFile);
const mostOutput = 32 * 1024 * 1024;
const mostFound = 20_000;
const mostRemembered = 1000;

const text = z.string().max(500);
/** What the program prints; other members are passed over, so that it may print more for other readers. */
const Output = z.object({
  vulnerabilities: z
    .array(z.object({ id: text, package: text, severity: z.enum(severities), installed: text.optional(), fixed: text.optional() }))
    .max(mostFound),
});

/**
 * A program of the site that is given an image reference as its last argument and prints JSON (docs/registry-manifest.md). Of flibs' own
 * environment it gets the search path and its home, no secret. What it found for a digest is remembered while the process lives and `keepMs` have
 * not passed: the digest cannot change, but what is known of it does.
 */
export function commandScanner(options: {
  readonly command: readonly string[];
  readonly timeoutMs: number;
  readonly keepMs: number;
  readonly now: () => Date;
}): VulnerabilityScanner {
  const { command, timeoutMs, keepMs, now } = options;
  const [program = "", ...before] = command;
  const known = new Map<string, { readonly at: number; readonly found: readonly Vulnerability[] }>();
  const name = basename(program);
  return {
    name,
    async scan(reference) {
      const last = known.get(reference);
      if (last && now().getTime() - last.at < keepMs) return last.found;
      const found = await ask(name, program, [...before, reference], timeoutMs);
      const [oldest] = known.keys();
      if (known.size >= mostRemembered && oldest !== undefined) known.delete(oldest);
      known.set(reference, { at: now().getTime(), found });
      return found;
    },
  };
}

async function ask(name: string, program: string, args: readonly string[], timeoutMs: number): Promise<readonly Vulnerability[]> {
  const failed = (why: string, cause?: unknown) => appError("promotion.scan-failed", `${name} ${why}`, { cause });
  const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: process.env.HOME ?? "/", LC_ALL: "C" };
  const options = { timeout: timeoutMs, killSignal: "SIGKILL", maxBuffer: mostOutput, env } as const;
  const output = await run(program, args, options).catch((error: { killed?: boolean; code?: unknown; stderr?: string }) => {
    if (error.killed === true) throw failed(`was ended after ${Math.round(timeoutMs / 1000)} s`, error);
    const said = (error.stderr ?? "").trim().split("\n").at(-1) ?? "";
    throw failed(`ended with ${String(error.code ?? "an error")}${said === "" ? "" : `: ${said.slice(0, 300)}`}`, error);
  });
  let value: unknown;
  try {
    value = JSON.parse(output.stdout);
  } catch (error) {
    throw failed("printed no JSON", error);
  }
  const parsed = Output.safeParse(value);
  if (!parsed.success) throw failed(`printed something else than vulnerabilities: ${parsed.error.issues[0]?.path.join(".")}`);
  return parsed.data.vulnerabilities;
}
