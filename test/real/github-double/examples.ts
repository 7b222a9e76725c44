/** GitHub's published payload examples are older than its description of the payloads: what each lacks, and why. */
export interface ExampleRepair {
  /** Keys of `deliveries`; an example that needs none of it is left alone. */
  readonly deliveries: readonly string[];
  /** Property by property; `*` = every entry of a list. */
  readonly path: readonly string[];
  readonly value: unknown;
  /** Set also where a value is there: it is of an older kind. */
  readonly replaces?: (found: unknown) => boolean;
  readonly reason: string;
}

const noReactions = {
  url: "https://api.github.com/reactions",
  total_count: 0,
  "+1": 0,
  "-1": 0,
  laugh: 0,
  hooray: 0,
  confused: 0,
  heart: 0,
  rocket: 0,
  eyes: 0,
};
const installations = [
  "installation-created",
  "installation-deleted",
  "installation-new-permissions-accepted",
  "installation-repositories-added",
  "installation-repositories-removed",
];
const isNumber = (found: unknown) => typeof found === "number";
const isPlainDay = (found: unknown) => typeof found === "string" && !found.endsWith("Z");

const younger = "the description demands it, the example is older";
const appTimes = "the times of an App are written without a zone in the example";

export const exampleRepairs: readonly ExampleRepair[] = [
  { deliveries: ["push"], path: ["repository", "has_discussions"], value: false, reason: younger },
  { deliveries: ["push"], path: ["repository", "topics"], value: [], reason: younger },
  { deliveries: ["push"], path: ["repository", "visibility"], value: "public", reason: younger },
  ...["base", "head"].map((side) => ({
    deliveries: ["pull-request-synchronize"],
    path: ["pull_request", side, "repo", "has_discussions"],
    value: false,
    reason: younger,
  })),
  {
    deliveries: ["pull-request-opened"],
    path: ["pull_request", "auto_merge"],
    value: null,
    reason: younger,
  },
  { deliveries: installations, path: ["installation", "app_slug"], value: "an-app", reason: younger },
  { deliveries: installations, path: ["installation", "suspended_by"], value: null, reason: younger },
  { deliveries: installations, path: ["installation", "suspended_at"], value: null, reason: younger },
  ...["created_at", "updated_at"].map((key) => ({
    deliveries: installations,
    path: ["installation", key],
    value: "2020-01-01T00:00:00Z",
    replaces: isNumber,
    reason: "the example has seconds, the description says a time",
  })),
  { deliveries: ["installation-repositories-added"], path: ["requester"], value: null, reason: younger },
  { deliveries: ["check-run-rerequested"], path: ["check_run", "node_id"], value: "CR_1", reason: younger },
  {
    deliveries: ["check-run-rerequested"],
    path: ["check_run", "details_url"],
    value: "https://example.org",
    reason: younger,
  },
  { deliveries: ["check-run-rerequested"], path: ["repository", "disabled"], value: false, reason: younger },
  ...[
    ["check_run", "app"],
    ["check_run", "check_suite", "app"],
  ].flatMap((app) => [
    { deliveries: ["check-run-rerequested"], path: [...app, "permissions"], value: {}, reason: younger },
    { deliveries: ["check-run-rerequested"], path: [...app, "events"], value: [], reason: younger },
    {
      deliveries: ["check-run-rerequested"],
      path: [...app, "created_at"],
      value: "2018-01-01T00:00:00Z",
      replaces: isPlainDay,
      reason: appTimes,
    },
    {
      deliveries: ["check-run-rerequested"],
      path: [...app, "updated_at"],
      value: "2018-01-01T00:00:00Z",
      replaces: isPlainDay,
      reason: appTimes,
    },
  ]),
  {
    deliveries: ["issue-comment-created"],
    path: ["comment", "performed_via_github_app"],
    value: null,
    reason: younger,
  },
  { deliveries: ["issue-comment-created"], path: ["comment", "reactions"], value: noReactions, reason: younger },
  { deliveries: ["issue-comment-created"], path: ["issue", "reactions"], value: noReactions, reason: younger },
  { deliveries: ["issue-comment-created"], path: ["issue", "active_lock_reason"], value: null, reason: younger },
  { deliveries: ["issue-comment-created"], path: ["issue", "labels", "*", "description"], value: null, reason: younger },
  {
    deliveries: ["merge-group-checks-requested"],
    path: ["repository", "homepage"],
    value: null,
    replaces: (found) => found === "",
    reason: "an empty homepage is no address",
  },
];

/** A copy of an example with the repairs of its delivery, and which of them did something. */
export function repairExample(delivery: string, example: unknown): { readonly payload: unknown; readonly used: readonly ExampleRepair[] } {
  const payload = structuredClone(example);
  const fitting = exampleRepairs.filter((repair) => repair.deliveries.includes(delivery));
  return { payload, used: fitting.filter((repair) => mend(payload, repair.path, repair)) };
}

function mend(value: unknown, path: readonly string[], repair: ExampleRepair): boolean {
  const [key = "", ...rest] = path;
  if (key === "*") return Array.isArray(value) && value.map((each) => mend(each, rest, repair)).some((did) => did);
  if (typeof value !== "object" || value === null) return false;
  const object = value as Record<string, unknown>;
  if (rest.length > 0) return mend(object[key], rest, repair);
  const needed = repair.replaces ? repair.replaces(object[key]) : object[key] === undefined;
  if (needed) object[key] = repair.value;
  return needed;
}
