import type { BuildRecord, SuiteResult } from "../builds/build-record.ts";
import type { GateAnswer } from "../builds/gate.ts";
import { ownPolicyId } from "../builds/gate.ts";
import { answerName, gateSummary, messageOf } from "../builds/gate-words.ts";
import { resultName, resultsOf } from "../builds/verdict.ts";
import { type Digest, shortDigest } from "../domain/digest.ts";
import { rpmArchitecture } from "../domain/platform.ts";
import { type Answer, isSatisfied } from "../gating/decide.ts";
import { suiteOf } from "../gating/testcase.ts";
import { escapeCode, escapeText } from "./escape.ts";

export interface GateFacts {
  readonly build: BuildRecord;
  /** Suites that policy.yaml asks for, and `signature`. */
  readonly gates: readonly string[];
  readonly gate: GateAnswer;
  readonly candidateSigned: boolean;
  /** Page of a build or run. */
  pageOf(run: string): string | undefined;
}

const mostTests = 50;

/** Everything that had to be true of this very digest, what holds it back first, then what was waived; each with where it can be read. Pure. */
export function formatGates({ build, gates, gate, candidateSigned, pageOf }: GateFacts): string {
  const asked = gate.answers.filter(({ kind }) => kind !== "excluded" && kind !== "fetched-gating-yaml").slice(0, mostTests);
  const rowOf = (answer: Answer) => requiredRow(build, gates, answer, pageOf);
  const open = asked.filter((one) => !isSatisfied(one)).map(rowOf);
  const waived = asked.filter((one) => one.waiver !== undefined).map(rowOf);
  const passed = asked.filter((one) => isSatisfied(one) && one.waiver === undefined).map(rowOf);
  const required = new Set(gate.answers.map(answerName));
  const source = `commit ${escapeCode(build.commit.slice(0, 12))} of ${escapeCode(build.repository)}`;
  const policies = gate.applicablePolicies.filter((id) => id !== ownPolicyId).map((id) => escapeCode(id, 100));
  return [
    `### Gates for ${escapeCode(shortDigest(build.digest as Digest))}`,
    "",
    `${gate.satisfied ? "Satisfied" : "**Not satisfied**"}: ${escapeText(gateSummary(gate), 500)}${policies.length > 0 ? `; by the policies ${policies.join(", ")}` : ""}.`,
    "",
    "| gate | outcome | | |",
    "|---|---|---|---|",
    ...open,
    ...waived,
    `| candidate signature | ${candidateSigned ? "valid" : "**missing**"} | | |`,
    `| build ${escapeCode(build.id)} | ${build.state} | ${source} | ${link(pageOf(build.id), "page")} |`,
    ...passed,
    ...optionalRows(build, required, pageOf),
  ].join("\n");
}

const outcomes: Partial<Record<Answer["kind"], string>> = { passed: "pass", missing: "not run", failed: "fail", errored: "error" };

function requiredRow(build: BuildRecord, gates: readonly string[], answer: Answer, pageOf: GateFacts["pageOf"]): string {
  const { kind, result, waiver, testcase } = answer;
  const name = answerName(answer);
  const ended = kind === "missing" && result !== undefined ? "skip" : (outcomes[kind] ?? kind);
  const outcome = waiver === undefined ? (isSatisfied(answer) ? ended : `**${ended}**`) : `**waived** (${ended})`;
  const own =
    (testcase === undefined ? undefined : suiteOf(testcase)) === undefined ? undefined : testOf(build, name, result?.architecture);
  const isPlain = (build.plan?.suites ?? []).some((suite) => suite.name === name && suite.required);
  const by = gates.includes(name) ? "policy.yaml asks for it" : isPlain ? "" : "a policy asks for it";
  const why = kind === "passed" ? escapeText(result?.note ?? "", 200) : escapeText(messageOf(answer), 200);
  const said = [waiver === undefined ? "" : waiverWords(waiver), by, why].filter((text) => text !== "").join("; ");
  return `| test ${escapeCode(name)}${platformOf(build, answer)} | ${outcome} | ${said} | ${own === undefined ? "" : link(pageOf(own.run ?? build.id), "log")} |`;
}

/** Who, why, and until when: whoever merges answers for it, too. */
function waiverWords({ username, comment, expiresAt }: NonNullable<Answer["waiver"]>): string {
  const until = expiresAt === undefined ? "" : ` until ${expiresAt.slice(0, 16).replace("T", " ")} UTC`;
  return `waived by ${escapeCode(username, 100)}${until}: ${escapeText(comment, 500)}`;
}

function platformOf({ plan }: BuildRecord, { architecture, result }: Answer): string {
  const name = architecture ?? result?.architecture ?? undefined;
  return name === undefined || (plan?.platforms.length ?? 1) === 1 ? "" : ` on ${escapeCode(name, 40)}`;
}

function testOf({ plan, tests }: BuildRecord, suite: string, architecture: string | null | undefined): SuiteResult | undefined {
  const results = resultsOf(suite, tests);
  const platform = (plan?.platforms ?? []).find((one) => rpmArchitecture(one) === architecture);
  return results.find((one) => platform !== undefined && one.platform === platform) ?? results[0];
}

function optionalRows(build: BuildRecord, required: ReadonlySet<string>, pageOf: GateFacts["pageOf"]): readonly string[] {
  const others = optionalResults(build, required);
  const missing = (build.plan?.suites ?? []).filter(({ name }) => !required.has(name) && resultsOf(name, others).length === 0);
  return [
    ...others.map((one) => {
      const { outcome, message, run } = one;
      const said = ["optional", escapeText(message, 200)].filter((text) => text !== "").join("; ");
      return `| test ${escapeCode(resultName(build, one))} | ${outcome} | ${said} | ${link(pageOf(run ?? build.id), "log")} |`;
    }),
    ...missing.map(({ name }) => `| test ${escapeCode(name)} | not run | optional | ${link(pageOf(build.id), "log")} |`),
  ].slice(0, mostTests);
}

/** Results of suites that nobody requires. Pure. */
export function optionalResults({ tests }: BuildRecord, required: ReadonlySet<string>): readonly SuiteResult[] {
  const asked = new Set([...required].flatMap((name) => resultsOf(name, tests)));
  return tests.filter((one) => !asked.has(one));
}

function link(url: string | undefined, word: string): string {
  return url === undefined ? "" : `[${word}](${url})`;
}
