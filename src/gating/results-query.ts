import { outcomeNamed } from "./resultsdb.ts";
import type { TestOutcome } from "./test-runner.ts";
import { suiteOf } from "./testcase.ts";

/** What is asked of the API of results; every member narrows. */
export interface ResultsQuery {
  /** Suites, without `flibs.`; an empty list fits none. */
  readonly suites?: readonly string[];
  /** Patterns of whole test case names, `*` stands for any text. */
  readonly testcasesLike?: readonly string[];
  readonly outcomes?: readonly TestOutcome[];
  /** UUIDs. */
  readonly groups?: readonly string[];
  /** ISO 8601, both included. */
  readonly since?: string;
  readonly until?: string;
  /** One of the values; several keys narrow together. */
  readonly data: readonly { readonly key: string; readonly values: readonly string[]; readonly like: boolean }[];
  readonly oldestFirst: boolean;
  /** Counted from zero. */
  readonly page: number;
  readonly limit: number;
  /** Keys of data, of which each combination has a latest result of its own. */
  readonly distinctOn: readonly string[];
}

export type ParsedQuery = { readonly query: ResultsQuery } | { readonly message: string };

const usualLimit = 20;
const mostLimit = 1000;
/** Results that may be skipped: whoever wants more narrows with `since`. */
const mostSkipped = 1_000_000;
const mostKeys = 20;
const mostValues = 100;
/** Of all keys together: each is looked for in every result. */
const mostPatterns = 5;
const mostLength = 1000;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A query string to a query, as ResultsDB's version 2 reads it; else what is wrong, in its words where it has some. Pure. */
export function parseResultsQuery(parameters: Iterable<readonly [string, string]>): ParsedQuery {
  const query: { -readonly [Key in keyof ResultsQuery]: ResultsQuery[Key] } = {
    ...{ data: [], oldestFirst: false, page: 0, limit: usualLimit, distinctOn: [] },
  };
  let patterns = 0;
  for (const [name, value] of parameters) {
    // PostgreSQL's texts have none.
    if (name.includes("\0") || value.includes("\0")) return { message: "NUL characters are not allowed" };
    if (name.length > mostLength || value.length > mostLength * 10) return { message: `${name.slice(0, 100)} is too long` };
    const values = value.split(",").slice(0, mostValues);
    if (name.endsWith(":like")) patterns += values.length;
    if (patterns > mostPatterns) return { message: `at most ${mostPatterns} patterns` };
    switch (name) {
      case "page":
      case "limit": {
        if (!/^\d{1,7}$/.test(value)) return { message: `${name} must be a whole number` };
        query[name] = Number(value);
        break;
      }
      case "testcases":
        query.suites = values.flatMap((one) => suiteOf(one) ?? []);
        break;
      case "testcases:like":
        query.testcasesLike = values;
        break;
      case "outcome": {
        // Others than these are ResultsDB's too, and fit none of ours.
        const upper = values.map((one) => one.toUpperCase());
        const unknown = upper.find((one) => !/^(PASSED|INFO|FAILED|NEEDS_INSPECTION|ERROR|QUEUED|RUNNING)$/.test(one));
        if (unknown !== undefined) {
          return {
            message: "outcome must be one of ('PASSED', 'INFO', 'FAILED', 'NEEDS_INSPECTION', 'ERROR', 'QUEUED', 'RUNNING')",
          };
        }
        query.outcomes = upper.flatMap((one) => outcomeNamed(one) ?? []);
        break;
      }
      case "groups":
        query.groups = values.filter((one) => uuid.test(one));
        break;
      case "since": {
        const [since, until, ...more] = value.split(",").map(parseTime);
        if (more.length > 0 || since === undefined || (value.includes(",") && until === undefined)) {
          return { message: "since must be one time or two, as in 2026-11-23T00:00:00,2026-11-24T00:00:00" };
        }
        query.since = since;
        if (until !== undefined) query.until = until;
        break;
      }
      case "_sort": {
        const direction = /^(asc|desc):submit_time$/.exec(value)?.[1];
        if (direction === undefined) return { message: "_sort must be asc:submit_time or desc:submit_time" };
        query.oldestFirst = direction === "asc";
        break;
      }
      case "_distinct_on":
        query.distinctOn = values;
        break;
      default:
        if (name.startsWith("_")) break;
        query.data = [...query.data, { key: name.replace(/:like$/, ""), values, like: name.endsWith(":like") }];
    }
  }
  if (query.data.length > mostKeys || query.distinctOn.length > mostKeys) return { message: `at most ${mostKeys} keys` };
  query.limit = Math.min(mostLimit, Math.max(1, query.limit));
  if (query.page * query.limit > mostSkipped) return { message: "that is too many pages, narrow with since" };
  return { query };
}

/** A `like` pattern of SQL, with a backslash before what it would take for a sign of its own. Pure. */
export function likePattern(text: string): string {
  return text.replace(/[\\%_]/g, "\\$&").replaceAll("*", "%");
}

/** A time without a zone is UTC, as ResultsDB's own are. */
function parseTime(text: string): string | undefined {
  if (!/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(text)) return undefined;
  const at = Date.parse(/T/.test(text) && !/(Z|[+-]\d{2}:?\d{2})$/.test(text) ? `${text}Z` : text);
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}
