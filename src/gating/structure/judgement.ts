import { setImmediate } from "node:timers/promises";
import { type SearchBudget, searchBytes } from "../search.ts";
import type { TestOutcome } from "../test-runner.ts";

export interface Judgement {
  readonly outcome: TestOutcome;
  readonly message: string;
}

/** What is wrong with the image; with `outcome: "error"`, why it can't be told. */
export interface Problem {
  readonly outcome: "fail" | "error";
  readonly message: string;
  /** Another try would come to the same. */
  readonly final?: boolean;
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

/** Of one expression; the usual ones need 40 for a MiB, or less. */
const maxSearchMs = 200;

/** An expression that is none counts as failed, whichever list it stands in. Takes from the budget. */
export async function searchAll(expectations: readonly Expectation[], budget: SearchBudget): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const { where, bytes, expected, excluded } of expectations) {
    for (const [index, expression] of [...expected, ...excluded].entries()) {
      if (budget.leftMs < 1) return [...problems, tooSlow(`searching ${where} takes too long, with all tests of the suite`)];
      const startedAt = performance.now();
      const problem = searchOne(where, bytes, expression, index < expected.length, Math.min(maxSearchMs, Math.floor(budget.leftMs)));
      budget.leftMs -= performance.now() - startedAt;
      if (problem !== undefined) problems.push(problem);
      if (problem?.outcome === "error") return problems;
      await setImmediate();
    }
  }
  return problems;
}

function tooSlow(message: string): Problem {
  return { ...cannotTell(message), final: true };
}

function searchOne(where: string, bytes: Uint8Array, expression: string, isExpected: boolean, timeoutMs: number): Problem | undefined {
  const found = searchBytes(expression, bytes, timeoutMs);
  const shown = `/${shorten(expression)}/`;
  switch (found.kind) {
    case "invalid":
      return fail(`${shown} is no RE2 expression: ${found.message}`);
    case "too-slow":
      return tooSlow(`searching ${where} for ${shown} takes too long; write a simpler expression`);
    case "found":
      return isExpected ? undefined : fail(`${shown} was found in ${where}`);
    case "absent":
      return isExpected ? fail(`${shown} was not found in ${where}`) : undefined;
  }
}

export function shorten(text: string, most = 120): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
