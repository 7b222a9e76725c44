/** Everything that the double remembers, apart from git objects and refs. Plain data, so that a snapshot is a `structuredClone`. */
export interface Data {
  nextId: number;
  readonly accounts: Map<string, Account>;
  readonly repositories: Map<number, Repository>;
  readonly pulls: Map<number, Pull>;
  /** Issues that are no pull requests; both share the numbers of a repository. */
  readonly issues: Map<number, Issue>;
  readonly comments: Map<number, Comment>;
  readonly reactions: Reaction[];
  readonly suites: Map<number, CheckSuite>;
  readonly runs: Map<number, CheckRun>;
  readonly statuses: Status[];
  readonly teams: Team[];
  readonly installations: Map<number, Installation>;
  readonly tokens: Map<string, Token>;
  readonly mergeGroups: MergeGroup[];
}

export interface Account {
  readonly id: number;
  readonly login: string;
  readonly type: "User" | "Bot" | "Organization";
}

export type Role = "read" | "triage" | "write" | "maintain" | "admin";

export interface Repository {
  readonly id: number;
  readonly owner: string;
  readonly name: string;
  readonly private: boolean;
  readonly defaultBranch: string;
  /** Repository it was forked from. */
  readonly parent: number | undefined;
  readonly roles: Map<string, Role>;
  readonly createdAt: string;
  pushedAt: string;
  nextNumber: number;
}

export interface Pull {
  readonly id: number;
  readonly number: number;
  readonly repository: number;
  readonly author: string;
  title: string;
  body: string | null;
  state: "open" | "closed";
  readonly draft: boolean;
  readonly headRepository: number;
  readonly headRef: string;
  headSha: string;
  baseRef: string;
  /** Head of the base branch when the pull request was opened or last pushed to; GitHub does not move it with the base branch. */
  baseSha: string;
  readonly createdAt: string;
  updatedAt: string;
  closedAt: string | null;
  mergedAt: string | null;
  mergedBy: string | null;
  /** Test merge while open, what the merge brought in afterwards. */
  mergeCommit: string | null;
  /** null while GitHub is still computing. */
  mergeable: boolean | null;
  /** Base and head that `mergeable` was computed from. */
  tested: string;
  maintainerCanModify: boolean;
  readonly labels: string[];
  readonly reviews: Review[];
  stats: PullStats;
}

export interface Issue {
  readonly id: number;
  readonly number: number;
  readonly repository: number;
  readonly author: string;
  readonly title: string;
  readonly body: string | null;
  readonly createdAt: string;
  updatedAt: string;
}

export interface PullStats {
  readonly commits: number;
  readonly additions: number;
  readonly deletions: number;
  readonly changedFiles: number;
}

export interface Review {
  readonly id: number;
  readonly author: string;
  readonly state: "APPROVED" | "CHANGES_REQUESTED" | "COMMENTED";
  readonly body: string;
  readonly commit: string;
  readonly at: string;
}

export interface Comment {
  readonly id: number;
  readonly repository: number;
  readonly number: number;
  readonly author: string;
  body: string;
  readonly createdAt: string;
  updatedAt: string;
}

export type ReactionContent = "+1" | "-1" | "laugh" | "confused" | "heart" | "hooray" | "rocket" | "eyes";

export interface Reaction {
  readonly id: number;
  readonly comment: number;
  readonly author: string;
  readonly content: ReactionContent;
  readonly at: string;
}

export type RunStatus = "queued" | "in_progress" | "completed";
export type Conclusion = "action_required" | "cancelled" | "failure" | "neutral" | "success" | "skipped" | "stale" | "timed_out";

export interface CheckSuite {
  readonly id: number;
  readonly repository: number;
  readonly headSha: string;
  readonly headBranch: string | null;
  readonly appSlug: string;
  /** Set by a re-request: shown as queued whatever its runs say. */
  reset: boolean;
  readonly createdAt: string;
  updatedAt: string;
}

export interface Annotation {
  readonly path: string;
  readonly start_line: number;
  readonly end_line: number;
  readonly start_column?: number;
  readonly end_column?: number;
  readonly annotation_level: "notice" | "warning" | "failure";
  readonly message: string;
  readonly title?: string;
  readonly raw_details?: string;
}

export interface RunAction {
  readonly label: string;
  readonly description: string;
  readonly identifier: string;
}

export interface CheckRun {
  readonly id: number;
  readonly suite: number;
  readonly repository: number;
  readonly appSlug: string;
  readonly headSha: string;
  name: string;
  externalId: string;
  detailsUrl: string;
  status: RunStatus;
  conclusion: Conclusion | null;
  startedAt: string;
  completedAt: string | null;
  title: string | null;
  summary: string | null;
  text: string | null;
  readonly annotations: Annotation[];
  actions: readonly RunAction[];
}

export interface Status {
  readonly id: number;
  readonly repository: number;
  readonly sha: string;
  readonly context: string;
  readonly state: "error" | "failure" | "pending" | "success";
  readonly description: string | null;
  readonly targetUrl: string | null;
  readonly author: string;
  readonly at: string;
}

export interface Team {
  readonly organisation: string;
  readonly slug: string;
  readonly members: Map<string, "member" | "maintainer">;
}

export type Permissions = Readonly<Record<string, string>>;

export interface Installation {
  readonly id: number;
  readonly account: string;
  selection: "all" | "selected";
  readonly repositories: Set<number>;
  permissions: Permissions;
  events: readonly string[];
  suspendedAt: string | null;
  readonly createdAt: string;
}

export interface Token {
  readonly token: string;
  readonly installation: number;
  /** undefined = all of the installation's. */
  readonly repositories: readonly number[] | undefined;
  readonly permissions: Permissions;
  readonly expiresAt: string;
}

export interface MergeGroup {
  readonly repository: number;
  readonly pull: number;
  readonly headRef: string;
  readonly headSha: string;
  readonly baseRef: string;
  readonly baseSha: string;
  open: boolean;
}

export function emptyData(): Data {
  return {
    nextId: 1000,
    accounts: new Map(),
    repositories: new Map(),
    pulls: new Map(),
    issues: new Map(),
    comments: new Map(),
    reactions: [],
    suites: new Map(),
    runs: new Map(),
    statuses: [],
    teams: [],
    installations: new Map(),
    tokens: new Map(),
    mergeGroups: [],
  };
}
