import type { ForgePulls, ForgeSources } from "../forge/forge.ts";
import type { Runs } from "../workflow/run.ts";
import type { BuildPorts, BuildSettings } from "./build-ports.ts";

/** A pull request at one head; the intent of the pull flow. */
export interface PullHead {
  readonly forge: string;
  /** `containers/cockpit` */
  readonly repository: string;
  readonly number: number;
  /** Commit that is looked at; when the pull request has moved on there is nothing to say about it. */
  readonly head: string;
}

/** Whose pull request it is: of somebody who may write to the repository, or of a stranger. */
export type Trust =
  | { readonly trusted: true }
  | {
      readonly trusted: false;
      /** Commit of the base branch that `container.yaml` and `tests/` are read from. */
      readonly base: string;
      /** Who said that this very commit may be built. */
      readonly approvedBy?: string;
    };

/** What the pull flow works with; a {@link BuildPorts} has most of it. */
export interface PullPorts extends Pick<BuildPorts, "workspaces" | "readTree" | "logs" | "secrets" | "engines"> {
  readonly forge: (name: string) => Pick<ForgeSources, "checkout"> & Pick<ForgePulls, "findPull" | "setStatus" | "listStatuses">;
  readonly settings: Pick<BuildSettings, "publicUrl" | "contextBytes" | "buildMs" | "labels" | "gatingContext">;
  readonly trust: (pull: PullHead) => Promise<Trust>;
  readonly runs: Pick<Runs, "list" | "cancel">;
}
