import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Engine, ImageReader, RunOutcome } from "../../engines/engine.ts";
import { maxLeftYamlBytes, type ParsedYaml } from "../left-yaml.ts";
import { parseYamlApart } from "../parse-yaml-apart.ts";
import { summarize } from "../suite-summary.ts";
import type { TestCase, TestOutcome, TestResult, TestRunner } from "../test-runner.ts";
import { oneLine, readTmtResults } from "./tmt-results.ts";

export interface TmtRunnerOptions {
  readonly engine: Pick<Engine, "run">;
  /** By platform: a directory with `bin/tmt` and what it needs. */
  readonly directories: Readonly<Record<string, string>>;
  /** Milliseconds; for durations. */
  readonly now?: () => number;
}

const Definition = z.strictObject({ plan: z.string().regex(/^\/plans(?:\/[^/]+)?$/) });

/** Where things are in the container. */
const places = { tmt: "/flibs-tmt", tree: "/flibs-tree", run: "/flibs-run" };
const maxPlans = 20;
const maxJunitBytes = 4 * 2 ** 20;

/** What `tmt run` tells by its exit code (docs, "Exit codes"); any other one means that it was not used rightly. */
const meanings: Readonly<Record<number, { readonly outcome: TestOutcome; readonly message: string }>> = {
  0: { outcome: "pass", message: "" },
  1: { outcome: "fail", message: "tmt: a test failed or warned" },
  2: { outcome: "error", message: "tmt: an error kept tests from being carried out" },
  3: { outcome: "error", message: "tmt: there is no result" },
  4: { outcome: "skip", message: "tmt: all tests were skipped" },
};

/**
 * Runs a plan of tmt inside a container of the image: tmt is copied in, provisions `local`, and everything goes with the container. Nothing of the plan is done on
 * this machine, which is why whoever may write plans may not do more than in any other test.
 */
export function tmtRunner({ engine, directories, now = () => performance.now() }: TmtRunnerOptions): TestRunner {
  return {
    kind: "tmt",
    async run(key, request, sink, signal) {
      const startedAt = now();
      const suite = request.suite.name;
      const ended = (result: Pick<TestResult, "outcome" | "message"> & Partial<TestResult>): TestResult => {
        return { suite, cases: [], ...result, durationMs: Math.round(now() - startedAt) };
      };
      const parsed = Definition.safeParse(request.suite.definition);
      if (!parsed.success) return ended({ outcome: "error", message: "the suite names no plan", final: true });
      const directory = Object.hasOwn(directories, request.platform) ? directories[request.platform] : undefined;
      if (directory === undefined)
        return ended({ outcome: "error", message: `gating.tmt has no directory for ${request.platform}`, final: true });
      const { plan } = parsed.data;
      let left: Left = { results: [], junit: [] };
      const outcome = await engine.run(
        key,
        {
          ...{ image: request.image, platform: request.platform, command: commandOf(plan), user: "0", limits: request.limits },
          ...(request.credential === undefined ? {} : { credential: request.credential }),
          env: { HOME: "/", PATH: `${places.tmt}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`, TMT_FEELING_SAFE: "1" },
          files: [
            { directory, target: places.tmt },
            { directory: request.tree, target: places.tree },
          ],
          left: async (files) => {
            left = await readLeft(files, `${places.run}${plan}`);
          },
        },
        sink,
        signal,
      );
      const artifacts = await keepJunit(left.junit, request.artifacts);
      // tmt writes no aliases.
      const results = await parseYamlApart({ files: left.results, maxAliases: 0 });
      return ended({ ...judgeRun(suite, outcome, results, request.limits.timeoutMs), artifacts });
    },
  };
}

function commandOf(plan: string): readonly string[] {
  const name = `^${plan.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}(/|$)`;
  return [
    ...[`${places.tmt}/bin/tmt`, "--root", places.tree, "run", "--id", places.run, "--all"],
    ...["provision", "--how", "local", "report", "--how", "junit", "plan", "--name", name],
  ];
}

interface Left {
  readonly results: readonly Uint8Array[];
  readonly junit: readonly Uint8Array[];
}

/** Of the plan, or of all plans of its file; undefined is what is not there. */
async function readLeft(files: Omit<ImageReader, "config">, workdir: string): Promise<Left> {
  const below = (await files.directories(workdir)) ?? [];
  const workdirs = [workdir, ...below.slice(0, maxPlans).map((name) => `${workdir}/${name}`)];
  const read = async (path: string, maxBytes: number) => {
    const content = await files.read(path, maxBytes);
    // Too large is judged as such where it is read.
    return content.kind === "content" ? [content.bytes] : content.kind === "too-large" ? [new Uint8Array(maxBytes + 1)] : [];
  };
  const results: Uint8Array[] = [];
  const junit: Uint8Array[] = [];
  for (const at of workdirs) {
    results.push(...(await read(`${at}/execute/results.yaml`, maxLeftYamlBytes)));
    junit.push(...(await read(`${at}/report/default-0/junit.xml`, maxJunitBytes)));
  }
  return { results, junit };
}

async function keepJunit(files: readonly Uint8Array[], directory: string): Promise<readonly string[]> {
  const kept: string[] = [];
  for (const bytes of files.filter(({ length }) => length <= maxJunitBytes)) {
    const name = kept.length === 0 ? "junit.xml" : `junit-${kept.length + 1}.xml`;
    await writeFile(join(directory, name), bytes, { flag: "wx" });
    kept.push(name);
  }
  return kept;
}

type Judged = Pick<TestResult, "outcome" | "message" | "cases">;

/** Pure. The exit code says how the run ended, results.yaml which test did what; the worse of both counts. */
export function judgeRun(suite: string, outcome: RunOutcome, results: readonly ParsedYaml[], timeoutMs: number): Judged {
  const error = (message: string): Judged => ({ outcome: "error", message, cases: [] });
  if (outcome.outcome !== "exited") return error(whyNotEnded(outcome, timeoutMs));
  if (outcome.outOfMemory) return error("was stopped for using too much memory");
  const meaning = meanings[outcome.exitCode] ?? { outcome: "error", message: `tmt returned ${outcome.exitCode}` };
  const read = results.map(readTmtResults);
  const cases: TestCase[] = [];
  for (const one of read) {
    if ("problem" in one) return error(one.problem);
    cases.push(...one.cases);
  }
  if (meaning.outcome === "pass" && cases.length === 0) return error("tmt returned 0 and left no results.yaml");
  const told = summarize(suite, cases);
  const worse = severity[told.outcome] > severity[meaning.outcome] ? told : meaning;
  return { outcome: worse.outcome, message: told.outcome === worse.outcome ? told.message : meaning.message, cases };
}

function whyNotEnded(outcome: Exclude<RunOutcome, { outcome: "exited" }>, timeoutMs: number): string {
  switch (outcome.outcome) {
    case "not-started":
      return `tmt could not be started: ${oneLine(outcome.message)}`;
    case "timed-out":
      return `did not end within ${timeoutMs / 1000} s`;
    case "log-limit":
      return "printed more than the log limit allows";
    case "disk-limit":
      return "wrote more on the disk than is allowed";
    case "cancelled":
      return "cancelled";
  }
}

const severity: Readonly<Record<TestOutcome, number>> = { pass: 0, skip: 1, fail: 2, error: 3 };
