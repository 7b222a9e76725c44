/**
 * What every forge says, in one short union. Raw payloads do not leave the forge room; an event is a hint to look,
 * so it carries names and commit ids and nothing that could be looked up later.
 */
export type ForgeEvent =
  | BranchPushed
  | PullChanged
  | PullMerged
  | PullClosed
  | CommentAdded
  | CheckRerequested
  | CheckActionRequested
  | MergeQueued
  | MergeUnqueued;

interface Common {
  /** The forge's name in the settings, for example `local`. */
  readonly forge: string;
  /** `namespace/name`, for example `containers/cockpit`. */
  readonly repository: string;
  /** Who did it on the forge; `unknown` where the forge does not say. */
  readonly actor: string;
}

export interface BranchPushed extends Common {
  readonly kind: "branch-pushed";
  readonly branch: string;
  /** The branch's head after the push; undefined when the branch was deleted. */
  readonly after: string | undefined;
}

export interface PullChanged extends Common {
  readonly kind: "pull-opened" | "pull-updated";
  readonly number: number;
  readonly head: string;
  /** The forge's id of what left the head as it was, another base branch or opening it again: what was found at this head before counts no more. */
  readonly request?: string | undefined;
}

export interface PullMerged extends Common {
  readonly kind: "pull-merged";
  readonly number: number;
  readonly base: string;
  readonly mergeCommit: string;
}

export interface PullClosed extends Common {
  readonly kind: "pull-closed";
  readonly number: number;
}

export interface CommentAdded extends Common {
  readonly kind: "comment-added";
  readonly number: number;
  readonly comment: string;
  readonly text: string;
  /** Written by a program: bots never command. */
  readonly fromBot: boolean;
}

/** Somebody wants a status of ours again, or all of a commit's when no name is given. */
export interface CheckRerequested extends Common {
  readonly kind: "check-rerequested";
  readonly commit: string;
  readonly name: string | undefined;
  /** {@link CommitStatus.key} of the status; undefined for all of a commit's. */
  readonly key: string | undefined;
  /** The forge's id of this request, so that a second one is another one. */
  readonly request: string;
}

/** Somebody pressed a button on a status. */
export interface CheckActionRequested extends Common {
  readonly kind: "check-action-requested";
  readonly commit: string;
  readonly name: string;
  readonly key: string | undefined;
  readonly action: string;
}

/** A merge queue wants to know whether a commit, the base with one or more pull requests on it, may become the base's head. */
export interface MergeQueued extends Common {
  readonly kind: "merge-queued";
  readonly commit: string;
  readonly baseBranch: string;
  readonly baseCommit: string;
}

/** The queue has let the commit go: merged, or not wanted any more. */
export interface MergeUnqueued extends Common {
  readonly kind: "merge-unqueued";
  readonly commit: string;
}
