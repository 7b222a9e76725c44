import type { ResultData } from "./resultsdb-data.ts";
import type { TestOutcome } from "./test-runner.ts";
import { testcaseOf } from "./testcase.ts";

/** A result as the API of results has it. */
export interface KnownResult {
  readonly id: number;
  readonly build: string;
  readonly suite: string;
  readonly outcome: TestOutcome;
  readonly message: string;
  /** ISO 8601, UTC. */
  readonly submittedAt: string;
  /** UUID of the build's group. */
  readonly group: string;
  readonly data: ResultData;
}

/** What ResultsDB is asked to keep; `POST /api/v2.0/results`. */
export interface PostedResult {
  readonly testcase: { readonly name: string; readonly ref_url: string };
  readonly outcome: ResultsDbOutcome;
  readonly note: string;
  readonly ref_url: string;
  /** Milliseconds since 1970: when the test ended, however late the result is told. */
  readonly submit_time: number;
  readonly groups: readonly { readonly uuid: string; readonly description: string; readonly ref_url: string }[];
  readonly data: ResultData;
}

export type ResultsDbOutcome = "PASSED" | "FAILED" | "ERROR" | "INFO";

/** A ResultsDB elsewhere. Throws `gating.resultsdb-unavailable` (transient) and `gating.resultsdb-refused`. */
export interface ResultsDb {
  /** Id of a result that was posted before, by its test case and its `flibs_result`. */
  find(testcase: string, key: string, signal: AbortSignal): Promise<number | undefined>;
  /** Returns its id. */
  post(result: PostedResult, signal: AbortSignal): Promise<number>;
}

const outcomes: Readonly<Record<TestOutcome, ResultsDbOutcome>> = { pass: "PASSED", fail: "FAILED", error: "ERROR", skip: "INFO" };
export const knownOutcomes = Object.values(outcomes);
/** Ours of one of ResultsDB's; undefined for one that no result of ours has. */
export function outcomeNamed(name: string): TestOutcome | undefined {
  return (Object.keys(outcomes) as TestOutcome[]).find((one) => outcomes[one] === name);
}

/** The key by which a result that was posted is found again; no colon, as in all keys. */
export const resultKey = "flibs_result";

/** What ResultsDB is told. Pure. */
export function postedResult(known: KnownResult, publicUrl: string): PostedResult {
  const page = resultPage(publicUrl, known);
  return {
    testcase: { name: testcaseOf(known.suite), ref_url: testcasePage(publicUrl, known.suite) },
    outcome: outcomes[known.outcome],
    note: known.message,
    ref_url: page,
    submit_time: Date.parse(known.submittedAt),
    groups: [{ uuid: known.group, description: `flibs build ${known.build}`, ref_url: buildPage(publicUrl, known.build) }],
    data: { ...known.data, [resultKey]: [page] },
  };
}

/** A result in the answers of the API of results, ResultsDB's version 2. `api` is what its addresses begin with. Pure. */
export function formatResult(known: KnownResult, publicUrl: string, api: string) {
  return {
    data: known.data,
    groups: [known.group],
    href: `${api}/results/${known.id}`,
    id: known.id,
    note: known.message,
    outcome: outcomes[known.outcome],
    ref_url: resultPage(publicUrl, known),
    // As Python writes it: UTC without saying so, with microseconds.
    submit_time: `${known.submittedAt.slice(0, 23)}000`,
    testcase: formatTestcase(known.suite, publicUrl, api),
  };
}

export function formatTestcase(suite: string, publicUrl: string, api: string) {
  const name = testcaseOf(suite);
  return { href: `${api}/testcases/${encodeURIComponent(name)}`, name, ref_url: testcasePage(publicUrl, suite) };
}

export function formatGroup(group: { readonly uuid: string; readonly build: string }, publicUrl: string, api: string) {
  return {
    description: `flibs build ${group.build}`,
    href: `${api}/groups/${group.uuid}`,
    ref_url: buildPage(publicUrl, group.build),
    results: `${api}/results?groups=${group.uuid}`,
    uuid: group.uuid,
  };
}

function buildPage(publicUrl: string, build: string): string {
  return `${publicUrl}/builds/${build}`;
}

function resultPage(publicUrl: string, { build, id }: Pick<KnownResult, "build" | "id">): string {
  return `${buildPage(publicUrl, build)}#test-${id}`;
}

/** The same for all repositories that have a suite of that name: ResultsDB keeps one for each test case. */
function testcasePage(publicUrl: string, suite: string): string {
  return `${publicUrl}/resultsdb/api/v2.0/results?testcases=${encodeURIComponent(testcaseOf(suite))}`;
}
