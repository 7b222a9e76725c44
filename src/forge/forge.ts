import type { ForgeEvent } from "./event.ts";
import type { Permission } from "./permission.ts";

/**
 * The doors to a forge: what flibs reads from repositories, says on commits and pull requests, and hears.
 * Three small ports, so that a test or a forge may have one without the others; an adapter implements all three.
 * Every write may be called twice with the same arguments and then changes nothing the second time.
 */
export interface Forge extends ForgeSources, ForgePulls, ForgeInbox {
  /** The forge's name in the settings and in delivery ids. */
  readonly name: string;
  readonly capabilities: ForgeCapabilities;
}

/** What a forge of this process holds open. */
export interface ForgeProcesses {
  /** Ends the processes of git that wait for the next question; others end by themselves seconds after the last one. May be asked again afterwards. */
  close(): void;
}

/** How forges differ. A flow asks here, never for the forge's name. */
export interface ForgeCapabilities {
  /** A comment can be answered with a reaction (GitHub yes, Pagure and local no). */
  readonly reactions: boolean;
  /** A comment of ours can be edited in place; where not, a changed answer is a new comment. */
  readonly editableComments: boolean;
  /** Longest body of a pull request or comment, in characters. */
  readonly maxBodyLength: number;
  /** Statuses show remarks at lines of the change, and buttons (GitHub's check runs yes; local keeps and shows them in the summary). */
  readonly annotations: boolean;
  /**
   * Statuses keep their summary. Where they have room for a line only, the page that they link to has the rest, and a failure is told in a comment
   * below the pull requests that the commit is the head of.
   */
  readonly summaries: boolean;
  /** The forge remembers what it sent, so that {@link ForgeInbox.findLostDeliveries} can find something. */
  readonly deliveryRecord: boolean;
}

/** Reading a repository at an exact commit. Repositories are `namespace/name`. */
export interface ForgeSources {
  /** Address that git clones a repository from, without any credential; it is written into documents that leave flibs. */
  sourceUrl(repository: string): string;
  /** Page that compares two commits; undefined where the forge has no pages. */
  compareUrl(repository: string, from: string, to: string): string | undefined;
  /** Head commit of a branch; undefined when the branch or repository does not exist. */
  findHead(repository: string, branch: string): Promise<string | undefined>;
  /** Exact bytes of a file at a commit; undefined when the commit has no such file. Throws `forge.commit-unknown`. */
  findFile(repository: string, commit: string, path: string): Promise<Uint8Array | undefined>;
  /** Paths and blob ids of all files below a directory at a commit, recursive, sorted by path; symbolic links included as files. */
  listFiles(repository: string, commit: string, directory: string): Promise<readonly TreeFile[]>;
  /**
   * Writes the tree of a commit into an absent or empty directory, without `.git`, modes and symbolic links kept as they are.
   * Throws `forge.tree-too-large` when the sum of sizes exceeds `maxBytes`, before anything is written.
   */
  checkout(repository: string, commit: string, directory: string, maxBytes: number): Promise<void>;
  /** Files changed between two commits with a unified diff, cut at `maxBytes`. */
  diff(repository: string, from: string, to: string, paths: readonly string[], maxBytes: number): Promise<string>;
  /** Is `ancestor` reachable from `descendant`? False when either is unknown. */
  isAncestor(repository: string, ancestor: string, descendant: string): Promise<boolean>;
  /**
   * All best common ancestors of two commits, sorted; none when the histories never met. More than one after merges that cross. A forge
   * whose API names only one must find the others by itself: what a merge does to a file can't be told from one alone.
   * Throws `forge.commit-unknown`.
   */
  listMergeBases(repository: string, a: string, b: string): Promise<readonly string[]>;
  /** Commits reachable from `head` that changed `path`, newest first, at most `limit`. */
  fileHistory(repository: string, head: string, path: string, limit: number): Promise<readonly string[]>;
}

export interface TreeFile {
  /** Relative to the repository's root. */
  readonly path: string;
  /** Git blob id. */
  readonly blob: string;
  /** Bytes. */
  readonly size: number;
}

export interface Pull {
  readonly repository: string;
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly author: string;
  readonly state: "open" | "merged" | "closed";
  /** Branch that is asked to be merged, and its head commit now (or when it was closed). */
  readonly headBranch: string;
  readonly head: string;
  /** The branch stands in another repository, to which people may push whom this one does not know. */
  readonly fromFork: boolean;
  /** Branch to merge into, and its head commit now. */
  readonly baseBranch: string;
  readonly baseHead: string;
  /** False when merging would conflict. */
  readonly mergeable: boolean;
  readonly mergeCommit?: string;
  readonly openedAt: string;
  /** Page of the pull request, when the forge has pages. */
  readonly url?: string;
}

export interface PullComment {
  readonly id: string;
  readonly author: string;
  readonly text: string;
  /** ISO 8601. */
  readonly at: string;
}

/** What a commit's status says; a forge maps it onto check runs, flags or statuses. */
export interface CommitStatus {
  /** Stable over the life of a commit, for example `flibs / build (linux/amd64)`; a second status of one name replaces the first. */
  readonly name: string;
  readonly state: StatusState;
  /** One line, at most 140 characters. */
  readonly title: string;
  /** Markdown; what failed, how to mend it. */
  readonly summary: string;
  /** Page with steps and logs. */
  readonly url?: string;
  /** Id of the run that says it; comes back in {@link CheckRerequested}. */
  readonly key?: string;
  /** Remarks at lines of files, most severe first; a forge without {@link ForgeCapabilities.annotations} leaves them out. */
  readonly annotations?: readonly Annotation[];
  /** Buttons, offered while it is not over; where there are none, commands do the same. */
  readonly actions?: readonly StatusAction[];
}

/**
 * - `waiting-approval`: a person has to say something first
 * - `error`: flibs or what it stands on failed; `failure`: the maintainer's files did
 * - `skipped`: not wanted here; `neutral`: advice, or a failure that blocks nothing
 */
export type StatusState =
  | "pending"
  | "running"
  | "waiting-approval"
  | "success"
  | "failure"
  | "error"
  | "timed-out"
  | "cancelled"
  | "skipped"
  | "neutral";

/** Nothing will be said after it unless something is asked for again. */
export function isStatusOver(state: StatusState): boolean {
  return state !== "pending" && state !== "running";
}

export interface Annotation {
  /** Relative to the repository's root. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly endLine?: number;
  readonly level: "failure" | "warning" | "notice";
  /** Plain text. */
  readonly message: string;
  readonly title?: string;
}

export interface StatusAction {
  /** `cancel`; comes back in {@link CheckActionRequested}. */
  readonly identifier: string;
  /** At most 20 characters. */
  readonly label: string;
  /** At most 40 characters. */
  readonly description: string;
}

/** `seen`: taken up; `done`: carried out; `refused`: not carried out. */
export type Reaction = "seen" | "done" | "refused";

/** A pull request that flibs owns: one branch, a set of whole files on top of the base branch. */
export interface ProposedChange {
  readonly repository: string;
  /** Stable name, for example `promote/f40/cockpit`. */
  readonly branch: string;
  readonly baseBranch: string;
  /** Commit of the base branch that `files` was computed from. */
  readonly baseCommit: string;
  /** Path to whole new text. */
  readonly files: Readonly<Record<string, string>>;
  readonly commitMessage: string;
  readonly title: string;
  readonly body: string;
}

export type ProposalOutcome =
  | { readonly outcome: "opened" | "updated" | "unchanged"; readonly number: number; readonly head: string }
  /** The branch's head is a person's commit: nothing was written. */
  | { readonly outcome: "person-owned"; readonly number: number | undefined; readonly head: string }
  /** The base branch has moved on from `baseCommit`: compute again. */
  | { readonly outcome: "base-moved" };

/** Statuses, comments, permissions and pull requests. */
export interface ForgePulls {
  setStatus(repository: string, commit: string, status: CommitStatus): Promise<void>;
  listStatuses(repository: string, commit: string): Promise<readonly CommitStatus[]>;
  findPull(repository: string, number: number): Promise<Pull | undefined>;
  listPulls(repository: string, state: Pull["state"] | "all"): Promise<readonly Pull[]>;
  /** Merged ones by number, newest first, read as far as somebody asks: after years there are thousands. One may come twice. */
  listMergedPulls(repository: string): AsyncIterable<Pull>;
  /** Page of a pull request, of all of a repository without a number; undefined where the forge has no pages. Asks nobody. */
  pullUrl(repository: string, number?: number): string | undefined;
  listComments(repository: string, number: number): Promise<readonly PullComment[]>;
  /**
   * One comment of ours per key: written once, edited in place when the text differs. `news`: what of the text people have to hear of, all of it
   * when left out; where {@link ForgeCapabilities.editableComments} is false, a text with the same news is not said again.
   */
  ensureComment(repository: string, number: number, key: string, text: string, news?: string): Promise<void>;
  /**
   * Adds a reaction of ours to a comment, in place of an earlier one of ours. Where {@link ForgeCapabilities.reactions} is false, it is said by a status
   * of the pull request's head, or not at all.
   */
  react(repository: string, number: number, comment: string, reaction: Reaction): Promise<void>;
  /** Opens the pull request for `branch`, or brings the open one up to date; never writes over a person's commit. */
  proposeChange(change: ProposedChange): Promise<ProposalOutcome>;
  /**
   * What a person may do there: the role itself, a custom role as the standard one that it stands on. `none` for unknown people. `branch`: where
   * it is to be done, on a forge whose rights differ by branch; the usual one when left out.
   */
  findPermission(repository: string, person: string, branch?: string): Promise<Permission>;
}

/** A delivery as it came in: believed only after {@link ForgeInbox.parseDelivery} accepted its signature. */
export interface RawDelivery {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Hearing: deliveries, and the sweep that finds what no delivery told. */
export interface ForgeInbox {
  /**
   * Constant-time check over the raw bytes; gives the delivery's id, or throws `intake.signature-*` or `intake.delivery-malformed`. May ask the forge for
   * a key that is not known yet.
   */
  verifyDelivery(delivery: RawDelivery): string | Promise<string>;
  /** Events of a verified delivery; empty for what flibs does not listen to. Throws `intake.delivery-malformed`. */
  parseDelivery(delivery: RawDelivery): Promise<readonly ForgeEvent[]>;
  /**
   * Everything that could have been missed since a cursor, as events, and the next cursor. `undefined` = look at everything that is
   * there now. May repeat what was told already; must not leave anything out.
   */
  changesSince(cursor: string | undefined): Promise<{ readonly events: readonly ForgeEvent[]; readonly cursor: string }>;
  /**
   * Deliveries that the forge sent since a cursor and that never arrived here: `isKnown` tells of each id whether the inbox has it. They come
   * from the forge itself over an authenticated connection, so they are stored without a signature. Finds nothing where
   * {@link ForgeCapabilities.deliveryRecord} is false.
   */
  findLostDeliveries(
    cursor: string | undefined,
    isKnown: (deliveryId: string) => Promise<boolean>,
  ): Promise<{ readonly lost: readonly LostDelivery[]; readonly cursor: string }>;
}

export interface LostDelivery extends RawDelivery {
  readonly deliveryId: string;
}
