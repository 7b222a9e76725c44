// What GitHub refuses although its description accepts it. Each rule names where it is known from; a broken rule is a fault of the client
// and so a violation, as a broken schema is. What depends on the state (an existing ref, a second pull request) stands with the state.
//
// Those, and where they are known from:
// - a ref that exists is not made again, 422 (common knowledge; state/branches.ts by routes/git-data.ts)
// - PATCH of a ref without `force` takes only a fast-forward, 422 (documentation of `force`; routes/git-data.ts)
// - a second open pull request of one head and base is 422, one without commits as well (common knowledge; state/pulls.ts)
// - a reaction that exists is answered 200 (description of the operation; state/comments.ts)
// - `pull_requests` of runs and suites is empty for forks (description of check_run.rerequested; state/suites.ts)
// - a re-request resets the suite to queued and leaves the run (documentation of the operation; state/checks.ts)
// - `mergeable` is null at the first look after head or base moved (documentation of "get a pull request"; routes/pulls.ts)
// - an App JWT lives ten minutes at most (documentation of App authentication; auth.ts)
// - comments on pull requests take `issues` or `pull_requests` (documentation of permissions; operations.ts)
// - `installation*` and `ping` are sent without subscribing, check_run and check_suite with checks: write (documentation; hooks.ts)
// - deliveries are attempted once; a redelivery keeps the guid (documentation of failed deliveries; hooks.ts)
import type { CheckRun } from "./state/data.ts";
import type { World } from "./world.ts";

interface HandRule {
  readonly operations: readonly string[];
  /** Where it is known from. */
  readonly source: string;
  /** The fault, or undefined. */
  check(body: Body, world: World, params: Readonly<Record<string, string>>): string | undefined;
}

interface Body {
  readonly status?: string;
  readonly conclusion?: string;
  readonly completed_at?: string;
  readonly details_url?: string;
  readonly target_url?: string | null;
  readonly description?: string | null;
  readonly body?: string;
  readonly context?: string;
  readonly output?: {
    readonly title?: string;
    readonly summary?: string;
    readonly text?: string;
    readonly annotations?: readonly Readonly<Record<string, string | number | undefined>>[];
  };
}

const runs = ["checks/create", "checks/update"];
const comments = ["issues/create-comment", "issues/update-comment"];
const bytes = (text: string | undefined) => Buffer.byteLength(text ?? "", "utf8");

export const handRules: readonly HandRule[] = [
  {
    operations: runs,
    source: "documentation of the conclusion parameter: `stale` can only be set by GitHub",
    check: ({ conclusion }) => (conclusion === "stale" ? "conclusion stale can only be set by GitHub" : undefined),
  },
  {
    operations: runs,
    source: "documentation: conclusion is required if you provide completed_at or a status of completed",
    check: ({ status, completed_at: at, conclusion }) =>
      conclusion === undefined && (status === "completed" || at !== undefined) ? "conclusion is missing for a completed run" : undefined,
  },
  {
    operations: runs,
    source: "documentation of output.title: required (the schema of the update leaves it out)",
    check: ({ output }) => (output && (output.title === undefined || output.title === "") ? "output without a title" : undefined),
  },
  {
    operations: runs,
    source: "github/docs issue 35252: the limit of summary and text counts bytes, not characters",
    check: ({ output }) => {
      const long = (["summary", "text"] as const).find((key) => bytes(output?.[key]) > 65_535);
      return long ? `output.${long} has more than 65535 bytes` : undefined;
    },
  },
  {
    operations: runs,
    source: "documentation of annotations: at most 64 KB of message and raw_details, 255 characters of title",
    check: ({ output }) => {
      for (const [i, each] of (output?.annotations ?? []).entries()) {
        if (bytes(String(each.message ?? "")) > 65_536 || bytes(String(each.raw_details ?? "")) > 65_536)
          return `annotation ${i} is longer than 64 KB`;
        if (String(each.title ?? "").length > 255) return `the title of annotation ${i} has more than 255 characters`;
      }
      return undefined;
    },
  },
  {
    operations: runs,
    source: "documentation of annotations: lines begin at 1, columns only where start and end line are the same",
    check: ({ output }) => {
      for (const [i, each] of (output?.annotations ?? []).entries()) {
        const { start_line: start, end_line: end, start_column: from, end_column: to } = each;
        if (Number(start) < 1 || Number(end) < Number(start)) return `annotation ${i} has lines ${start} to ${end}`;
        if ((from !== undefined || to !== undefined) && start !== end) return `annotation ${i} has columns over several lines`;
      }
      return undefined;
    },
  },
  {
    operations: runs,
    source: "documentation of details_url: a URL of http or https; an empty one is refused by the server",
    check: ({ details_url: url }) =>
      url !== undefined && !isWebAddress(url) ? `details_url ${JSON.stringify(url)} is no web address` : undefined,
  },
  {
    operations: ["checks/update"],
    source: "Mergify pull request 1989, taskcluster issue 5085: a completed run does not go back",
    check: ({ status, conclusion }, world, params) => {
      const run: CheckRun | undefined = world.data.runs.get(Number(params.check_run_id));
      const back = run?.status === "completed" && conclusion === undefined && (status === "queued" || status === "in_progress");
      return back ? `a completed run does not go back to ${status}` : undefined;
    },
  },
  {
    operations: ["repos/create-commit-status"],
    source: "commonly known server rule: description is too long (maximum is 140 characters)",
    check: ({ description }) => ([...(description ?? "")].length > 140 ? "description is too long (maximum is 140 characters)" : undefined),
  },
  {
    operations: ["repos/create-commit-status"],
    source: "documentation of target_url: a URL with http or https",
    check: ({ target_url: url }) => (url && !isWebAddress(url) ? "target_url must use http(s) scheme" : undefined),
  },
  {
    operations: [...comments, "pulls/create", "pulls/update"],
    source: "commonly known server rule: body is too long (maximum is 65536 characters)",
    check: ({ body }) => ((body ?? "").length > 65_536 ? "body is too long (maximum is 65536 characters)" : undefined),
  },
  {
    operations: comments,
    source: "commonly known server rule: body can't be blank",
    check: ({ body }) => (body?.trim() === "" ? "body can't be blank" : undefined),
  },
];

function isWebAddress(text: string): boolean {
  return /^https?:\/\/[^\s/]+/.test(text) && URL.canParse(text);
}

/** Faults of a request that the description let pass. */
export function checkHandRules(
  operationId: string,
  body: unknown,
  world: World,
  params: Readonly<Record<string, string>>,
): readonly string[] {
  return handRules.flatMap((rule) => {
    const fault = rule.operations.includes(operationId) ? rule.check((body ?? {}) as Body, world, params) : undefined;
    return fault === undefined ? [] : [fault];
  });
}
