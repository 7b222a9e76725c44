import { z } from "zod";
import { appError } from "../../domain/errors.ts";
import type { ForgeEvent } from "../event.ts";
import { isBranchName, isRepositoryName } from "../git/names.ts";
import { commitId, fullname, isSaid, PullRequest } from "./schemas.ts";

export interface DecodeOptions {
  /** The forge's name in the settings. */
  readonly forge: string;
  /** Login of the bot: what it does itself is no news. */
  readonly user: string;
  /** The message's id. */
  readonly message: string;
  /** When the message was made, in epoch seconds. */
  readonly sentAt: number;
}

/**
 * Comments are told with all that were there before them, and the new one need not be the last: four of twelve at one time were never
 * last on a real Pagure. Those of the last minutes are told again each time, and known by their ids; what was lost longer ago is the sweep's.
 */
const recentSeconds = 600;

/** `sentAt`: epoch seconds of the message that tells of it. */
export function isRecent(comment: { readonly date_created: string }, sentAt: number): boolean {
  return sentAt - Number(comment.date_created) <= recentSeconds;
}

const agent = z.string().max(100);
const branch = z.string().refine(isBranchName);
const repo = z.object({ fullname });
const receive = z.object({ agent, branch, end_commit: commitId, repo });
const ref = z.object({ agent, branch, rev: commitId, repo });
const pull = z.object({ agent, pullrequest: PullRequest });
const closed = z.object({ agent, pullrequest: PullRequest, merged: z.boolean() });

type Common = Pick<ForgeEvent, "forge" | "actor"> & { readonly repository: string };

/**
 * Pure. What one message says, by its topic without any prefix (`git.receive`) and its `msg` object: the same for webhooks and for
 * fedora-messaging, which leaves out `pagure_instance` and `project_fullname`. Comments are hints: see `readHeardComments`. Empty for what flibs does not listen to: forks, tags,
 * flags, edited comments (an admin may edit what another said), and what Pagure says itself. Throws `intake.delivery-malformed`.
 */
export function decodeMessage(topic: string, msg: unknown, options: DecodeOptions): readonly ForgeEvent[] {
  switch (topic) {
    case "git.receive": {
      // `branch` may be the name of a tag: whoever builds asks for the branch's head, and a tag has none.
      const { agent: actor, branch: name, end_commit: after, repo: at } = parse(receive, topic, msg);
      return tell(at.fullname, actor, options, (common) => [{ ...common, kind: "branch-pushed", branch: name, after }]);
    }
    case "git.branch.creation":
    case "git.branch.deletion": {
      const { agent: actor, branch: name, rev, repo: at } = parse(ref, topic, msg);
      const after = topic === "git.branch.deletion" ? undefined : rev;
      return tell(at.fullname, actor, options, (common) => [{ ...common, kind: "branch-pushed", branch: name, after }]);
    }
    case "pull-request.new":
    case "pull-request.reopened":
    case "pull-request.updated":
    case "pull-request.rebased":
    case "pull-request.initial_comment.edited":
      return decodePull(topic, msg, options);
    case "pull-request.comment.added":
      return decodeComments(topic, msg, options);
    case "pull-request.closed": {
      const { agent: actor, pullrequest, merged } = parse(closed, topic, msg);
      return tell(pullrequest.project.fullname, actor, options, (common) => endOf(common, pullrequest, merged));
    }
    default:
      return [];
  }
}

/** `org.fedoraproject.prod.pagure.git.receive` and `io.pagure.prod.pagure.git.receive` to `git.receive`; others stay. */
export function topicWithoutPrefix(topic: string): string {
  return topic.replace(/^(?:[a-z0-9]+\.){2}[a-z0-9]+\.pagure\./, "");
}

function decodePull(topic: string, msg: unknown, options: DecodeOptions): readonly ForgeEvent[] {
  const { agent: actor, pullrequest } = parse(pull, topic, msg);
  const { id: number, commit_stop: head, project } = pullrequest;
  const isEdited = topic === "pull-request.initial_comment.edited";
  // The bot writes title and description alone.
  if (head === null || (isEdited && actor === options.user)) return [];
  const kind = topic === "pull-request.new" || topic === "pull-request.reopened" ? "pull-opened" : "pull-updated";
  // Title, description and the branch to merge into are edited in one form, and nothing tells which of them it was.
  const request = isEdited || topic === "pull-request.reopened" ? options.message : undefined;
  return tell(project.fullname, actor, options, (common) => [{ ...common, kind, number, head, request }]);
}

function decodeComments(topic: string, msg: unknown, options: DecodeOptions): readonly ForgeEvent[] {
  const { pullrequest } = parse(pull, topic, msg);
  const { id: number, comments, project } = pullrequest;
  // Newest first: of too many only those are looked at that stand first.
  const said = comments
    .filter((one) => isSaid(one, options.user))
    .filter((one) => isRecent(one, options.sentAt))
    .sort((a, b) => b.id - a.id);
  return said.flatMap(({ id, comment: text, user }) =>
    tell(project.fullname, user.name, options, (common) => [
      { ...common, kind: "comment-added", number, comment: String(id), text, fromBot: false },
    ]),
  );
}

/** The merge commit is not told: the head is in the base now, and what is released is looked up at the base's tip. */
export function endOf(
  common: Common,
  { id: number, branch: base, commit_stop: head }: PullRequest,
  merged: boolean,
): readonly ForgeEvent[] {
  if (merged && head !== null) return [{ ...common, kind: "pull-merged", number, base, mergeCommit: head }];
  return [{ ...common, kind: "pull-closed", number }];
}

function tell(
  project: string,
  actor: string,
  { forge }: DecodeOptions,
  events: (common: Common) => readonly ForgeEvent[],
): readonly ForgeEvent[] {
  // A fork's name has three parts or four, a project without a namespace has one.
  return isRepositoryName(project) ? events({ forge, repository: project, actor }) : [];
}

function parse<S extends z.ZodType>(schema: S, topic: string, msg: unknown): z.infer<S> {
  const parsed = schema.safeParse(msg);
  if (parsed.success) return parsed.data;
  throw appError("intake.delivery-malformed", `the message "${topic}" is not what Pagure sends`, { cause: parsed.error });
}
