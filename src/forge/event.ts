/**
 * What every forge says, in one short union. Raw payloads do not leave the forge room; an event is a hint to look,
 * so it carries names and commit ids and nothing that could be looked up later.
 */
export type ForgeEvent = BranchPushed | PullChanged | PullMerged | PullClosed | CommentAdded;

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
}
