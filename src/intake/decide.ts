import type { BuildRequested } from "../builds/build-record.ts";
import { matchesBranch } from "../domain/branch-pattern.ts";
import type { CommentAdded, ForgeEvent } from "../forge/event.ts";
import type { Pull } from "../forge/forge.ts";
import type { CheckRequest } from "./check-request-flow.ts";
import type { CommandIntent } from "./command-intent.ts";
import { type CommentSettings, parseComment } from "./commands/parse-comment.ts";

/** What flibs will do about an event. `ignored` carries the reason: a silent bot must be able to say why. */
export type Intent =
  | { readonly kind: "build"; readonly request: BuildRequested }
  /** Look at a pull request of a container repository: lint its head, drop what is built of older ones. */
  | {
      readonly kind: "pull";
      readonly forge: string;
      readonly repository: string;
      readonly number: number;
      /** As it is when the event is heard; undefined before. */
      readonly head: string | undefined;
      readonly state: Pull["state"] | undefined;
      /** See {@link PullChanged}; the same below. */
      readonly request?: string | undefined;
    }
  | {
      readonly kind: "check-promotion";
      readonly repository: string;
      readonly number: number;
      readonly head: string;
      readonly request?: string | undefined;
    }
  /** The same for a commit that a merge queue made. */
  | {
      readonly kind: "check-queued";
      readonly repository: string;
      readonly commit: string;
      readonly baseBranch: string;
      readonly baseCommit: string;
    }
  /** A queue has let a commit go: what is still done for it is not wanted any more. */
  | { readonly kind: "drop-queued"; readonly repository: string; readonly commit: string }
  /** Look at the registry manifests again: release what is merged, check the open promotions against the new base. */
  | { readonly kind: "release"; readonly repository: string; readonly commit: string }
  | { readonly kind: "commands"; readonly intent: CommandIntent }
  | { readonly kind: "check-request"; readonly intent: CheckRequest }
  | { readonly kind: "ignored"; readonly reason: string };

export interface IntakePolicy {
  /** Namespace whose repositories are built: `containers`. */
  readonly namespace: string;
  /** Branch patterns; `*` stands for any letters but `/`. */
  readonly branches: readonly string[];
  /** What a push does to builds of earlier commits of its branch; `replace` when left out. */
  readonly newerPush?: "replace" | "replace-waiting" | "queue";
  readonly manifests: { readonly repository: string; readonly branch: string };
  readonly commands: CommentSettings;
}

/** Pure: the whole of what makes flibs act on its own. */
export function decide(event: ForgeEvent, policy: IntakePolicy): Intent {
  if (event.repository === policy.manifests.repository) return decideManifests(event, policy);
  if (event.repository.startsWith(`${policy.namespace}/`)) return decideContainers(event, policy);
  return ignored(`${event.repository} is neither in ${policy.namespace}/ nor the registry-manifest repository`);
}

function decideContainers(event: ForgeEvent, policy: IntakePolicy): Intent {
  const { forge, repository, actor } = event;
  switch (event.kind) {
    case "branch-pushed": {
      if (event.after === undefined) return ignored(`branch ${event.branch} was deleted`);
      if (!isBuilt(event.branch, policy)) return ignored(notBuilt(event.branch, policy));
      return {
        kind: "build",
        request: { forge, repository, branch: event.branch, commit: event.after, scratch: false, requestedBy: actor },
      };
    }
    case "pull-opened":
    case "pull-updated":
      return { kind: "pull", forge, repository, number: event.number, head: event.head, state: "open", request: event.request };
    case "pull-merged":
    case "pull-closed":
      return { kind: "pull", forge, repository, number: event.number, head: undefined, state: undefined };
    case "merge-queued":
      if (!isBuilt(event.baseBranch, policy)) return ignored(notBuilt(event.baseBranch, policy));
      return {
        kind: "build",
        request: { forge, repository, branch: event.baseBranch, commit: event.commit, scratch: true, requestedBy: actor },
      };
    case "merge-unqueued":
      return { kind: "drop-queued", repository, commit: event.commit };
    default:
      return decideWish(event, policy);
  }
}

function decideManifests(event: ForgeEvent, policy: IntakePolicy): Intent {
  const { repository } = event;
  switch (event.kind) {
    case "branch-pushed":
      if (event.branch !== policy.manifests.branch) return ignored(`only ${policy.manifests.branch} is released`);
      if (event.after === undefined) return ignored(`branch ${event.branch} was deleted`);
      return { kind: "release", repository, commit: event.after };
    case "pull-merged":
      if (event.base !== policy.manifests.branch) return ignored(`only ${policy.manifests.branch} is released`);
      return { kind: "release", repository, commit: event.mergeCommit };
    case "pull-opened":
    case "pull-updated":
      return { kind: "check-promotion", repository, number: event.number, head: event.head, request: event.request };
    case "pull-closed":
      return ignored("a closed promotion releases nothing");
    case "merge-queued":
      if (event.baseBranch !== policy.manifests.branch) return ignored(`only ${policy.manifests.branch} is released`);
      return { kind: "check-queued", repository, commit: event.commit, baseBranch: event.baseBranch, baseCommit: event.baseCommit };
    case "merge-unqueued":
      return { kind: "drop-queued", repository, commit: event.commit };
    default:
      return decideWish(event, policy);
  }
}

type Wish = Extract<ForgeEvent, { readonly kind: "comment-added" | "check-rerequested" | "check-action-requested" }>;

/** What people ask for, which is the same in both kinds of repositories; whether they may is asked where it is carried out. */
function decideWish(event: Wish, policy: IntakePolicy): Intent {
  const { forge, repository, actor } = event;
  switch (event.kind) {
    case "comment-added":
      return decideComment(event, policy);
    case "check-rerequested": {
      const { commit, name, key, request } = event;
      const which = { ...(name === undefined ? {} : { name }), ...(key === undefined ? {} : { key }) };
      return { kind: "check-request", intent: { what: "again", forge, repository, commit, ...which, request, actor } };
    }
    case "check-action-requested": {
      const { commit, name, key, action } = event;
      if (action !== "cancel") return ignored(`there is no button "${action.slice(0, 40)}"`);
      if (key === undefined) return ignored("the button's check names no run");
      return { kind: "check-request", intent: { what: "cancel", forge, repository, commit, name, key, request: `cancel ${key}`, actor } };
    }
  }
}

function decideComment({ forge, repository, actor, number, comment, text, fromBot }: CommentAdded, policy: IntakePolicy): Intent {
  if (fromBot) return ignored("bots do not command");
  const { commands, problems } = parseComment(text, policy.commands);
  if (commands.length + problems.length === 0) return ignored("the comment has no command");
  const place = repository === policy.manifests.repository ? "manifests" : "containers";
  return { kind: "commands", intent: { forge, repository, place, number, comment, text, actor } };
}

function isBuilt(branch: string, policy: IntakePolicy): boolean {
  return policy.branches.some((pattern) => matchesBranch(pattern, branch));
}

function notBuilt(branch: string, policy: IntakePolicy): string {
  return `branch ${branch} is not built; built are ${policy.branches.join(", ")}`;
}

function ignored(reason: string): Intent {
  return { kind: "ignored", reason };
}
