import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { buildJunit } from "../builds/build-junit.ts";
import type { BuildRecord } from "../builds/build-record.ts";
import { describeTests } from "../builds/describe-tests.ts";
import type { PastResult } from "../builds/test-results.ts";
import { resultName, resultsOf } from "../builds/verdict.ts";
import { formatAge, formatDuration } from "../domain/amounts.ts";
import { appError } from "../domain/errors.ts";
import { isArtifactName } from "../gating/artifact.ts";
import { countCases } from "../gating/bound-result.ts";
import type { TestOutcome } from "../gating/test-runner.ts";
import type { Client } from "./client.ts";
import { findBuild } from "./find-build.ts";
import type { CommandContext } from "./program.ts";
import { formatTable, plain, type Terminal, type Tone, tint } from "./terminal.ts";

const tones: Readonly<Record<TestOutcome, Tone>> = { pass: "good", fail: "bad", error: "bad", skip: "faint" };

interface Options {
  readonly suite?: string;
  readonly history: boolean;
  readonly json: boolean;
  readonly junit: boolean;
  readonly artifacts?: string;
}

/** `tests`: how the tests of a build ended, and what they left. */
export function addTestsCommand(program: Command, context: CommandContext): void {
  const { terminal } = context;
  program
    .command("tests")
    .argument("<build>", "id or NVR of a build")
    .description("Show how the tests of a build ended: cases that did not pass, flaky suites, what the tests left")
    .option("--suite <name>", "only of this suite")
    .option("--history", "every result, not only those that count", false)
    .option("--json", "print JSON: results, history, artifacts", false)
    .option("--junit", "print the results that count as JUnit XML", false)
    .option("--artifacts <directory>", "write what the tests left below this directory; nothing that is there is written over")
    .action(async (name: string, options: Options) => {
      await context.withClient(async (client) => {
        const whole = await findBuild(client, name);
        const build = narrow(whole, options.suite);
        const history = ofSuite(options.suite, await client.testResults.listHistory(build.id));
        if (options.artifacts !== undefined) return terminal.out(await writeArtifacts(client, build, history, options.artifacts));
        if (options.junit) return terminal.out(buildJunit(build, build.tests));
        const artifacts = await client.testResults.listArtifacts(build.id);
        if (options.json) {
          const pages = `${publicUrl(client)}/builds`;
          return terminal.out(`${JSON.stringify(describeTests(build, history, artifacts, pages), null, 2)}\n`);
        }
        return terminal.out(formatTests(terminal, build, options.history ? history : history.filter((one) => one.latest), context.now()));
      });
    });
}

/** Throws `cli.not-found`. */
function narrow(build: BuildRecord, suite: string | undefined): BuildRecord {
  if (suite === undefined) return build;
  const tests = resultsOf(suite, build.tests);
  if (tests.length > 0) return { ...build, tests };
  const known = [...new Set(build.tests.map((one) => one.suite))];
  throw appError("cli.not-found", `build ${build.id} has no result of a suite "${plain(suite).slice(0, 100)}"`, {
    hint: known.length === 0 ? "It has none: it has no tests, or has not got that far" : `It has ${plain(known.join(", "))}`,
  });
}

function formatTests(terminal: Terminal, build: BuildRecord, results: readonly PastResult[], now: number): string {
  if (results.length === 0) return "no results\n";
  const rows = results.map((result) => {
    const counts = Object.entries(countCases(result)).flatMap(([outcome, count]) => (count === 0 ? [] : [`${count} ${outcome}`]));
    const marks = [result.flaky ? "flaky" : "", (result.attempt ?? 1) > 1 ? `try ${result.attempt}` : "", result.latest ? "" : "replaced"];
    return [
      String(result.id),
      { text: result.outcome, tone: tones[result.outcome] },
      resultName(build, result),
      counts.join(", ") || "-",
      formatDuration(result.durationMs),
      result.finishedAt === undefined ? "-" : formatAge(result.finishedAt, now),
      marks.filter((one) => one !== "").join(", ") || "-",
      result.message.slice(0, 200),
    ];
  });
  const table = formatTable(terminal, ["ID", "OUTCOME", "SUITE", "CASES", "TOOK", "ENDED", "MARKS", "WHAT HAPPENED"], rows);
  return `${table}${results.flatMap((result) => (result.latest ? badCases(terminal, build, result) : [])).join("")}`;
}

function badCases(terminal: Terminal, build: BuildRecord, result: PastResult): readonly string[] {
  const bad = result.cases.filter((one) => one.outcome === "fail" || one.outcome === "error");
  if (bad.length === 0) return [];
  const head = tint(terminal, "strong", plain(resultName(build, result)));
  const lines = bad.map(({ outcome, name, message, log }) => {
    const words = plain(`${name}: ${message}`).replaceAll("\n", "\n         ");
    return `  ${tint(terminal, tones[outcome], outcome.padEnd(6))} ${words}${log === undefined ? "" : ` (${plain(log)})`}\n`;
  });
  return [`\n${head}\n`, ...lines];
}

/** Of the results that count, each below a directory of its own. Throws `cli.file-exists`. */
async function writeArtifacts(client: Client, build: BuildRecord, history: readonly PastResult[], directory: string): Promise<string> {
  const ids = new Set(history.filter((one) => one.latest).map((one) => one.id));
  const listed = (await client.testResults.listArtifacts(build.id)).filter((one) => ids.has(one.result) && isArtifactName(one.name));
  const written: string[] = [];
  for (const { result: id, name } of listed) {
    const result = history.find((one) => one.id === id);
    const artifact = await client.testResults.findArtifact(build.id, id, name);
    if (result === undefined || artifact === undefined) continue;
    const path = join(directory, directoryOf(result), name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, artifact.content, { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
      throw appError("cli.file-exists", `${path} is there already`, { hint: "Name another directory" });
    });
    written.push(`${path}\n`);
  }
  return written.length === 0 ? "the tests left nothing, or it is no longer kept\n" : plain(written.join(""));
}

/** One part of a path, whatever the platform is called. */
function directoryOf({ suite, platform, id }: PastResult): string {
  return [suite, ...(platform === undefined ? [] : [platform]), String(id)].map((part) => part.replace(/[^A-Za-z0-9._]+/g, "-")).join("-");
}

function ofSuite(suite: string | undefined, history: readonly PastResult[]): readonly PastResult[] {
  return suite === undefined ? history : resultsOf(suite, history);
}

function publicUrl({ settings }: Client): string {
  return (settings.web.publicUrl ?? `http://${settings.web.listen}`).replace(/\/+$/, "");
}
