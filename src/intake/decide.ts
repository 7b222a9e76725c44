import type { BuildRequested } from "../builds/build-record.ts";
import type { ForgeEvent } from "../forge/event.ts";

/** What flibs will do about an event. `ignored` carries the reason: a silent bot must be able to say why. */
export type Intent =
  | { readonly kind: "build"; readonly request: BuildRequested }
  | { readonly kind: "check-promotion"; readonly repository: string; readonly number: number; readonly head: string }
  /** Look at the registry manifests again: release what is merged, check the open promotions against the new base. */
  | { readonly kind: "release"; readonly repository: string; readonly commit: string }
  | { readonly kind: "ignored"; readonly reason: string };

export interface IntakePolicy {
  /** Namespace whose repositories are built: `containers`. */
  readonly namespace: string;
  /** Branch patterns; `*` stands for any letters but `/`. */
  readonly branches: readonly string[];
  readonly manifests: { readonly repository: string; readonly branch: string };
}

/** Pure: the whole of what makes flibs act on its own. */
export function decide(event: ForgeEvent, policy: IntakePolicy): Intent {
  if (event.repository === policy.manifests.repository) return decideManifests(event, policy);
  if (event.repository.startsWith(`${policy.namespace}/`)) return decideContainers(event, policy);
  return ignored(`${event.repository} is neither in ${policy.namespace}/ nor the registry-manifest repository`);
}

function decideContainers(event: ForgeEvent, policy: IntakePolicy): Intent {
  switch (event.kind) {
    case "branch-pushed": {
      if (event.after === undefined) return ignored(`branch ${event.branch} was deleted`);
      if (!policy.branches.some((pattern) => matchesBranch(pattern, event.branch))) {
        return ignored(`branch ${event.branch} is not built; built are ${policy.branches.join(", ")}`);
      }
      return {
        kind: "build",
        request: {
          forge: event.forge,
          repository: event.repository,
          branch: event.branch,
          commit: event.after,
          scratch: false,
          requestedBy: event.actor,
        },
      };
    }
    case "pull-merged":
      return ignored("the push that comes with the merge is what is built");
    case "pull-opened":
    case "pull-updated":
    case "pull-closed":
    case "comment-added":
    case "check-rerequested":
    case "check-action-requested":
    case "merge-queued":
    case "merge-unqueued":
      return ignored("pull requests of container repositories are built on request: flibs container-build --scratch");
  }
}

function decideManifests(event: ForgeEvent, policy: IntakePolicy): Intent {
  switch (event.kind) {
    case "branch-pushed":
      if (event.branch !== policy.manifests.branch) return ignored(`only ${policy.manifests.branch} is released`);
      if (event.after === undefined) return ignored(`branch ${event.branch} was deleted`);
      return { kind: "release", repository: event.repository, commit: event.after };
    case "pull-merged":
      if (event.base !== policy.manifests.branch) return ignored(`only ${policy.manifests.branch} is released`);
      return { kind: "release", repository: event.repository, commit: event.mergeCommit };
    case "pull-opened":
    case "pull-updated":
      return { kind: "check-promotion", repository: event.repository, number: event.number, head: event.head };
    case "pull-closed":
      return ignored("a closed promotion releases nothing");
    case "comment-added":
    case "check-rerequested":
    case "check-action-requested":
    case "merge-queued":
    case "merge-unqueued":
      return ignored("promotions are checked when their branch moves");
  }
}

/** `f*` matches `f40` but not `f40/x`. */
export function matchesBranch(pattern: string, branch: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^/]*")}$`).test(branch);
}

function ignored(reason: string): Intent {
  return { kind: "ignored", reason };
}
