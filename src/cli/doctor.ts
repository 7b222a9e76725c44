import { reportError } from "../domain/errors.ts";
import { plain, type Terminal, tint } from "./terminal.ts";

/** One thing flibs needs. `look` returns a line about what it found, or throws what is wrong. */
export interface Check {
  readonly name: string;
  look(): Promise<string>;
}

/** Looks at all of them, one after the other, each with its own time limit; true when all are well. */
export async function runDoctor(terminal: Terminal, checks: readonly Check[], json: boolean): Promise<boolean> {
  const findings: { name: string; ok: boolean; message: string; hint?: string }[] = [];
  for (const check of checks) {
    const finding = await examine(check);
    findings.push(finding);
    if (json) continue;
    const mark = finding.ok ? tint(terminal, "good", "ok ") : tint(terminal, "bad", "BAD");
    terminal.out(`${mark}  ${check.name.padEnd(20)} ${plain(finding.message)}\n`);
    if (finding.hint) terminal.out(`     ${" ".repeat(20)} ${plain(finding.hint)}\n`);
  }
  if (json) terminal.out(`${JSON.stringify(findings, null, 2)}\n`);
  return findings.every((finding) => finding.ok);
}

async function examine(check: Check): Promise<{ name: string; ok: boolean; message: string; hint?: string }> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("no answer within 10 s")), 10_000);
    });
    return { name: check.name, ok: true, message: await Promise.race([check.look(), limit]) };
  } catch (error) {
    const { message, hint } = reportError(error);
    return { name: check.name, ok: false, message, ...(hint === undefined ? {} : { hint }) };
  } finally {
    clearTimeout(timer);
  }
}
