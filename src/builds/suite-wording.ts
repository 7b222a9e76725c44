import type { CommitStatus } from "../forge/forge.ts";
import { countCases } from "../gating/bound-result.ts";
import type { TestCase } from "../gating/test-runner.ts";
import type { BuildRecord, SuiteResult } from "./build-record.ts";
import { retryWords } from "./retry-words.ts";
import { cutLines, escapeMarkdown, lastWords } from "./status-text.ts";
import { type StatusView, statusOf } from "./status-view.ts";
import { artifactAddress, testStepName } from "./test-names.ts";
import { resultName } from "./verdict.ts";

type Suite = { readonly name: string; readonly required: boolean };

export const testStatus = (suite: string) => `flibs / test: ${suite}`;

const mostCases = 100;
const mostArtifacts = 20;
const mostListBytes = 8_000;

/** How a suite ended on all platforms. What blocks nothing is advice. Pure. */
export function resultStatus(record: BuildRecord, suite: Suite, results: readonly SuiteResult[], view: StatusView): CommitStatus {
  const name = testStatus(suite.name);
  const bad = results.find((one) => one.outcome === "error") ?? results.find((one) => one.outcome !== "pass");
  const flaky = results.some((one) => one.flaky);
  const mark = flaky ? " (flaky)" : "";
  const notes = [flaky ? flakyWords(record, results) : "", artifactsOf(record, results, view)];
  if (bad === undefined) {
    const passed = results.reduce((sum, one) => sum + countCases(one).pass, 0);
    return statusOf(name, "success", `${passed} cases passed${mark}`, joined([casesOf(record, results), ...notes]), view);
  }
  const words = { fail: "Failed", error: "Could not be carried out", skip: "Skipped", pass: "Passed" }[bad.outcome];
  const title = `${words}${mark}${suite.required ? "" : " (not required)"}: ${bad.message}`;
  const again = retryWords(record, suite.name);
  const text = joined([badCases(record, results), casesOf(record, results), ...notes, lastWords(tailOf(record, suite, bad, view)), again]);
  const state = suite.required ? (bad.outcome === "error" ? "error" : "failure") : "neutral";
  return statusOf(name, state, title, text, view);
}

/** The log of the result itself, of the right platform and try; of older releases the platform is not known. Logs here are those of the run that speaks. */
function tailOf(record: BuildRecord, { name }: Suite, { platform, attempt, run }: SuiteResult, { tails, run: own }: StatusView) {
  if ((run ?? record.id) !== own) return undefined;
  if (platform !== undefined) return tails[testStepName(name, platform, attempt ?? 1)];
  return Object.entries(tails).find(([log]) => log.startsWith(`test ${name} `))?.[1];
}

/** Cases that did not pass, as a table. */
function badCases(record: BuildRecord, results: readonly SuiteResult[]): string {
  const rows = results.flatMap((result) =>
    result.cases
      .filter((one) => one.outcome === "fail" || one.outcome === "error")
      .map((one) => `| ${one.outcome} | ${cell(one.name)} | ${cell(resultName(record, result))} | ${cell(one.message)} |`),
  );
  if (rows.length === 0) return "";
  return ["| outcome | case | suite | what happened |", "|---|---|---|---|", ...cutRows(rows)].join("\n");
}

/** The others, as a list. */
function casesOf(record: BuildRecord, results: readonly SuiteResult[]): string {
  const several = results.length > 1;
  const lines = results.flatMap((result) => {
    const of = several ? ` (${escapeMarkdown(result.platform ?? resultName(record, result))})` : "";
    const told = (one: TestCase) =>
      `- ${one.outcome}: ${escapeMarkdown(one.name)}${of}${one.message ? ` — ${escapeMarkdown(one.message)}` : ""}`;
    return result.cases.filter((one) => one.outcome === "pass" || one.outcome === "skip").map(told);
  });
  const left = results.flatMap(({ leftOut = {} }) => Object.entries(leftOut).map(([outcome, count]) => `- ${count} more: ${outcome}`));
  return [...cutLines(lines, mostCases, mostListBytes), ...left].join("\n");
}

/** A line that says how many are left out, and is a row itself. */
function cutRows(rows: readonly string[]): readonly string[] {
  const cut = cutLines(rows, mostCases);
  return cut.length > 0 && cut.at(-1) !== rows[cut.length - 1] ? [...cut.slice(0, -1), `| | ${cut.at(-1)} | | |`] : cut;
}

function flakyWords(record: BuildRecord, results: readonly SuiteResult[]): string {
  const names = results.filter((one) => one.flaky).map((one) => escapeMarkdown(resultName(record, one)));
  return `**Flaky**: ${names.join(", ")} has passed and failed with this very image.`;
}

function artifactsOf(record: BuildRecord, results: readonly SuiteResult[], view: StatusView): string {
  const links = results.flatMap((result) => {
    const id = result.id;
    if (id === undefined) return [];
    // What is to be looked at first: what a bad case names.
    const first = result.cases.flatMap((one) => (one.outcome !== "pass" && one.log !== undefined ? [one.log] : []));
    const names = [...new Set([...first, ...(result.artifacts ?? [])])];
    return names.map((name) => `- [${escapeMarkdown(name)}](${artifactAddress(view.pages, record.id, id, name)})`);
  });
  return links.length === 0 ? "" : ["Left by the test:", "", ...cutLines(links, mostArtifacts, mostListBytes)].join("\n");
}

function cell(text: string): string {
  // A cell of a table has one line, and escapeMarkdown leaves no bar in it that could end it.
  return escapeMarkdown(text);
}

function joined(parts: readonly string[]): string {
  return parts
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .join("\n\n");
}
