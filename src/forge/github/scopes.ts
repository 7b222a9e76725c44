/** Permissions of an installation token, as GitHub names them; `metadata: read` comes with every one. */
export type Permissions = Readonly<Record<string, "read" | "write">>;

/** What a token is for; each call of the adapter names one. No token can do more than its step, nor reach another repository. */
export const scopes = {
  /** Fetching commits, reading a branch's head. */
  sources: { contents: "read" },
  /** Check runs. */
  statuses: { checks: "write" },
  /** Comments and reactions below pull requests. */
  comments: { issues: "write" },
  pulls: { pull_requests: "read" },
  /** Branch, commit and pull request of a promotion. */
  proposals: { contents: "write", pull_requests: "write" },
  /** Roles of people. */
  people: { metadata: "read" },
  /** Which repositories there are. */
  listing: { metadata: "read" },
  /** The sweep: branches, pull requests and their comments; for all repositories at once, so that a thousand of them need one token. */
  sweep: { contents: "read", pull_requests: "read", issues: "read" },
} as const satisfies Record<string, Permissions>;

export type Scope = keyof typeof scopes;
