import type { z } from "zod";
import { appError } from "../domain/errors.ts";
import { type Answer, isSatisfied } from "../gating/decide.ts";
import { summarize } from "../gating/decision-json.ts";
import type { TestOutcome } from "../gating/test-runner.ts";
import { suiteOf } from "../gating/testcase.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BuildRecord } from "./build-record.ts";
import type { VerdictShape } from "./build-schemas.ts";
import type { GateAnswer } from "./gate.ts";
import type { Verdict } from "./verdict.ts";

/** What people call it: the suite, or the testcase of somebody else's. */
export function answerName({ testcase, kind }: Pick<Answer, "testcase" | "kind">): string {
  return testcase === undefined ? kind : (suiteOf(testcase) ?? testcase);
}

const outcomes: Partial<Record<Answer["kind"], TestOutcome>> = { failed: "fail", passed: "pass" };

/** The gate's answer for the flows: what blocks, a line each. Pure. */
export function verdictOfGate(answer: GateAnswer): Verdict {
  const open = answer.answers.filter((one) => !isSatisfied(one));
  const blocking = open.map((one) => ({ suite: answerName(one), outcome: outcomes[one.kind] ?? "error", message: messageOf(one) }));
  if (answer.undecided !== undefined) blocking.push({ suite: "gate", outcome: "error", message: answer.undecided });
  return { passed: answer.satisfied, blocking };
}

/** Asks the gate about a build as its record is now, for a step of a flow. Throws `builds.unknown`. */
export async function askVerdict({ builds, gate }: Pick<BuildPorts, "builds" | "gate">, id: string): Promise<z.infer<typeof VerdictShape>> {
  const build = await builds.find(id);
  if (build === undefined) throw appError("builds.unknown", `there is no build ${id.slice(0, 100)}`);
  const { passed, blocking } = verdictOfGate(await gate.ask(build));
  return { passed, blocking: [...blocking] };
}

/** Each thing that holds a build back, with what would mend it; none when the gate is satisfied. Pure. */
export function refusalsOf(
  { id }: Pick<BuildRecord, "id">,
  answer: GateAnswer,
): readonly { readonly message: string; readonly fix: string }[] {
  if (answer.satisfied) return [];
  const open = answer.answers.filter((one) => !isSatisfied(one)).map((one) => ({ message: openWords(id, one), fix: fixOf(one) }));
  if (answer.undecided === undefined) return open;
  return [...open, { message: `nobody could decide about build ${id}: ${answer.undecided}`, fix: "ask the operators of flibs" }];
}

function openWords(id: string, answer: Answer): string {
  const { kind, result, testcase } = answer;
  if (testcase === undefined || !(kind in states)) return `build ${id}: ${messageOf(answer)}`;
  const of = `the test ${answerName(answer)} of build ${id}`;
  const where = result?.architecture == null ? "" : ` on ${result.architecture}`;
  return kind === "missing" && result === undefined
    ? `${of} was not run${lackingOf(answer)}`
    : `${of} ${states[kind]}${where}: ${messageOf(answer)}`;
}

function lackingOf({ architecture }: Answer): string {
  return architecture === undefined ? "" : ` for ${architecture}`;
}

const states: Partial<Record<Answer["kind"], string>> = { missing: "has no result", failed: "failed", errored: "could not be carried out" };

function fixOf({ kind, testcase }: Answer): string {
  if (testcase === undefined || !(kind in states)) return "add a gating.yaml to the repository, or ask the operators of flibs";
  return "promote a build that passed, test this one again, or waive the test";
}

/** Why one is not satisfied: "it was not carried out", or what the test said. Pure. */
export function messageOf({ kind, result, architecture }: Answer): string {
  const where = architecture === undefined ? "" : ` for ${architecture}`;
  if (kind === "missing" && result?.outcome === "INFO") return result.note === "" ? "it was skipped" : result.note;
  if (kind === "missing") return result === undefined ? `it was not carried out${where}` : "it has not ended";
  if (kind === "missing-gating-yaml") return "a policy wants the repository to have a gating.yaml";
  if (kind === "invalid-gating-yaml") return "its gating.yaml is not valid";
  if (kind === "failed-fetch-gating-yaml") return "its gating.yaml could not be read";
  return result?.note || `it ended with ${kind}`;
}

/** "1 of 2 required test results missing", or why nobody could decide. Pure. */
export function gateSummary({ answers, undecided, satisfied }: GateAnswer): string {
  return undecided === undefined || satisfied ? summarize(answers) : undecided;
}
