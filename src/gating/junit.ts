import { escapeText } from "../koji/escape-text.ts";
import type { TestCase, TestOutcome } from "./test-runner.ts";

/** A result for JUnit's readers. */
export interface JunitSuite {
  readonly name: string;
  readonly outcome: TestOutcome;
  readonly message: string;
  readonly cases: readonly TestCase[];
  readonly durationMs: number;
  /** ISO 8601. */
  readonly startedAt?: string;
  /** Facts that have no place of their own. */
  readonly properties: Readonly<Record<string, string>>;
}

/**
 * JUnit XML, the common subset that CI systems read: `testsuites`, `testsuite` with `properties`, and `testcase` with at most one of `failure`,
 * `error` and `skipped`. Well-formed XML 1.0 whatever a test has printed. A suite without cases, or that failed although no case of it did, has
 * a case of its own for that, so that no reader takes it for passed. Pure.
 */
export function formatJunit(name: string, suites: readonly JunitSuite[]): string {
  const told = suites.map((suite) => ({ suite, cases: toldCases(suite) }));
  const all = told.flatMap(({ cases }) => cases);
  const time = seconds(suites.reduce((sum, one) => sum + one.durationMs, 0));
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name, ...countsOf(all), time })}>`,
    ...told.map(({ suite, cases }) => formatSuite(suite, cases)),
    "</testsuites>",
    "",
  ].join("\n");
}

function formatSuite(suite: JunitSuite, cases: readonly TestCase[]): string {
  const { name, durationMs, startedAt, properties } = suite;
  // The schemas that are in use take a time without a zone.
  const timestamp = startedAt === undefined ? {} : { timestamp: startedAt.slice(0, 19) };
  const facts = Object.entries(properties).map(([key, value]) => `      <property${attributes({ name: key, value })}/>`);
  return [
    `  <testsuite${attributes({ name, ...countsOf(cases), time: seconds(durationMs), ...timestamp })}>`,
    ...(facts.length === 0 ? [] : ["    <properties>", ...facts, "    </properties>"]),
    ...cases.map((one) => formatCase(name, one)),
    "  </testsuite>",
  ].join("\n");
}

function formatCase(suite: string, { name, outcome, message, durationMs }: TestCase): string {
  const open = `    <testcase${attributes({ name, classname: suite, time: seconds(durationMs) })}`;
  switch (outcome) {
    case "pass":
      return `${open}/>`;
    case "skip":
      return `${open}><skipped${attributes({ message })}/></testcase>`;
    case "fail":
      return `${open}><failure${attributes({ message, type: "failure" })}>${escapeXml(message)}</failure></testcase>`;
    case "error":
      return `${open}><error${attributes({ message, type: "error" })}>${escapeXml(message)}</error></testcase>`;
  }
}

function toldCases({ name, outcome, message, cases, durationMs }: JunitSuite): readonly TestCase[] {
  const isTold = cases.length > 0 && (outcome === "pass" || cases.some((one) => one.outcome === outcome));
  return isTold ? cases : [...cases, { name, outcome, message, durationMs: cases.length === 0 ? durationMs : 0 }];
}

function countsOf(cases: readonly TestCase[]) {
  const count = (outcome: TestOutcome) => cases.filter((one) => one.outcome === outcome).length;
  return { tests: cases.length, failures: count("fail"), errors: count("error"), skipped: count("skip") };
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join("");
}

function seconds(ms: number): string {
  return (Number.isFinite(ms) ? Math.max(0, ms) / 1000 : 0).toFixed(3);
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  // Else a reader would make spaces of them.
  "\n": "&#10;",
  "\r": "&#13;",
  "\t": "&#9;",
};

/** As text and in an attribute in double quotes; what XML can't say is written out: `\u001b`. */
function escapeXml(text: string): string {
  return escapeText(text).replace(/[&<>"\n\r\t]/g, (character) => escapes[character] ?? character);
}
