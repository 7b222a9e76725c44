import { setImmediate } from "node:timers/promises";
import { searchBytes } from "../search.ts";
import type { TestOutcome } from "../test-runner.ts";

export interface Judgement {
  readonly outcome: TestOutcome;
  readonly message: string;
}

/** What is wrong with the image; with `outcome: "error"`, why it can't be told. */
export interface Problem {
  readonly outcome: "fail" | "error";
  readonly message: string;
}

export const fail = (message: string): Problem => ({ outcome: "fail", message });
export const cannotTell = (message: string): Problem => ({ outcome: "error", message });

/** A test whose judgement can't be made is an error, whatever else is wrong. All problems are told, in their order. */
export function judge(problems: readonly Problem[]): Judgement {
  if (problems.length === 0) return { outcome: "pass", message: "" };
  const outcome = problems.some((one) => one.outcome === "error") ? "error" : "fail";
  const shown = problems.slice(0, 3).map((one) => one.message);
  const more = problems.length > shown.length ? ` (and ${problems.length - shown.length} more)` : "";
  return { outcome, message: shown.join("; ") + more };
}

export interface Expectation {
  /** Of whom: `standard output`. */
  readonly where: string;
  readonly bytes: Uint8Array;
  readonly expected: readonly string[];
  readonly excluded: readonly string[];
}

/** Of one test. Searching is work of this process, so it pauses after each expression. */
const maxSearchMs = 10_000;

/** An expression that is none counts as failed, whichever list it stands in. */
export async function searchAll(expectations: readonly Expectation[]): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const startedAt = performance.now();
  for (const { where, bytes, expected, excluded } of expectations) {
    for (const [index, expression] of [...expected, ...excluded].entries()) {
      if (performance.now() - startedAt > maxSearchMs) return [...problems, cannotTell(`searching ${where} takes too long`)];
      const problem = searchOne(where, bytes, expression, index < expected.length);
      if (problem !== undefined) problems.push(problem);
      if (problem?.outcome === "error") return problems;
      await setImmediate();
    }
  }
  return problems;
}

function searchOne(where: string, bytes: Uint8Array, expression: string, isExpected: boolean): Problem | undefined {
  const found = searchBytes(expression, bytes);
  const shown = `/${shorten(expression)}/`;
  switch (found.kind) {
    case "invalid":
      return fail(`${shown} is no RE2 expression: ${found.message}`);
    case "too-slow":
      return cannotTell(`searching ${where} for ${shown} takes too long; write a simpler expression`);
    case "found":
      return isExpected ? undefined : fail(`${shown} was found in ${where}`);
    case "absent":
      return isExpected ? fail(`${shown} was not found in ${where}`) : undefined;
  }
}

export function shorten(text: string, most = 120): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
